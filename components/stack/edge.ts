import type { Config } from "../../config";

/** Ports of the edge's container, as its image has them. */
export const EDGE_PORTS = {
  plain: 80,
  tls: 443,
  /** In the stack's network, for who asks the edge from inside, where the plain one sends everybody to TLS. */
  inner: 8080,
} as const;

/** Where services of the stack ask the edge, when the image's own default does not hold: with TLS at the edge. */
export function innerEdgeUrl({ tls }: Pick<Config["http"], "tls">): string | undefined {
  return tls === undefined ? undefined : `http://nginx:${EDGE_PORTS.inner}`;
}

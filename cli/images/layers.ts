import type { EngineImage } from "./removable";

/** One line of an image's history. */
export interface HistoryLine {
  bytes: number;
  /** The step of its Dockerfile. */
  step: string;
}

/** An image with what each of its layers takes, the lowest first; undefined where its history does not say. */
export interface Weighed {
  image: EngineImage;
  layers: readonly number[] | undefined;
}

/** Steps that change an image's settings and add no layer, in the words of both builders. */
const NO_LAYER =
  /^(\/bin\/sh -c #\(nop\) +)?(ARG|CMD|ENTRYPOINT|ENV|EXPOSE|HEALTHCHECK|LABEL|MAINTAINER|ONBUILD|SHELL|STOPSIGNAL|USER|VOLUME)\b/;

/** @param history The newest line first, as the engine has it. */
export function weigh(image: EngineImage, history: readonly HistoryLine[]): Weighed {
  const sizes = history
    .filter(({ bytes, step }) => bytes > 0 || !NO_LAYER.test(step))
    .map(({ bytes }) => bytes)
    .reverse();
  return { image, layers: sizes.length === image.layers.length ? sizes : undefined };
}

/**
 * What each image's removal frees: layers that no image has that stays. A layer of several that go is the first one's.
 *
 * @returns Bytes, in the order of what goes.
 */
export function freedBytes(going: readonly Weighed[], staying: readonly EngineImage[]): number[] {
  const held = new Set(staying.flatMap(({ layers }) => chains(layers)));
  return going.map(({ image, layers }) => {
    const own = chains(image.layers).map((chain, index) => {
      const isFreed = !held.has(chain);
      held.add(chain);
      return isFreed ? (layers?.[index] ?? 0) : 0;
    });
    return layers === undefined
      ? Math.max(0, image.bytes - largestBelow(image, staying))
      : own.reduce((sum, bytes) => sum + bytes, 0);
  });
}

/** A layer is stored once for all images that have the same ones below it. */
function chains(layers: readonly string[]): string[] {
  return layers.map((_, index) => layers.slice(0, index + 1).join());
}

/** Size of the largest image that another one was built on. */
function largestBelow({ layers }: EngineImage, staying: readonly EngineImage[]): number {
  const chain = layers.join();
  const below = staying.filter((other) => other.layers.length > 0 && chain.startsWith(other.layers.join()));
  return Math.max(0, ...below.map(({ bytes }) => bytes));
}

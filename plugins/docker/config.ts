/** The docker provider's configuration. */
import { type Failure, type Props, UNKNOWN } from "../lib/types";
import type { Engine } from "./engine";

const DEFAULT_HOST = "unix:///var/run/docker.sock";
const SCHEMES = ["unix:", "ssh:"];

export interface DockerConfig {
  readonly host: string;
  /** Connected by the first use. */
  engine(): Promise<Engine>;
  close(): Promise<void>;
}

/** Only what works here is accepted: anything else would be ignored without a word. */
const KNOWN: readonly string[] = ["host", "sshOpts"];

export function checkConfig(config: Props): Failure[] {
  const failures: Failure[] = [];
  const { host, sshOpts } = config;
  for (const property of Object.keys(config)) {
    if (KNOWN.includes(property)) continue;
    const reason = `is not known to this project's docker plugin, which takes ${KNOWN.join(" and ")}`;
    failures.push({ property, reason });
  }
  if (typeof host === "string" && !SCHEMES.some((scheme) => host.startsWith(`${scheme}//`))) {
    failures.push({ property: "host", reason: `is ${host}, but must start with unix:// or ssh://` });
  }
  if (sshOpts !== undefined && sshOpts !== UNKNOWN && !isTexts(sshOpts)) {
    failures.push({ property: "sshOpts", reason: "must be a list of texts, one an argument of ssh" });
  }
  return failures;
}

const isTexts = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === "string");

/** @param env where `DOCKER_HOST` stands, which counts when `host` is not set */
export function parseConfig(config: Props, env: NodeJS.ProcessEnv = process.env): DockerConfig {
  const host = typeof config.host === "string" ? config.host : env.DOCKER_HOST || DEFAULT_HOST;
  const sshOpts = isTexts(config.sshOpts) ? config.sshOpts : [];
  let engine: Promise<Engine> | undefined;
  return {
    host,
    engine: () => {
      engine ??= import("./engine.js").then(({ Engine: E }) => E.connect(host, sshOpts));
      return engine;
    },
    close: async () => (await engine)?.close(),
  };
}

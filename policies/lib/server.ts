import type { Member, Stack } from "./rule";
import { container, named, type SERVICE } from "./service";

const CONFIG = "docker:index/serviceConfig:ServiceConfig";

/** The database server. */
export function servers(stack: Stack): Member<typeof SERVICE>[] {
  return named(stack, "db");
}

/**
 * A setting of the database server, from its arguments (`-c name=value`) or from a Swarm config of the stack. Arguments win, as
 * they do for the server.
 */
export function serverSetting(stack: Stack, name: string): string | undefined {
  const pattern = new RegExp(
    `^\\s*(?:--|-c\\s*)?${name.replaceAll("_", "[_-]")}\\s*=\\s*'?([^'#\\n]*?)'?\\s*(?:#.*)?$`,
    "m",
  );
  const words = servers(stack).flatMap(({ props }) => container(props).args ?? []);
  const inArguments = words.map((word) => pattern.exec(word)?.[1]).findLast((value) => value !== undefined);
  if (inArguments !== undefined) {
    return inArguments;
  }
  const files = stack.of(CONFIG).map(({ props }) => Buffer.from(props.data ?? "", "base64").toString("utf8"));
  return files.map((text) => pattern.exec(text)?.[1]).find((value) => value !== undefined);
}

/** A duration as PostgreSQL reads it, in milliseconds; -1 when there is none. */
export function duration(text: string | undefined): number {
  const [, number, unit] = /^(-?\d+(?:\.\d+)?)\s*(ms|s|min|h)?$/.exec(text ?? "") ?? [];
  const scale = { ms: 1, s: 1000, min: 60_000, h: 3_600_000 }[unit ?? "ms"];
  return number === undefined || scale === undefined ? -1 : Number(number) * scale;
}

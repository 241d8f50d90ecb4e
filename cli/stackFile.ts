import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { parse, parseDocument, type SchemaOptions, stringify } from "yaml";
import { UserError } from "./errors";

/** Pulumi takes a text that looks like a time for one, and hands it on in another form: it has to stand in quotes. */
const AS_PULUMI_READS: SchemaOptions = { customTags: ["timestamp"] };

/** A stack's settings file, as Pulumi reads and writes it. */
export interface StackFile {
  secretsprovider?: string;
  encryptedkey?: string;
  encryptionsalt?: string;
  config?: Record<string, unknown>;
}

/** @throws UserError when the file is no YAML map. */
export function readStackFile(path: string): StackFile {
  const text = readFileSync(path, "utf8");
  try {
    const parsed: unknown = parse(text) ?? {};
    if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
      throw new Error("it is not a map");
    }
    return parsed as StackFile;
  } catch (error) {
    throw new UserError(`${path} cannot be read: ${(error as Error).message.split("\n")[0]}`, 2);
  }
}

/** Writes the file whole or not at all. */
export function writeStackFile(path: string, file: StackFile): void {
  writeWhole(path, stringify(file, AS_PULUMI_READS));
}

function writeWhole(path: string, text: string): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${process.pid}.tmp`;
  writeFileSync(temporary, text, { mode: 0o600 });
  renameSync(temporary, path);
}

/**
 * Carries the tracked defaults into a stack's live file, which also holds what a person or the launcher set.
 *
 * A value that still is what the tracked file said last time follows the tracked file; any other was set by somebody, and
 * stays.
 *
 * @param live The file as it is, or an empty one.
 * @param tracked The defaults as they are now.
 * @param trackedBefore The defaults as they were when `live` was last written.
 */
export function mergeDefaults(live: StackFile, tracked: StackFile, trackedBefore: StackFile): StackFile {
  const config = mergeMaps(live.config ?? {}, tracked.config ?? {}, trackedBefore.config ?? {});
  return { ...live, config };
}

type ConfigMap = Record<string, unknown>;

/** Value by value, also inside of maps: who has set one part of `app` still follows the others. */
function mergeMaps(live: ConfigMap, now: ConfigMap, before: ConfigMap): ConfigMap {
  const merged = { ...live };
  for (const key of new Set([...Object.keys(before), ...Object.keys(now)])) {
    const [is, will, was] = [live[key], now[key], before[key]];
    if (isMap(is) && isMap(will)) {
      merged[key] = mergeMaps(is, will, isMap(was) ? was : {});
    } else if (!(key in live) || isDeepStrictEqual(is, was)) {
      if (key in now) {
        merged[key] = will;
      } else {
        delete merged[key];
      }
    }
  }
  return merged;
}

/** Settings of the tracked defaults that a live file has no value for, as `contacts.escalation`. */
export function lackedSettings(live: StackFile, tracked: StackFile): string[] {
  const lacked = (is: ConfigMap, has: ConfigMap, prefix: string): string[] =>
    Object.entries(has).flatMap(([key, value]) => {
      const path = prefix === "" ? key.replace(/^fitnesscrm:/, "") : `${prefix}.${key}`;
      const own = is[key];
      return !(key in is) ? [path] : isMap(own) && isMap(value) ? lacked(own, value, path) : [];
    });
  return lacked(live.config ?? {}, tracked.config ?? {}, "");
}

function isMap(value: unknown): value is ConfigMap {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** One `--set KEY=VALUE`. */
export interface Setting {
  /** Path below `fitnesscrm:`: `["contacts", "onCall", 0, "email"]`. */
  path: (string | number)[];
  /** YAML: `8081` is a number, `true` a boolean, anything else text. `null`, and nothing at all, removes the setting. */
  text: string;
}

/**
 * @param argument E.g. `http.port=8081` or `contacts.onCall[0].email=eve@example.com`.
 * @throws UserError when it is no such thing, or would put a secret on a command line.
 */
export function parseSetting(argument: string): Setting {
  const match = /^(?:fitnesscrm:)?([A-Za-z][\w-]*(?:\.[A-Za-z_][\w-]*|\[\d+\])*)=(.*)$/s.exec(argument);
  if (match === null) {
    throw new UserError(`--set ${argument}: must be KEY=VALUE with a key such as http.port`, 2);
  }
  const [, key = "", text = ""] = match;
  if (key === "secrets" || key.startsWith("secrets.")) {
    throw new UserError(
      "--set secrets: a command line can be read by everybody; use `./fitnesscrm pulumi config set --secret`",
      2,
    );
  }
  const path = key.split(/[.[\]]+/).filter((part) => part !== "");
  if (path.some((part) => ["__proto__", "constructor", "prototype"].includes(part))) {
    throw new UserError(`--set ${argument}: no setting has such a name`, 2);
  }
  return { path: path.map((part) => (/^\d+$/.test(part) ? Number(part) : part)), text };
}

/**
 * Sets one value, or removes it.
 *
 * @throws UserError when the path leads through something that is neither map nor list, or the value is no YAML.
 */
export function setValue(file: StackFile, path: Setting["path"], text: string): StackFile {
  const [head, ...rest] = path;
  const value = parseYaml(path, text);
  const config = structuredClone(file.config ?? {});
  let node: Record<string | number, unknown> = config;
  let key: string | number = `fitnesscrm:${head}`;
  for (const part of rest) {
    if (value === null && (node[key] ?? null) === null) {
      // Nothing is there to be removed, and nothing is made on the way to it.
      return file;
    }
    node[key] ??= typeof part === "number" ? [] : {};
    const next = node[key];
    if (typeof next !== "object" || next === null) {
      throw new UserError(`--set ${show(path)}: ${key} is ${JSON.stringify(next)}, which has no parts`, 2);
    }
    node = next as Record<string | number, unknown>;
    key = part;
  }
  if (value !== null) {
    node[key] = value;
  } else if (Array.isArray(node) && typeof key === "number") {
    node.splice(key, 1);
  } else {
    delete node[key];
  }
  return { ...file, config };
}

/**
 * Changes values in a file that people keep: its comments, its order and everything else stay as they are. A setting that is
 * removed takes the comment that speaks of it along.
 */
export function editStackFile(path: string, settings: readonly Setting[]): void {
  const document = parseDocument(readFileSync(path, "utf8"), AS_PULUMI_READS);
  for (const { path: at, text } of settings) {
    const [head, ...rest] = at;
    const path = ["config", `fitnesscrm:${head}`, ...rest];
    const value = parseYaml(at, text);
    if (value !== null) {
      document.setIn(path, value);
    } else if (document.hasIn(path)) {
      document.deleteIn(path);
    }
  }
  writeWhole(path, document.toString());
}

/** Sets what stands beside `config:`, e.g. the encryption salt, and leaves the rest of the file as it is. */
export function editEncryption(path: string, values: Omit<StackFile, "config">): void {
  const document = parseDocument(readFileSync(path, "utf8"), AS_PULUMI_READS);
  for (const [key, value] of Object.entries(values)) {
    if (value !== undefined && !document.has(key)) {
      document.set(key, value);
    }
  }
  writeWhole(path, document.toString());
}

function parseYaml(path: Setting["path"], text: string): unknown {
  try {
    return parse(text);
  } catch {
    throw new UserError(`--set ${show(path)}: ${JSON.stringify(text)} is no YAML: put it in quotes`, 2);
  }
}

function show(path: Setting["path"]): string {
  return path
    .map((part) => (typeof part === "number" ? `[${part}]` : `.${part}`))
    .join("")
    .slice(1);
}

/**
 * The values as the program will see them: text as it is, everything else as JSON. What is encrypted is left out.
 */
export function rawConfig(file: StackFile): Record<string, string> {
  const entries = Object.entries(file.config ?? {}).filter(([, value]) => !isEncrypted(value));
  return Object.fromEntries(
    entries.map(([key, value]) => [key, typeof value === "string" ? value : JSON.stringify(value)]),
  );
}

function isEncrypted(value: unknown): boolean {
  return typeof value === "object" && value !== null && "secure" in value;
}

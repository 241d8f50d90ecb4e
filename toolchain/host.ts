import { type ChildProcess, spawn } from "node:child_process";
import { constants } from "node:fs";
import { access, open } from "node:fs/promises";
import { delimiter, join } from "node:path";
import { fetchFile, fetchText, type Progress } from "./download";

/** How a command ended. */
export interface Finished {
  /** Exit code; 127 when the command could not be started, 124 when it ran out of time. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ExecOptions {
  readonly cwd?: string;
  /** Added to the host's environment. */
  readonly env?: Readonly<Record<string, string>>;
  /** Called with every line of either stream that is not empty. */
  readonly onLine?: (line: string) => void;
  /** File that receives standard output instead of {@link Finished.stdout}. */
  readonly stdoutFile?: string;
  /** Milliseconds. */
  readonly timeout?: number;
}

/** The machine, as far as the toolchain sees it. Tests put a made-up one in its place. */
export interface Host {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly platform: NodeJS.Platform;
  readonly arch: string;
  /** `/`; where the machine's own files (`etc/apt`, `etc/ssl`, `proc`) are read. */
  readonly root: string;
  /** What stands before a command that root runs: `[]` for root, `["sudo", "-n"]`, undefined when neither works. */
  asRoot(): Promise<readonly string[] | undefined>;
  /** Absolute path of a command on PATH or in the system's own folders. */
  which(command: string): Promise<string | undefined>;
  /** Runs a command to its end; never throws. */
  exec(argv: readonly string[], options?: ExecOptions): Promise<Finished>;
  /** Why a server does not answer, or undefined when it does; any HTTP status is an answer. Asked once a host and run. */
  silent(url: string): Promise<string | undefined>;
  /** Fetches a small text. */
  fetchText(url: string): Promise<string>;
  /** Fetches a file and checks its SHA-256 (hex). `progress` gets megabytes. */
  fetchFile(url: string, sha256: string, target: string, progress: Progress): Promise<void>;
}

/** Seconds that an official server has to answer before the registries are used. */
export const PROBE_SECONDS = 3;

/** A command that failed; the message is one line. */
export class CommandFailed extends Error {
  constructor(
    readonly argv: readonly string[],
    readonly finished: Finished,
  ) {
    super(`\`${shortCommand(argv)}\` ${ending(finished)}${lastWords(finished)}`);
    this.name = "CommandFailed";
  }
}

/** Runs a command and returns its standard output; throws {@link CommandFailed}. */
export async function run(host: Host, argv: readonly string[], options?: ExecOptions): Promise<string> {
  const finished = await host.exec(argv, options);
  if (finished.code !== 0) throw new CommandFailed(argv, finished);
  return finished.stdout;
}

/** Like {@link run}, as root. */
export async function runAsRoot(
  host: Host,
  argv: readonly string[],
  options: ExecOptions = {},
): Promise<string> {
  const prefix = await host.asRoot();
  if (prefix === undefined)
    throw new Error("needs root: you are not root and sudo asks for a password or is missing");
  const { env, ...rest } = options;
  // sudo drops the environment, so that the variables travel on the command line.
  const variables = Object.entries(env ?? {}).map(([name, value]) => `${name}=${value}`);
  const command = variables.length > 0 ? ["env", ...variables, ...argv] : argv;
  return run(host, [...prefix, ...command], rest);
}

/** This machine. */
export function thisHost(env: Readonly<Record<string, string | undefined>> = process.env): Host {
  const answers = new Map<string, Promise<string | undefined>>();
  let root: Promise<readonly string[] | undefined> | undefined;
  const host: Host = {
    env,
    platform: process.platform,
    arch: process.arch,
    root: "/",
    asRoot() {
      root ??= findRoot(host);
      return root;
    },
    which: (command) => find(command, env.PATH ?? ""),
    fetchText,
    fetchFile,
    exec: (argv, options = {}) => execute(argv, options, env),
    silent(url) {
      const name = new URL(url).host;
      const known = answers.get(name) ?? probe(url);
      answers.set(name, known);
      return known;
    },
  };
  return host;
}

async function findRoot(host: Host): Promise<readonly string[] | undefined> {
  if (process.getuid?.() === 0) return [];
  if ((await host.which("sudo")) === undefined) return undefined;
  const { code } = await host.exec(["sudo", "-n", "true"], { timeout: 10_000 });
  return code === 0 ? ["sudo", "-n"] : undefined;
}

async function find(command: string, path: string): Promise<string | undefined> {
  // dockerd and debootstrap stand in folders that an ordinary user's PATH leaves out.
  for (const folder of [...path.split(delimiter), "/usr/local/sbin", "/usr/sbin", "/sbin"]) {
    if (folder === "") continue;
    const candidate = join(folder, command);
    try {
      await access(candidate, constants.X_OK);
      return candidate;
    } catch {
      // Not in this folder.
    }
  }
  return undefined;
}

async function probe(url: string): Promise<string | undefined> {
  const name = new URL(url).host;
  try {
    const response = await fetch(url, {
      method: "HEAD",
      redirect: "manual",
      signal: AbortSignal.timeout(PROBE_SECONDS * 1000),
    });
    await response.body?.cancel();
    return undefined;
  } catch (error) {
    if (error instanceof Error && error.name === "TimeoutError")
      return `${name} did not answer in ${PROBE_SECONDS} s`;
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
    const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
    return `${name} cannot be reached (${code})`;
  }
}

/** Children that end with this process, so that an interrupted run leaves no build behind. */
const children = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of children) child.kill("SIGTERM");
});

async function execute(
  argv: readonly string[],
  options: ExecOptions,
  env: Readonly<Record<string, string | undefined>>,
): Promise<Finished> {
  const [command, ...args] = argv;
  if (command === undefined) return { code: 127, stdout: "", stderr: "no command" };
  const file = options.stdoutFile === undefined ? undefined : await open(options.stdoutFile, "w");
  try {
    return await new Promise<Finished>((resolve) => {
      const child = spawn(command, args, {
        cwd: options.cwd,
        env: { ...env, ...options.env },
        stdio: ["ignore", file?.fd ?? "pipe", "pipe"],
      });
      children.add(child);
      const stdout = collect(child.stdout, options.onLine);
      const stderr = collect(child.stderr, options.onLine);
      let late = false;
      const timer =
        options.timeout === undefined
          ? undefined
          : setTimeout(() => {
              late = true;
              child.kill("SIGKILL");
            }, options.timeout);
      const end = (code: number, extra = "") => {
        clearTimeout(timer);
        children.delete(child);
        resolve({ code, stdout: stdout(), stderr: stderr() + extra });
      };
      child.once("error", (error) => end(127, error.message));
      child.once("close", (code) => end(late ? 124 : (code ?? 1)));
    });
  } finally {
    await file?.close();
  }
}

/** Most of a build's output is of no use; the end says what failed. */
const KEPT_CHARACTERS = 4_000_000;

function collect(stream: NodeJS.ReadableStream | null, onLine?: (line: string) => void): () => string {
  let text = "";
  let rest = "";
  stream?.setEncoding("utf8");
  stream?.on("data", (chunk: string) => {
    text = (text + chunk).slice(-KEPT_CHARACTERS);
    if (onLine === undefined) return;
    const lines = (rest + chunk).split(/\r?\n|\r/);
    rest = lines.pop() ?? "";
    for (const line of lines) if (line.trim() !== "") onLine(line.trim());
  });
  return () => text;
}

function shortCommand(argv: readonly string[]): string {
  let words = argv.slice(argv[0] === "sudo" ? 2 : 0);
  if (words[0] === "env")
    words = words.slice(words.findIndex((word, index) => index > 0 && !word.includes("=")));
  return words.slice(0, 4).join(" ") + (words.length > 4 ? " …" : "");
}

function ending({ code }: Finished): string {
  if (code === 127) return "could not be started";
  if (code === 124) return "ran out of time";
  return `ended with ${code}`;
}

function lastWords({ stderr, stdout }: Finished): string {
  const lines = `${stdout}\n${stderr}`.split("\n").map((line) => line.trim());
  const telling = lines.filter((line) => line !== "");
  const last =
    telling.findLast((line) => /\b(error|fatal|E:|cannot|denied|failed)/i.test(line)) ?? telling.at(-1);
  return last === undefined ? "" : `: ${last.slice(0, 300)}`;
}

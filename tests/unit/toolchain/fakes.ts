import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Context } from "../../../toolchain/context";
import { Home } from "../../../toolchain/home";
import type { ExecOptions, Finished, Host } from "../../../toolchain/host";
import type { Reporter } from "../../../toolchain/types";

type Answer = string | Partial<Finished>;
type Handler = (argv: readonly string[], options: ExecOptions) => Answer | Promise<Answer>;

/** A machine made up for a test: which servers answer, which commands exist and what they do. */
export class FakeHost implements Host {
  readonly env: Record<string, string | undefined> = { PATH: "/usr/bin" };
  platform: NodeJS.Platform = "linux";
  arch = "x64";
  /** `root`, `sudo` or `none`. */
  rights: "root" | "sudo" | "none" = "root";
  /** Hosts that answer. */
  readonly online = new Set<string>();
  readonly commands = new Map<string, string>();
  readonly calls: string[] = [];
  readonly probes: string[] = [];
  /** Content of URLs; a URL that is not here answers 404. */
  readonly texts = new Map<string, string>();
  private readonly handlers: { prefix: string; handler: Handler }[] = [];

  constructor(readonly root: string) {}

  /** Puts a command on PATH. */
  have(...commands: string[]): this {
    for (const command of commands) this.commands.set(command, `/usr/bin/${command}`);
    return this;
  }

  /** Says what happens to command lines that begin with `prefix`; a later rule wins. */
  on(prefix: string, handler: Answer | Handler): this {
    this.handlers.unshift({ prefix, handler: typeof handler === "function" ? handler : () => handler });
    return this;
  }

  /** Puts a file on the made-up machine's disk. */
  async file(path: string, content: string): Promise<this> {
    const file = join(this.root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    return this;
  }

  async asRoot() {
    return { root: [], sudo: ["sudo", "-n"], none: undefined }[this.rights];
  }

  async which(command: string) {
    return this.commands.get(command);
  }

  async exec(argv: readonly string[], options: ExecOptions = {}): Promise<Finished> {
    const line = argv.map((word) => word.replace(/^.*\/bin\/(?=\w)/, "")).join(" ");
    this.calls.push(line);
    const rule = this.handlers.find(({ prefix }) => line.startsWith(prefix));
    if (rule === undefined) return { code: 127, stdout: "", stderr: `no rule for: ${line}` };
    const answer = await rule.handler(argv, options);
    const finished = typeof answer === "string" ? { stdout: answer } : answer;
    return { code: 0, stdout: "", stderr: "", ...finished };
  }

  async silent(url: string) {
    const { host } = new URL(url);
    this.probes.push(host);
    return this.online.has(host) ? undefined : `${host} did not answer in 3 s`;
  }

  async fetchText(url: string) {
    const text = this.texts.get(url);
    if (text === undefined) throw new Error(`${url} answered 404`);
    return text;
  }

  async fetchFile(url: string, sha256: string, target: string) {
    await writeFile(target, await this.fetchText(url));
    this.calls.push(`fetch ${url} ${sha256}`);
  }

  /** The calls that contain a text. */
  called(text: string): string[] {
    return this.calls.filter((line) => line.includes(text));
  }
}

/** Records what was reported, one line an event. */
export class RecordingReporter implements Reporter {
  readonly lines: string[] = [];
  step(name: string) {
    this.lines.push(`start ${name}`);
    return {
      detail: (text: string) => void this.lines.push(`${name}: ${text}`),
      done: (text?: string) => void this.lines.push(`done ${name}: ${text}`),
      fail: (reason: string) => void this.lines.push(`fail ${name}: ${reason}`),
    };
  }
}

/** A machine, a home and a checkout of their own, all below one temporary folder that `remove` takes away. */
export async function scratch(): Promise<{
  context: Context;
  host: FakeHost;
  home: Home;
  remove(): Promise<void>;
}> {
  const folder = await mkdtemp(join(tmpdir(), "toolchain-"));
  const host = new FakeHost(join(folder, "machine"));
  const home = new Home(join(folder, "home"));
  const project = join(folder, "project");
  await mkdir(host.root, { recursive: true });
  await mkdir(project, { recursive: true });
  await home.prepare();
  return {
    context: { host, home, project },
    host,
    home,
    remove: () => rm(folder, { recursive: true, force: true }),
  };
}

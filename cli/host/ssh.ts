import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../errors";
import { lastLine } from "../exec";
import { parseLine, type ScriptLine, wholeScript } from "./script";
import type { Target } from "./target";

export interface ScriptOptions {
  /** Run it as root (the default), by sudo where the user is not root. */
  readonly root?: boolean;
  /** Over a connection of its own, which proves that the server can still be reached. */
  readonly fresh?: boolean;
  /** Hears what the script's commands print. */
  readonly onOutput?: (line: string) => void;
  readonly timeoutSeconds?: number;
}

export interface ScriptResult {
  /** The script's exit code; 255 when the connection failed, 124 when it took too long. */
  readonly code: number;
  readonly lines: readonly ScriptLine[];
  /** The end of what its commands wrote to standard error. */
  readonly stderr: string;
}

/** Runs scripts on the server. */
export interface Connection {
  run(body: string, options?: ScriptOptions): Promise<ScriptResult>;
}

const CONNECT_SECONDS = 15;
/** Packages come over the server's own line; the slowest step is the engine's 150 MB. */
const SCRIPT_SECONDS = 1200;

/**
 * Arguments of `ssh`. Everything else is the user's own: ssh_config, keys, agent, jump hosts, known hosts and how strictly
 * they are checked. `--` ends the options, so that no server's name can pass for one.
 *
 * @param options `-o` values by name.
 * @param command What the server runs; none for a connection that others share.
 */
export function sshArguments(
  target: Target,
  options: Readonly<Record<string, string>>,
  command: string | undefined,
  configFile = process.env.FITNESSCRM_SSH_CONFIG,
): string[] {
  const all = {
    BatchMode: "yes",
    ConnectTimeout: String(CONNECT_SECONDS),
    ServerAliveInterval: "15",
    ServerAliveCountMax: "4",
    // Words that explain a failure, none of the server's greetings.
    LogLevel: "ERROR",
    // What a person set for work at the terminal is in the way here.
    RemoteCommand: "none",
    ClearAllForwardings: "yes",
    ControlPersist: "no",
    ...options,
  };
  return [
    ...(configFile ? ["-F", configFile] : []),
    "-T",
    ...(command === undefined ? ["-N"] : []),
    ...Object.entries(all).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ...(target.user === undefined ? [] : ["-l", target.user]),
    ...(target.port === undefined ? [] : ["-p", String(target.port)]),
    "--",
    target.server,
    ...(command === undefined ? [] : [command]),
  ];
}

/** One line for a connection that was not made or was lost, with what to do. */
export function explainSshFailure(target: Target, stderr: string): string {
  const at = target.port === undefined ? target.server : `${target.server} port ${target.port}`;
  const login = `ssh ${target.port === undefined ? "" : `-p ${target.port} `}${target.user === undefined ? "" : `${target.user}@`}${target.server}`;
  const last = lastLine(stderr).replace(/\.$/, "");
  if (/REMOTE HOST IDENTIFICATION HAS CHANGED/.test(stderr)) {
    return `${at}: its host key is not the known one: find out why; if the server was made anew, \`ssh-keygen -R\` forgets the old key`;
  }
  if (/Host key verification failed/.test(stderr)) {
    return `${at}: its host key is not known here: run \`${login}\` once and compare the fingerprint with the server's`;
  }
  if (/Permission denied/.test(stderr)) {
    return `${at}: it accepts no key of yours for ${target.user ?? "this user"} (${last}): put one there with ssh-copy-id, or load it with ssh-add`;
  }
  if (/Could not resolve hostname/.test(stderr)) {
    return `${at}: no such name: check fitnesscrm:host (${target.setting})`;
  }
  if (/Connection refused|timed out|No route to host|Network is unreachable/i.test(stderr)) {
    return `${at} does not answer (${last}): check that the server runs, its address and port in fitnesscrm:host, and what stands between`;
  }
  return `${at}: ssh failed (${last || "it gave no reason"}): try \`${login}\``;
}

/** One connection to the server that every script shares. */
export class SshConnection implements Connection {
  private readonly children = new Set<ChildProcess>();
  private sudo = false;

  private constructor(
    readonly target: Target,
    private readonly folder: string,
  ) {}

  private get socket(): string {
    // Short: the system allows about a hundred characters, and ssh adds its own while it makes the socket.
    return join(this.folder, "c");
  }

  /** @throws UserError in one line that says what to do. */
  static async open(target: Target): Promise<SshConnection> {
    const connection = new SshConnection(target, mkdtempSync(join(tmpdir(), "fitnesscrm-ssh-")));
    try {
      await connection.connect();
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** From now on scripts become root by sudo. */
  useSudo(): void {
    this.sudo = true;
  }

  /**
   * The connection is a child that we hold, not one that `ssh` leaves in the background: that one would keep our pipes
   * open, and outlive us when we are killed.
   */
  private async connect(): Promise<void> {
    const args = sshArguments(this.target, { ControlMaster: "yes", ControlPath: this.socket }, undefined);
    const child = spawn("ssh", args, { stdio: ["ignore", "ignore", "pipe"] });
    this.hold(child);
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = (stderr + text).slice(-4000);
    });
    let ended: string | undefined;
    child.once("error", (error: NodeJS.ErrnoException) => {
      ended =
        error.code === "ENOENT" ? "the ssh command is not installed: install openssh-client" : error.message;
    });
    child.once("close", () => {
      ended ??= explainSshFailure(this.target, stderr);
    });
    // Jump hosts and slow key agents take their time beyond the one connection that ConnectTimeout covers.
    const deadline = Date.now() + 4 * CONNECT_SECONDS * 1000;
    while (!existsSync(this.socket)) {
      if (ended !== undefined) {
        throw new UserError(ended);
      }
      if (Date.now() > deadline) {
        throw new UserError(explainSshFailure(this.target, `timed out after ${4 * CONNECT_SECONDS} s`));
      }
      await sleep(25);
    }
  }

  async run(body: string, options: ScriptOptions = {}): Promise<ScriptResult> {
    const { root = true, fresh = false, onOutput, timeoutSeconds = SCRIPT_SECONDS } = options;
    const path = fresh ? "none" : this.socket;
    const command = root && this.sudo ? "sudo -n sh -s" : "sh -s";
    const args = sshArguments(this.target, { ControlMaster: "no", ControlPath: path }, command);
    const child = spawn("ssh", args, { stdio: "pipe" });
    this.hold(child);
    const lines: ScriptLine[] = [];
    let stderr = "";
    let timedOut = false;
    const timer = setTimeout(() => {
      timedOut = true;
      child.kill("SIGKILL");
    }, timeoutSeconds * 1000);
    createInterface(child.stdout).on("line", (line) => {
      const parsed = parseLine(line);
      if (parsed === undefined) onOutput?.(line);
      else lines.push(parsed);
    });
    createInterface(child.stderr).on("line", (line) => {
      stderr = `${stderr}${line}\n`.slice(-4000);
      onOutput?.(line);
    });
    // A connection that broke says so by its exit code.
    child.stdin.on("error", () => undefined);
    child.stdin.end(wholeScript(body));
    const code = await new Promise<number>((resolve) => {
      child.once("error", () => resolve(255));
      child.once("close", (status) => resolve(timedOut ? 124 : (status ?? 255)));
    });
    clearTimeout(timer);
    return { code, lines, stderr };
  }

  private hold(child: ChildProcess): void {
    this.children.add(child);
    child.once("close", () => this.children.delete(child));
  }

  close(): void {
    for (const child of this.children) {
      child.kill();
    }
    rmSync(this.folder, { recursive: true, force: true });
  }
}

import { type ChildProcess, spawn } from "node:child_process";
import { join, resolve } from "node:path";
import { fitnesscrmHome } from "../../../cli/context";

export const PROJECT = resolve(__dirname, "..", "..", "..");

/** Which of the parts that run side by side this is, from 0. */
const PART = Number(process.env.FITNESSCRM_E2E_PART ?? 0);

/** The stack of the e2e suite. Its name, ports and volumes are its own: a running `local` stack is not touched. */
export const STACK = PART === 0 ? "e2e" : `e2e-${PART}`;
export const PORTS = {
  http: 18080 + PART,
  https: 18443 + PART,
  tunnel: 25432 + PART,
  aws: 24566 + PART,
  mailbox: 28025 + PART,
} as const;
export const URL_OF_STACK = `http://localhost:${PORTS.http}`;

export const PORT_SETTINGS = [
  `http.port=${PORTS.http}`,
  `database.tunnelPort=${PORTS.tunnel}`,
  `local.awsPort=${PORTS.aws}`,
  `local.mailboxPort=${PORTS.mailbox}`,
];

/** Settings that make the embedded default a stack of the suite's own. */
export const SETTINGS = [
  ...PORT_SETTINGS,
  // Each test logs in anew.
  "http.loginLimit.perMinute=600",
  "http.loginLimit.burst=200",
  // The shortest that CloudWatch knows, so that drills take seconds.
  "alarms.periodSeconds=10",
  "alarms.evaluationPeriods=2",
  "alarms.respondSeconds.critical=30",
  "alarms.respondSeconds.other=30",
];

export interface LauncherResult {
  code: number;
  stdout: string;
  stderr: string;
  seconds: number;
}

export interface LauncherOptions {
  env?: Record<string, string>;
  timeoutSeconds?: number;
  /** The checkout to run from; this one by default. */
  checkout?: string;
}

/** A launcher that runs; for tests that do something to it meanwhile. */
export interface RunningLauncher {
  process: ChildProcess;
  /** What it has printed so far, both streams. */
  output(): string;
  result: Promise<LauncherResult>;
}

/** Starts `./fitnesscrm` as a person would, in a process group of its own. */
export function startLauncher(args: readonly string[], options: LauncherOptions = {}): RunningLauncher {
  const started = performance.now();
  const child = spawn(join(options.checkout ?? PROJECT, "fitnesscrm"), args, {
    cwd: "/",
    env: { ...process.env, FITNESSCRM_HOME: fitnesscrmHome(), ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  const timer = setTimeout(() => killGroup(child), (options.timeoutSeconds ?? 600) * 1000);
  const result = new Promise<LauncherResult>((done, failed) => {
    child.on("error", failed);
    child.on("close", (code) => {
      clearTimeout(timer);
      done({ code: code ?? 137, stdout, stderr, seconds: (performance.now() - started) / 1000 });
    });
  });
  return { process: child, output: () => stdout + stderr, result };
}

/** Kills a launcher and everything that it started, as a lost terminal or the OOM killer would. */
export function killGroup(child: ChildProcess): void {
  if (child.pid !== undefined) {
    try {
      process.kill(-child.pid, "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
}

export function launch(args: readonly string[], options?: LauncherOptions): Promise<LauncherResult> {
  return startLauncher(args, options).result;
}

const GROUPS: readonly string[] = [
  "secrets",
  "security",
  "images",
  "drill",
  "policy",
  "releases",
  "db",
  "tasks",
  "incident",
  "cache",
  "window",
];

/** Runs a command on the e2e stack. */
export function onStack(command: string, ...args: readonly string[]): Promise<LauncherResult> {
  // A command of a group, such as `secrets show`, takes its options behind its own name.
  return launch(
    GROUPS.includes(command) ? [command, ...args, "--stack", STACK] : [command, "--stack", STACK, ...args],
  );
}

/** Runs a command on the e2e stack that must succeed. */
export async function mustOnStack(command: string, ...args: readonly string[]): Promise<LauncherResult> {
  const result = await onStack(command, ...args);
  if (result.code !== 0) {
    throw new Error(`./fitnesscrm ${command} ended with ${result.code}:\n${result.stdout}\n${result.stderr}`);
  }
  return result;
}

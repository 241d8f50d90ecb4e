import { execFileSync } from "node:child_process";
import { fitnesscrmHome } from "../../../cli/context";
import { run } from "../../../cli/exec";
import { prepareTools } from "../../../cli/session";
import { type StartedEngine, stopEngine } from "../../../toolchain";
import { Home } from "../../../toolchain/home";
import { startedEngine } from "../../../toolchain/tools/engine";
import { STACK } from "./launcher";
import { waitFor } from "./wait";

/**
 * Why the engine of this machine must not be stopped by a test; undefined when it may: the toolchain started it, and nothing
 * but the e2e stack runs on it.
 */
export async function engineIsNotOurs(): Promise<string | undefined> {
  if ((await ownEngine()) === undefined) {
    return "the engine was not started by the launcher, so a test must not stop it";
  }
  const { stdout } = await run("docker", [
    "container",
    "ls",
    "--format",
    '{{.Names}} {{.Label "fitnesscrm.stack"}}',
  ]);
  const others = stdout
    .split("\n")
    .filter((line) => line !== "" && !line.endsWith(` ${STACK}`))
    .map((line) => line.split(" ")[0]);
  return others.length === 0 ? undefined : `other containers run on the engine (${others.join(", ")})`;
}

function ownEngine(): Promise<StartedEngine | undefined> {
  return startedEngine(new Home(fitnesscrmHome()));
}

/** Ends the engine as an operator does: tasks are told to stop. */
export async function stopEngineGently(): Promise<void> {
  if (!(await stopEngine(fitnesscrmHome()))) {
    throw new Error("there was no engine to stop");
  }
}

/** Ends the engine and every container at once, as a power cut does. */
export async function cutPower(): Promise<void> {
  const engine = await ownEngine();
  if (engine === undefined) {
    throw new Error("there was no engine to kill");
  }
  const pids = [engine.pid, ...descendants(engine.pid), ...shims()];
  const containers = shims().flatMap(descendants);
  for (const pid of [...pids, ...containers]) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {
      // It went with its parent.
    }
  }
  await waitFor("the engine to be gone", async () => (await ownEngine()) === undefined, 20);
}

function descendants(pid: number): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));
  const children = rows.filter(([, parent]) => parent === pid).map(([child = 0]) => child);
  return [...children, ...children.flatMap(descendants)];
}

function shims(): number[] {
  const rows = execFileSync("ps", ["-eo", "pid=,args="], { encoding: "utf8" }).trim().split("\n");
  return rows.filter((line) => /containerd-shim/.test(line)).map((line) => Number.parseInt(line.trim(), 10));
}

/** Starts the engine again, in the way that the launcher does. */
export async function startEngine(): Promise<void> {
  const silent = { step: () => ({ detail: () => {}, done: () => {}, fail: () => {} }) };
  await prepareTools(silent, ["engine", "swarm"]);
}

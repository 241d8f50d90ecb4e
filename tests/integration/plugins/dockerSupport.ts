/** What the suites of the docker plugin share. They need an engine that is a Swarm manager. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { BASE_IMAGE } from "../../../toolchain";

/** Names of everything that the suites make start with this. */
export const PREFIX = "conf-docker";

/** Runs the docker CLI and returns what it printed. */
export const run = (...args: string[]): string => execFileSync("docker", args, { encoding: "utf8" }).trim();

/**
 * An image with `sleep` and `sh`: the one that `CONFORMANCE_IMAGE` names, or the toolchain's base. Throws with what to do
 * when there is none.
 */
export function findImage(): string {
  const base = run("image", "ls", "--format", "{{.Repository}}:{{.Tag}}", BASE_IMAGE);
  const image = process.env.CONFORMANCE_IMAGE ?? base;
  assert.ok(
    image,
    "no image to test with: set CONFORMANCE_IMAGE, or run ./fitnesscrm up once, which makes one",
  );
  return image;
}

/** What the engine has of the suites, one `kind name` each. */
export function left(): string[] {
  return ["service", "network", "volume", "secret", "config"].flatMap((kind) =>
    run(kind, "ls", "--format", "{{.Name}}")
      .split("\n")
      .filter((name) => name.startsWith(PREFIX))
      .map((name) => `${kind} ${name}`),
  );
}

export const nothingLeft = async (): Promise<void> => assert.deepEqual(left(), []);

/** Removes what an earlier run, killed in the middle, may have left; containers let go of things only after a while. */
export async function sweep(): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (left().length > 0) {
    for (const line of left()) {
      const [kind = "", name = ""] = line.split(" ");
      try {
        run(kind, "rm", name);
      } catch (error) {
        if (Date.now() > deadline) throw error;
      }
    }
    await sleep(500);
  }
}

export const labels = (...names: string[]) => names.map((label) => ({ label, value: "yes" }));
export const base64 = (text: string): string => Buffer.from(text).toString("base64");

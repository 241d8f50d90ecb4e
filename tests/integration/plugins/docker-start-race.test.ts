/** The docker plugin's service when the engine fails to start its task, through no fault of the service. */
import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import * as docker from "@pulumi/docker";
import * as pulumi from "@pulumi/pulumi";
import { base64, findImage, nothingLeft, PREFIX, run, sweep } from "./dockerSupport";
import { conformance, official } from "./harness";

/** Enough and large enough that the engine takes some milliseconds to write them. */
const CONFIGS = Array.from({ length: 12 }, (_, index) => `${PREFIX}-part${index}`);
const CONFIG_BYTES = 400_000;

/**
 * What any process does that the engine forks at the wrong moment: it has a file of a starting task open for writing when the
 * engine makes the mount that it lies in read-only. Ends after the given number of tasks, or after a minute.
 */
const HOLD = `
  const { openSync, readdirSync, writeSync } = require("node:fs");
  const [folder, times] = process.argv.slice(1);
  // A busy machine must not let the moment pass.
  try { require("node:os").setPriority(-20); } catch {}
  const list = (path) => { try { return readdirSync(path); } catch { return []; } };
  const seen = new Set(list(folder));
  const deadline = Date.now() + 60_000;
  writeSync(1, "ready\\n");
  let held = 0;
  while (held < Number(times) && Date.now() < deadline) {
    for (const id of list(folder)) {
      if (seen.has(id)) continue;
      const mount = folder + "/" + id + "/mounts/secrets";
      const [file] = list(mount);
      if (file === undefined) continue;
      try { openSync(mount + "/" + file, "r+"); } catch { continue; }
      seen.add(id);
      held += 1;
    }
  }
  writeSync(1, "held " + held + "\\n");
  setTimeout(() => undefined, 3000);
`;

let image = "";
let holder: { process: ChildProcess; said: string } | undefined;

async function hold(times: number): Promise<void> {
  const folder = join(run("info", "--format", "{{.DockerRootDir}}"), "containers");
  const child = spawn(process.execPath, ["-e", HOLD, folder, String(times)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const mine = { process: child, said: "" };
  holder = mine;
  child.stdout?.on("data", (chunk: Buffer) => {
    mine.said += chunk;
  });
  while (!mine.said.includes("ready")) {
    await once(child.stdout ?? child, "data");
  }
}

const program =
  (version: string, failures = 0) =>
  async (): Promise<void> => {
    // Previews run the program, too, and start no task.
    if (failures > 0 && !pulumi.runtime.isDryRun() && holder === undefined) {
      await hold(failures);
    }
    const configs = CONFIGS.map(
      (name) => new docker.ServiceConfig(name, { name, data: base64(name.padEnd(CONFIG_BYTES, ".")) }),
    );
    new docker.Service("svc", {
      name: `${PREFIX}-race`,
      taskSpec: {
        containerSpec: {
          image,
          commands: ["sleep", "infinity"],
          env: { VERSION: version },
          stopGracePeriod: "1s",
          healthcheck: {
            tests: ["CMD", "true"],
            interval: "1s",
            timeout: "5s",
            retries: 2,
            startPeriod: "1s",
          },
          configs: configs.map(({ id, name }) => ({
            configId: id,
            configName: name,
            fileName: pulumi.interpolate`/etc/${name}`,
          })),
        },
        restartPolicy: { condition: "any", delay: "1s" },
      },
      mode: { replicated: { replicas: 1 } },
      endpointSpec: { mode: "dnsrr" },
      updateConfig: { parallelism: 1, order: "stop-first", failureAction: "rollback", monitor: "3s" },
      rollbackConfig: { order: "stop-first", monitor: "1s" },
      convergeConfig: { delay: "1s", timeout: "1m" },
    });
  };

const kept = Object.fromEntries(CONFIGS.map((name) => [name, "same"] as const));
const version = { update: ["taskSpec.containerSpec.env.VERSION"] };

conformance({
  title: "docker.Service that the engine fails to start",
  plugins: ["docker"],
  stepTimeout: 240_000,
  before: async () => {
    image = findImage();
    await sweep();
  },
  after: async () => {
    holder?.process.kill("SIGKILL");
  },
  gone: nothingLeft,
  steps: [
    {
      name: "runs at first",
      program: program("1"),
      expect: {
        ...Object.fromEntries(CONFIGS.map((name) => [name, "create"] as const)),
        svc: "create",
      },
    },
    {
      name: official
        ? "is rolled back when the engine cannot mount what its new task reads: upstream does not try again"
        : "is updated all the same when the engine cannot mount what its new task reads, at the second try",
      program: program("2", 1),
      expect: { ...kept, svc: version },
      ...(official && { fails: /roll/ }),
      check: ({ said }) => {
        assert.match(holder?.said ?? "", /held 1/, "the fault was not made");
        if (!official) {
          assert.match(said, /device or resource busy.*trying again/);
        }
        assert.equal(versionOfService(), official ? "1" : "2");
      },
    },
  ],
});

function versionOfService(): string | undefined {
  const environment = run(
    "service",
    "inspect",
    "--format",
    '{{join .Spec.TaskTemplate.ContainerSpec.Env " "}}',
    `${PREFIX}-race`,
  );
  return /VERSION=(\S+)/.exec(environment)?.[1];
}

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { BASE_IMAGE } from "../../../toolchain";

const run = promisify(execFile);
const ROOT = resolve(__dirname, "../../..");
const NAME = `fitnesscrm-bare-${process.pid}`;
const IMAGE = "fitnesscrm-test/bare:node";

/** All that an engine needs inside a container, short of `--privileged`, which some machines do not grant. */
const RIGHTS = [
  ...["--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE"],
  ...["seccomp", "apparmor", "systempaths"].flatMap((name) => ["--security-opt", `${name}=unconfined`]),
];

describe("a bare Debian with Node and nothing else", function () {
  this.timeout(900_000);

  before(async () => {
    const folder = await mkdtemp(join(tmpdir(), "bare-"));
    try {
      const install =
        "apt-get update && apt-get install -y --no-install-recommends nodejs && rm -rf /var/lib/apt/lists/*";
      await writeFile(join(folder, "Dockerfile"), `FROM ${BASE_IMAGE}\nRUN ${install}\n`);
      await run("docker", ["build", "--quiet", "--tag", IMAGE, folder]);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
  after(async () => {
    await run("docker", ["rm", "--force", "--volumes", NAME]);
  });

  it("gets its engine from Debian, starts it by hand, forms a Swarm, and stops that engine and no other", async () => {
    const inside = "/checkout";
    const { stdout } = await run(
      "docker",
      [
        ...[
          "run",
          "--name",
          NAME,
          ...RIGHTS,
          "--volume",
          "/var/lib/docker",
          "--volume",
          `${ROOT}:${inside}:ro`,
        ],
        ...["--workdir", "/", IMAGE],
        ...["node", "--import", `file://${inside}/node_modules/tsx/dist/loader.mjs`],
        `${inside}/tests/integration/toolchain/bareMachine.ts`,
      ],
      { maxBuffer: 10_000_000 },
    );
    const [first, second, stopped, third, last] = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as unknown);
    assert.deepEqual(first, {
      ways: {
        "Docker engine": "the distribution's package docker.io",
        "Docker Swarm": "docker swarm init",
      },
      startedEngine: true,
    });
    const there = { "Docker engine": "already there", "Docker Swarm": "already there" };
    assert.deepEqual(second, { ways: there, startedEngine: true });
    assert.deepEqual(stopped, { stopped: true, again: false });
    assert.deepEqual(third, {
      ways: { ...there, "Docker engine": "starting the installed engine" },
      startedEngine: true,
    });
    assert.deepEqual(last, { stopped: true, left: false });
  });
});

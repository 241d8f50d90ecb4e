import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { identify } from "../../../toolchain/processes";
import { Resolver } from "../../../toolchain/resolver";
import { engineTool, startedEngine, stopEngine } from "../../../toolchain/tools/engine";
import { swarmTool } from "../../../toolchain/tools/swarm";
import type { Tool } from "../../../toolchain/types";
import { RecordingReporter, scratch } from "./fakes";

const UNREACHABLE = {
  code: 1,
  stderr: "Cannot connect to the Docker daemon at unix:///var/run/docker.sock.",
};

describe("Docker engine", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
    await made.host.file("etc/os-release", 'ID=debian\nVERSION_CODENAME="trixie"\n');
    await made.host.file("run/systemd/system/marker", "");
  });
  afterEach(() => made.remove());
  const provide = () => new Resolver(made.host, new RecordingReporter()).provide([engineTool(made.context)]);

  /** `systemctl start docker` makes the engine answer. */
  function startable(prefix = ""): void {
    made.host.on("docker version", UNREACHABLE);
    made.host.on(`${prefix}systemctl start docker`, () => {
      made.host.on("docker version", "28.1.0\n");
      return "";
    });
  }
  /** Packages, once installed, bring the commands. */
  function installable(prefix = ""): void {
    made.host.have("apt-get");
    made.host.on(`${prefix}env DEBIAN_FRONTEND`, (argv) => {
      if (argv.includes("install")) made.host.have("docker", "dockerd");
      return "";
    });
  }

  it("is left alone when it answers", async () => {
    made.host.have("docker").on("docker version", "28.1.0\n");
    assert.deepEqual(await provide(), [
      { tool: "Docker engine", what: "28.1.0", way: "already there", seconds: 0 },
    ]);
  });

  it("is started by the service manager when it is installed", async () => {
    made.host.have("docker", "dockerd");
    startable();
    assert.equal((await provide())[0]?.way, "starting the installed engine");
    assert.deepEqual(made.host.called("apt-get"), []);
  });

  it("is started through sudo where sudo asks for no password", async () => {
    made.host.rights = "sudo";
    made.host.have("docker", "dockerd");
    startable("sudo -n ");
    assert.equal((await provide())[0]?.way, "starting the installed engine");
    assert.deepEqual(made.host.called("systemctl"), ["sudo -n systemctl start docker"]);
  });

  it("comes from Docker's own repository where that answers", async () => {
    made.host.online.add("download.docker.com");
    made.host.texts.set("https://download.docker.com/linux/debian/gpg", "the key");
    let source = "";
    made.host.on("install -D", async (argv) => {
      const from = argv.at(-2) ?? "";
      if (from.endsWith(".sources")) source = await (await import("node:fs/promises")).readFile(from, "utf8");
      return "";
    });
    installable();
    startable();
    assert.equal((await provide())[0]?.way, "Docker's apt repository");
    assert.equal(
      source,
      "Types: deb\nURIs: https://download.docker.com/linux/debian\nSuites: trixie\nComponents: stable\nSigned-By: /etc/apt/keyrings/docker.asc\n",
    );
    assert.match(
      made.host.called("apt-get install")[0] ?? "",
      /docker-ce docker-ce-cli containerd\.io docker-buildx-plugin$/,
    );
  });

  it("comes from the distribution where only its packages can be reached", async () => {
    installable();
    startable();
    made.host.on("apt-cache policy", "  Candidate: 26.1\n");
    assert.equal((await provide())[0]?.way, "the distribution's package docker.io");
    assert.match(made.host.called("apt-get install")[0] ?? "", /docker\.io docker-cli ca-certificates$/);

    made.host.commands.delete("docker");
    made.host.calls.length = 0;
    installable();
    startable();
    made.host.on("apt-cache policy docker-cli", "  Candidate: (none)\n");
    await provide();
    assert.match(made.host.called("apt-get install")[0] ?? "", /docker\.io ca-certificates$/);
  });

  it("says that root is needed, for which step, and what to do", async () => {
    made.host.rights = "none";
    made.host.have("apt-get");
    await assert.rejects(provide(), {
      message: [
        "Docker engine is needed to run containers, and no way to get it works:",
        "  - starting the installed engine: dockerd is not installed",
        "  - Docker's apt repository: download.docker.com did not answer in 3 s",
        "  - the distribution's package docker.io: needs root: you are not root and sudo asks for a password or is missing",
        "  What to do: install Docker (https://docs.docker.com/engine/install/), or set DOCKER_HOST to an engine that answers.",
      ].join("\n"),
    });
  });

  it("tells a user outside the group docker how to get in, and installs nothing", async () => {
    made.host.have("docker", "dockerd", "apt-get");
    made.host.on("docker version", {
      code: 1,
      stderr: "permission denied while trying to connect to the docker API",
    });
    await assert.rejects(
      provide(),
      /^ToolchainError: Docker engine: the user \S+ may not talk to the engine\. What to do: run `sudo usermod -aG docker \S+`, log out and in, and try again\.$/,
    );
    assert.deepEqual(made.host.called("apt-get"), []);
  });

  it("does not install one beside an engine that DOCKER_HOST names", async () => {
    made.host.env.DOCKER_HOST = "ssh://ops@example.org";
    made.host.have("docker", "apt-get").on("docker version", { code: 1, stderr: "connection refused" });
    await assert.rejects(provide(), {
      message:
        "Docker engine: DOCKER_HOST=ssh://ops@example.org does not answer: connection refused. " +
        "What to do: start that engine, or unset DOCKER_HOST to use one on this machine.",
    });
  });

  it("says why an engine started by hand does not come up", async () => {
    await (await import("node:fs/promises")).rm(join(made.host.root, "run"), { recursive: true });
    const program = join(made.host.root, "dockerd");
    await writeFile(program, '#!/bin/sh\necho "failed to start daemon: no cgroups" >&2\nexit 1\n', {
      mode: 0o755,
    });
    made.host.have("docker").commands.set("dockerd", program);
    made.host.on("docker version", UNREACHABLE);
    await assert.rejects(
      provide(),
      /- starting the installed engine: dockerd does not come up: failed to start daemon: no cgroups \(all of it: .*dockerd\.log\)\n/,
    );
  });

  it("that was started by hand is known by process and start time, and only that one is stopped", async () => {
    const child = spawn("sleep", ["60"]);
    await once(child, "spawn");
    const record = (value: object) => writeFile(join(made.home.cache, "dockerd.json"), JSON.stringify(value));
    made.host.on("sh -c kill -TERM", (argv) => {
      process.kill(Number(argv.at(-1)), "SIGTERM");
      return "";
    });
    try {
      const identity = await identify(child.pid ?? -1);
      await record({ ...identity, started: "1@another-boot", log: "x" });
      assert.equal(await startedEngine(made.home), undefined);
      assert.equal(await stopEngine(made.host, made.home), false);
      assert.deepEqual(made.host.called("kill"), []);

      await record({ ...identity, log: "x" });
      assert.equal((await startedEngine(made.home))?.pid, child.pid);
      assert.equal(await stopEngine(made.host, made.home), true);
      assert.equal(await startedEngine(made.home), undefined);
    } finally {
      child.kill("SIGKILL");
    }
  });
});

describe("Docker Swarm", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
    made.host.on("docker network inspect", "id");
  });
  afterEach(() => made.remove());
  const engine: Tool = { name: "Engine", why: "x", remedy: "y", ways: [], present: async () => "there" };
  const provide = () =>
    new Resolver(made.host, new RecordingReporter()).provide([swarmTool(made.context, engine)]);
  const state = (LocalNodeState: string, ControlAvailable: boolean, reason = "") =>
    made.host.on("docker info", JSON.stringify({ LocalNodeState, ControlAvailable, Error: reason }));

  it("is left alone when this node is a manager", async () => {
    state("active", true);
    assert.equal((await provide()).find(({ tool }) => tool === "Docker Swarm")?.way, "already there");
  });

  it("is formed on the loopback address when there is none, and the engine's own bridge is waited for", async () => {
    state("inactive", false);
    let looks = 0;
    made.host.on("docker network inspect", () => (++looks > 2 ? "id" : { code: 1, stderr: "not found" }));
    made.host.on("docker swarm init", () => {
      state("active", true);
      return "";
    });
    await provide();
    assert.deepEqual(made.host.called("swarm init"), [
      "docker swarm init --advertise-addr 127.0.0.1 --listen-addr 127.0.0.1:2377",
    ]);
    assert.deepEqual(made.host.called("network create"), []);
  });

  it("only gets its bridge back when that is all that is missing", async () => {
    state("active", true);
    made.host.on("docker network inspect", { code: 1, stderr: "not found" });
    made.host.on("docker network create", () => {
      made.host.on("docker network inspect", "id");
      return "";
    });
    await provide();
    assert.deepEqual(made.host.called("swarm init"), []);
    assert.equal(made.host.called("network create").length, 1);
  });

  for (const [local, manager, reason, line] of [
    [
      "active",
      false,
      "",
      /this node is a worker of a Swarm, and services are made on a manager\. What to do: set DOCKER_HOST/,
    ],
    [
      "locked",
      false,
      "",
      /the Swarm is locked since the engine started\. What to do: run `docker swarm unlock` with its key\./,
    ],
    [
      "pending",
      false,
      "",
      /still waiting to join a Swarm\. What to do: start that Swarm's managers, or run `docker swarm leave --force`/,
    ],
    [
      "error",
      false,
      "raft is broken",
      /the Swarm is in the state error: raft is broken\. What to do: repair it/,
    ],
  ] as const) {
    it(`is not touched in the state ${local}${manager ? "" : " of a node that is no manager"}, and one line says what to do`, async () => {
      state(local, manager, reason);
      await assert.rejects(provide(), (error: Error) => {
        assert.match(error.message, line);
        assert.equal(error.message.split("\n").length, 1);
        return true;
      });
      assert.deepEqual(made.host.called("swarm init"), []);
    });
  }
});

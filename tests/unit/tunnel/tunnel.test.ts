import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { errorResponse, Gate } from "../../../components/database/tunnelConnection";
import { identify, isAlive, parse, runtimeFolder } from "../../../components/database/tunnelControl";
import { lastLine, ready } from "../../../components/database/tunnelTarget";

describe("the tunnel's choice of a container", () => {
  const up = (id: string, health: string) => ({ id, status: `Up 3 minutes${health}` });

  it("takes the healthy one and leaves what is still starting, unhealthy or stopped", () => {
    assert.equal(
      ready([
        up("starting", " (health: starting)"),
        up("sick", " (unhealthy)"),
        { id: "stopped", status: "Exited (0) 2 minutes ago" },
        up("paused", " (Paused)"),
        up("good", " (healthy)"),
      ]),
      "good",
    );
  });

  it("takes a running one that has no health check", () => {
    assert.equal(ready([up("plain", "")]), "plain");
  });

  it("takes none when none is fit", () => {
    assert.equal(ready([]), undefined);
    assert.equal(ready([up("sick", " (unhealthy)")]), undefined);
  });

  it("finds the line in which the Docker CLI says what is wrong", () => {
    assert.equal(lastLine("warning\nError: No such container: x\n\n"), "Error: No such container: x");
    assert.equal(lastLine(""), "");
  });
});

describe("the tunnel's word to the client", () => {
  it("is a PostgreSQL error message whose length field covers all of it", () => {
    fc.assert(
      fc.property(
        fc.string().filter((text) => !text.includes("\0")),
        (text) => {
          const packet = errorResponse(text);
          assert.equal(packet.subarray(0, 1).toString(), "E");
          assert.equal(packet.readInt32BE(1), packet.length - 1);
          const fields = packet.subarray(5, -2).toString("utf8").split("\0");
          assert.ok(fields.includes(`M${text}`));
          assert.ok(fields.includes("C08006"));
          assert.equal(packet.subarray(-2).toString("latin1"), "\0\0");
        },
      ),
    );
  });
});

describe("the tunnel's gate", () => {
  it("lets no more than its size through at once, and everybody in the end", async () => {
    const gate = new Gate(3);
    let inside = 0;
    let most = 0;
    const passed = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        gate.pass(async () => {
          inside += 1;
          most = Math.max(most, inside);
          await new Promise((resolve) => setImmediate(resolve));
          inside -= 1;
          return index;
        }),
      ),
    );
    assert.equal(most, 3);
    assert.equal(passed.length, 20);
  });

  it("opens again after somebody failed inside", async () => {
    const gate = new Gate(1);
    await assert.rejects(
      gate.pass(async () => {
        throw new Error("no");
      }),
      /no/,
    );
    assert.equal(await gate.pass(async () => "yes"), "yes");
  });
});

describe("the tunnel's idea of a process", () => {
  it("is not alive any more once the process that started it is gone, though it still runs", async () => {
    const parent = spawn("sh", ["-c", "sleep 60 & echo $!; wait"], { stdio: ["ignore", "pipe", "ignore"] });
    const pid = Number(await new Promise((said) => parent.stdout.once("data", said)));
    try {
      const engine = identify(pid);
      assert.equal(isAlive(engine), true);
      const ended = new Promise((end) => parent.once("exit", end));
      parent.kill("SIGKILL");
      await ended;
      assert.equal(isAlive(engine), false);
      assert.equal(
        isAlive({ pid, start: engine.start }),
        true,
        "the process itself has ended: nothing was seen",
      );
    } finally {
      process.kill(pid);
    }
  });

  it("knows this process to be alive", () => {
    assert.ok(isAlive(identify(process.pid)));
  });

  it("does not take a later process of the same number for the one it followed", function () {
    if (process.platform !== "linux") {
      process.stdout.write("skipped: only Linux tells when a process started\n");
      this.skip();
    }
    assert.ok(!isAlive({ pid: process.pid, start: "1" }));
  });

  it("takes a process that ended for dead, also while nobody has noticed its end", async () => {
    const shell = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 60"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    const zombie = await new Promise<number>((resolve) => {
      shell.stdout.once("data", (chunk: Buffer) => resolve(Number(chunk.toString())));
    });
    const deadline = Date.now() + 5_000;
    while (isAlive({ pid: zombie }) && Date.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.ok(!isAlive({ pid: zombie }));
    shell.kill("SIGKILL");
  });
});

describe("the tunnel's folder", () => {
  let folder: string;
  let before: string | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "tunnel-"));
    before = process.env.XDG_RUNTIME_DIR;
    process.env.XDG_RUNTIME_DIR = folder;
  });

  afterEach(() => {
    if (before === undefined) delete process.env.XDG_RUNTIME_DIR;
    else process.env.XDG_RUNTIME_DIR = before;
    rmSync(folder, { recursive: true, force: true });
  });

  it("is made so that only its owner can enter it", () => {
    const made = statSync(runtimeFolder());
    assert.equal(made.mode & 0o777, 0o700);
    assert.equal(made.uid, userInfo().uid);
  });

  it("is refused when others may enter it", () => {
    mkdirSync(join(folder, "fitnesscrm"));
    chmodSync(join(folder, "fitnesscrm"), 0o755);
    assert.throws(() => runtimeFolder(), /only you can enter/);
  });

  it("is refused when it is a link to somewhere else", () => {
    const elsewhere = join(folder, "elsewhere");
    mkdirSync(elsewhere, { mode: 0o700 });
    symlinkSync(elsewhere, join(folder, "fitnesscrm"));
    assert.throws(() => runtimeFolder(), /only you can enter/);
  });
});

describe("the tunnel's messages", () => {
  it("are undefined when they are no JSON", () => {
    assert.equal(parse("{"), undefined);
    assert.deepEqual(parse('{"a":1}\n'), { a: 1 });
  });
});

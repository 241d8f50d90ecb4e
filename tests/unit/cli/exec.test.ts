import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { UserError } from "../../../cli/errors";
import { lastLine, run, runAttached, runChecked } from "../../../cli/exec";
import { TempFolders } from "../../support/temp";

const shell = (script: string) => ["-c", script] as const;

describe("running a command", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("gives its exit code and both outputs", async () => {
    assert.deepEqual(await run("sh", shell("echo out; echo err >&2; exit 3")), {
      code: 3,
      stdout: "out\n",
      stderr: "err\n",
    });
  });

  it("hands arguments over as they are", async () => {
    const args = ["two words", "$HOME", `it's "q"`, "*", "", "a\nb"];
    const { stdout } = await run(process.execPath, [
      "-e",
      "console.log(JSON.stringify(process.argv.slice(1)))",
      "--",
      ...args,
    ]);
    assert.deepEqual(JSON.parse(stdout), args);
  });

  it("runs where and with what it is told", async () => {
    const cwd = folders.create();
    const { stdout } = await run("sh", shell('echo "$PWD $WORD $HOME"'), {
      cwd,
      env: { PATH: process.env.PATH, WORD: "x" },
    });
    assert.equal(stdout, `${cwd} x \n`);
  });

  it("is 127 for a command that does not exist, and 126 for one that cannot be run", async () => {
    assert.equal((await run("no-such-command-of-this-test", [])).code, 127);
    assert.equal((await run(join(folders.create({ file: "x" }), "file"), [])).code, 126);
  });

  it("is 124 for one that takes too long, whose end is not waited for", async () => {
    const started = Date.now();
    const result = await run("sleep", ["30"], { timeoutSeconds: 0.2 });
    assert.equal(result.code, 124);
    assert.ok(Date.now() - started < 10_000);
  });

  it("does not wait for what a command that took too long has started", async () => {
    const started = Date.now();
    const result = await run("sh", shell("echo begun; sleep 20; true"), { timeoutSeconds: 0.5 });
    assert.equal(result.code, 124);
    assert.equal(result.stdout, "begun\n");
    assert.ok(Date.now() - started < 10_000, `it took ${Date.now() - started} ms`);
  });

  it("names the signal that ended a command by its usual code", async () => {
    assert.equal((await run("sh", shell("kill -TERM $$"))).code, 143);
    assert.equal((await run("sh", shell("kill -INT $$"))).code, 130);
    assert.equal((await run("sh", shell("kill -KILL $$"))).code, 137);
  });

  it("keeps large output whole, in both streams", async () => {
    const { code, stdout, stderr } = await run(process.execPath, [
      "-e",
      "process.stdout.write('ä'.repeat(3e6)); process.stderr.write('é'.repeat(1e6))",
    ]);
    assert.equal(code, 0);
    assert.equal(stdout.length, 3e6);
    assert.equal(stderr.length, 1e6);
    assert.ok(/^ä+$/.test(stdout), "a character was cut in two");
  });

  it("gives input by standard input, and none where there is none", async () => {
    assert.equal((await run("cat", [], { input: "a secret\n" })).stdout, "a secret\n");
    assert.equal((await run("cat", [], { input: "" })).stdout, "");
    assert.equal((await run("cat", [])).stdout, "");
  });

  it("takes it when a command ends before it has read its input", async () => {
    const result = await run("sh", shell("exec <&-; exit 4"), { input: "x".repeat(5e6) });
    assert.equal(result.code, 4);
  });

  it("hands on each line as it comes, the last one included", async () => {
    const lines: string[] = [];
    const { stdout } = await run("sh", shell("printf 'a\\nb\\nc'"), { onLine: (line) => lines.push(line) });
    assert.deepEqual(lines, ["a", "b", "c"]);
    assert.equal(stdout, "a\nb\nc");
  });
});

describe("running a command that must succeed", () => {
  const reasons: [script: string, reason: string][] = [
    ["echo one >&2; echo two >&2; exit 1", "two"],
    ["echo out; exit 1", "out"],
    ["echo out; echo '  ' >&2; exit 1", "out"],
    ["exit 9", "exit code 9"],
  ];
  for (const [script, reason] of reasons) {
    it(`fails with one line: ${JSON.stringify(script)}`, async () => {
      await assert.rejects(runChecked("network of the stack", "sh", shell(script)), (error: unknown) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.message, `network of the stack: ${reason}`);
        assert.equal(error.exitCode, 1);
        return true;
      });
    });
  }

  it("says when it took too long", async () => {
    await assert.rejects(runChecked("network of the stack", "sleep", ["30"], { timeoutSeconds: 0.2 }), {
      message: "network of the stack: no answer within 0.2 seconds",
    });
  });

  it("gives what it printed", async () => {
    assert.equal(await runChecked("x", "echo", ["hello"]), "hello\n");
  });
});

describe("running a command on this terminal", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("gives its exit code, and leaves the process's signal handlers as they were", async () => {
    const before = [process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")];
    assert.equal(await runAttached("sh", shell("exit 5")), 5);
    assert.deepEqual([process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")], before);
  });

  it("runs where and with what it is told", async () => {
    const cwd = folders.create();
    const env = { PATH: process.env.PATH, NAME_OF_FILE: "made" };
    assert.equal(await runAttached("sh", shell(': >"$NAME_OF_FILE"'), { cwd, env }), 0);
    assert.ok(existsSync(join(cwd, "made")));
  });

  it("leaves no signal handler behind for a command that does not exist", async () => {
    const before = [process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")];
    await assert.rejects(runAttached("no-such-command-of-this-test", []));
    assert.deepEqual([process.listenerCount("SIGINT"), process.listenerCount("SIGTERM")], before);
  });
});

describe("the last line", () => {
  it("is the last one with something in it", () => {
    assert.equal(lastLine("a\n b \n\n"), "b");
    assert.equal(lastLine(""), "");
    assert.equal(lastLine("\n\n"), "");
  });
});

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { local } from "@pulumi/command";
import * as pulumi from "@pulumi/pulumi";
import { command } from "../../../plugins/command/command";
import { LineLog } from "../../../plugins/command/lines";
import { plugin } from "../../../plugins/command/plugin";
import { run } from "../../../plugins/command/run";
import type { CommandInputs } from "../../../plugins/command/types";
import { UNKNOWN } from "../../../plugins/lib/types";
import { conformance, official } from "./harness";
import { until } from "./postgresServer";

let folder: string;
const file = (name: string): string => join(folder, name);
const read = (name: string): string => readFileSync(file(name), "utf8");

const make = async () => {
  folder = mkdtempSync(join(tmpdir(), "command-"));
};
const remove = async () => {
  rmSync(folder, { recursive: true, force: true });
};

const SECRET = "s3cret-in-an-environment";

conformance({
  title: "command.local.Command",
  plugins: ["command"],
  before: make,
  after: remove,
  steps: [
    {
      name: "runs create once, with its environment, input, folder and interpreter",
      program: async () => {
        new local.Command("plain", { create: "echo out; echo err >&2; echo run >> plain", dir: folder });
        new local.Command("full", {
          create: "read line; print(line)",
          interpreter: ["/bin/sh", "-c", 'cat > input; printf "%s|%s|%s\\n" "$NAME" "$0" "$PWD"'],
          stdin: "typed in",
          environment: { NAME: pulumi.secret(SECRET) },
          dir: folder,
          logging: "none",
        });
        new local.Command("idle", { delete: "true" });
      },
      expect: { plain: "create", full: "create", idle: "create" },
      check({ state, said }) {
        assert.match(state("plain").id, /^plain[0-9a-f]{8}$/);
        assert.equal(state("plain").outputs.stdout, "out");
        assert.equal(state("plain").outputs.stderr, "err");
        assert.equal(state("full").outputs.stdout, `${SECRET}|read line; print(line)|${folder}`);
        assert.equal(read("input"), "typed in");
        assert.equal(state("idle").outputs.stdout, "");
        assert.ok(!said.includes(SECRET), "the engine showed a secret");
      },
    },
    {
      name: "runs create again when an input changes and there is no update, knowing what it printed before",
      program: async () => {
        new local.Command("plain", {
          create: 'echo "again after $PULUMI_COMMAND_STDOUT and $PULUMI_COMMAND_STDERR"; echo run >> plain',
          dir: folder,
        });
        new local.Command("idle", { delete: "true", environment: { A: "1" } });
      },
      expect: { plain: { update: ["create"] }, idle: { update: ["environment"] }, full: "delete" },
      check({ state }) {
        assert.equal(state("plain").outputs.stdout, "again after out and err");
        assert.equal(read("plain"), "run\nrun\n");
      },
    },
    {
      name: "runs update instead of create where there is one",
      program: async () => {
        new local.Command("plain", {
          create: "false",
          update: 'echo "updated from <$PULUMI_COMMAND_STDOUT>"',
          addPreviousOutputInEnv: false,
          dir: folder,
        });
        new local.Command("idle", { delete: "true", environment: { A: "2" } });
      },
      expect: {
        plain: { update: ["addPreviousOutputInEnv", "create", "update"] },
        idle: { update: ["environment.A"] },
      },
      check({ state }) {
        assert.equal(state("plain").outputs.stdout, "updated from <>");
      },
    },
    {
      name: "replaces when a trigger is set, deleting the old one with its own delete command",
      program: async () => {
        new local.Command("plain", {
          create: "echo made >> replaced",
          delete: 'echo "deleted after $PULUMI_COMMAND_STDOUT" >> replaced',
          triggers: ["one", { two: 2 }],
          dir: folder,
        });
        new local.Command("idle", { delete: "true" });
      },
      expect: {
        plain: {
          replace: ["triggers"],
          paths: ["addPreviousOutputInEnv", "create", "delete", "triggers", "update"],
          deleteFirst: false,
        },
        idle: { update: ["environment"] },
      },
      check() {
        assert.equal(read("replaced"), "made\n");
      },
    },
    {
      name: "replaces when one trigger's value changes",
      program: async () => {
        new local.Command("plain", {
          create: "echo made >> replaced",
          delete: 'echo "deleted after $PULUMI_COMMAND_STDOUT" >> replaced',
          triggers: ["one", { two: 3 }],
          dir: folder,
        });
        new local.Command("idle", { delete: "true" });
      },
      expect: {
        plain: { replace: ["triggers"], paths: ["triggers[1].two"], deleteFirst: false },
        idle: "same",
      },
      check() {
        assert.equal(read("replaced"), "made\nmade\ndeleted after \n");
      },
    },
    {
      name: "fails with the exit status and what the command printed",
      program: async () => {
        new local.Command("plain", {
          create: "echo made >> replaced",
          delete: 'echo "deleted after $PULUMI_COMMAND_STDOUT" >> replaced',
          triggers: ["one", { two: 3 }],
          dir: folder,
        });
        new local.Command("idle", { delete: "true" });
        new local.Command("broken", { create: "echo trying; echo 'no such host' >&2; exit 3" });
      },
      fails: /exit status 3: running "echo trying; [^\n]*":\s+trying\s+no such host/,
      expect: { plain: "same", idle: "same", broken: "create" },
    },
  ],
  gone: async () => {
    assert.equal(read("replaced"), "made\nmade\ndeleted after \ndeleted after \n");
  },
});

if (!official) {
  describe("a command", function () {
    this.timeout(30_000);
    const lines: string[] = [];
    const context = (more: { signal?: AbortSignal; timeoutSeconds?: number } = {}) => ({
      urn: "urn:pulumi:s::p::command:local:Command::name",
      signal: new AbortController().signal,
      log: (_severity: string, line: string) => void lines.push(line),
      ...more,
    });
    const create = (inputs: CommandInputs, more = {}) => command.create(undefined, inputs, context(more));

    before(make);
    after(remove);
    beforeEach(() => lines.splice(0));

    it("keeps all but the last line feed of its output", async () => {
      const { state } = await create({ create: "printf '\\n a \\n\\n'; printf 'x' >&2" });
      assert.equal(state.stdout, "\n a \n");
      assert.equal(state.stderr, "x");
    });

    it("shows its lines while it runs, the streams that logging names", async () => {
      const both = "echo out; echo err >&2";
      for (const [logging, expected] of [
        [undefined, ["err", "out"]],
        ["stdoutAndStderr", ["err", "out"]],
        ["stdout", ["out"]],
        ["stderr", ["err"]],
        ["none", []],
      ] as const) {
        lines.splice(0);
        await create({ create: both, logging });
        assert.deepEqual([...lines].sort(), expected, String(logging));
      }
      const pending = create({ create: `echo first; until [ -e ${file("go")} ]; do sleep 0.05; done` });
      await until("the first line is shown", async () => lines.includes("first"), 10);
      await run(
        {
          command: `touch ${file("go")}`,
          interpreter: ["/bin/sh", "-c"],
          dir: undefined,
          environment: {},
          stdin: undefined,
          log: { stdout: false, stderr: false },
        },
        context(),
      );
      await pending;
    });

    it("does not mind a program that leaves its input unread", async () => {
      const { state } = await create({ create: "echo done", stdin: "x".repeat(1_000_000) });
      assert.equal(state.stdout, "done");
    });

    it("is ended with everything that it started when the engine cancels", async () => {
      const cancellation = new AbortController();
      const script = `sleep 300 & echo $! > ${file("child")}; sleep 301`;
      const pending = create({ create: script }, { signal: cancellation.signal });
      await until("the child has started", async () => existsSync(file("child")) && read("child") !== "", 10);
      cancellation.abort();
      await assert.rejects(pending, /^Error: cancelled: running "sleep 300/);
      const child = read("child").trim();
      await until("the child is gone", () => isGone(child), 5);
    });

    it("is killed when it ignores the request to end", async () => {
      const cancellation = new AbortController();
      const script = `trap '' TERM; echo $$ > ${file("stubborn")}; while :; do sleep 0.2; done`;
      const pending = create({ create: script }, { signal: cancellation.signal });
      await until("it has started", async () => existsSync(file("stubborn")) && read("stubborn") !== "", 10);
      cancellation.abort();
      await assert.rejects(pending, /cancelled/);
      assert.ok(await isGone(read("stubborn").trim()));
    });

    it("is ended when the resource's custom timeout is over", async () => {
      await assert.rejects(
        create({ create: "sleep 300" }, { timeoutSeconds: 0.3 }),
        /^Error: timed out after 0.3 s: running "sleep 300"/,
      );
    });

    it("is not started any more after a cancel", async () => {
      const script = `touch ${file("never")}`;
      await assert.rejects(create({ create: script }, { signal: AbortSignal.abort() }), /cancelled/);
      assert.ok(!existsSync(file("never")));
    });

    it("says in the official plugin's words why it failed", async () => {
      await assert.rejects(
        create({ create: "kill -9 $$" }),
        /^Error: signal: SIGKILL \(9\): running "kill -9 \$\$"/,
      );
      await assert.rejects(
        create({ create: "x", interpreter: ["no-such-program"] }),
        /^Error: exec: "no-such-program": executable file not found in \$PATH: running "x"/,
      );
      await assert.rejects(
        create({ create: "x", dir: file("nowhere") }),
        /^Error: chdir .*nowhere: no such directory: running "x"/,
      );
      const noisy = create({
        create: "yes noise | head -c 100000; echo the reason >&2; exit 1",
        logging: "none",
      });
      await assert.rejects(noisy, (error: Error) => {
        assert.ok(error.message.length < 5_000, "the error repeats all of the output");
        assert.match(error.message, /the reason$/);
        return true;
      });
    });

    it("says what to do about a previous output that does not fit into the environment", async () => {
      const { state } = await create({ create: "head -c 300000 /dev/zero | tr '\\0' x", logging: "none" });
      assert.equal(state.stdout.length, 300_000);
      const again =
        command.update?.(undefined, "id", state, { create: "true" }, {}, context()) ?? assert.fail();
      await assert.rejects(again, /argument list too long .*addPreviousOutputInEnv/);
    });

    it("keeps what it printed when an update has nothing to run", async () => {
      const { state } = await create({ create: "echo kept" });
      const updated = await command.update?.(undefined, "id", state, {}, {}, context());
      assert.equal(updated?.stdout, "kept");
    });
  });

  describe("a command's inputs", () => {
    const failures = (inputs: Record<string, unknown>) =>
      command
        .check?.(inputs, undefined, "urn")
        .failures.map(({ property, reason }) => `${property} ${reason}`) ?? [];

    it("are refused by name where they are wrong or not supported", () => {
      assert.deepEqual(
        failures({ create: "x", triggers: [1, { a: UNKNOWN }], environment: { A: UNKNOWN }, dir: UNKNOWN }),
        [],
      );
      assert.match(failures({ assetPaths: ["*"] })[0] ?? "", /^assetPaths is not supported by this plugin/);
      assert.match(
        failures({ archivePaths: ["*"] })[0] ?? "",
        /^archivePaths is not supported by this plugin/,
      );
      assert.deepEqual(failures({ logging: "all" }), [
        'logging "all" is not one of stdout, stderr, stdoutAndStderr, none',
      ]);
      assert.deepEqual(failures({ crate: "x" }), ["crate is not a property of this resource"]);
      assert.deepEqual(failures({ environment: { A: 1 } }), ["environment must map names to strings"]);
      assert.deepEqual(failures({ interpreter: "bash" }), ["interpreter must be a list of strings"]);
    });

    it("make the output unknown in a preview", () => {
      assert.deepEqual(command.preview({ create: "x" }, undefined), {
        create: "x",
        stdout: UNKNOWN,
        stderr: UNKNOWN,
      });
    });

    it("belong to the SDK's type", () => {
      const { __pulumiType } = local.Command as unknown as { __pulumiType: string };
      assert.deepEqual(
        plugin.resources.map(({ token }) => token),
        [__pulumiType],
      );
    });
  });

  describe("a command's log", () => {
    it("cuts bytes into lines wherever they were split", () => {
      const lines: string[] = [];
      const log = new LineLog((line) => lines.push(line));
      for (const byte of Buffer.from("eins\r\nzwö\n\nlast")) log.write(Buffer.of(byte));
      assert.deepEqual(lines, ["eins", "zwö", ""]);
      log.end();
      assert.deepEqual(lines, ["eins", "zwö", "", "last"]);
    });

    it("does not hold a line without an end", () => {
      const lines: string[] = [];
      const log = new LineLog((line) => lines.push(line));
      log.write(Buffer.alloc(200_000, "x"));
      assert.equal(lines.length, 3);
      log.end();
      assert.equal(lines.join("").length, 200_000);
    });
  });
}

async function isGone(pid: string): Promise<boolean> {
  const { stdout } = await promisify(execFile)("ps", ["-o", "stat=", "-p", pid]).catch(() => ({
    stdout: "",
  }));
  return stdout.trim() === "" || stdout.startsWith("Z");
}

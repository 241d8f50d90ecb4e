import assert from "node:assert/strict";
import { describe as explain, HostRun } from "../../../cli/host/run";
import { parseLine } from "../../../cli/host/script";
import type { Connection, ScriptOptions, ScriptResult } from "../../../cli/host/ssh";
import type { HostStep } from "../../../cli/host/step";
import { parseTarget } from "../../../cli/host/target";
import type { Reporter } from "../../../cli/reporter";

/** A server on which a script is a name; it answers what the test says, and remembers what was run. */
class FakeServer implements Connection {
  readonly ran: string[] = [];

  constructor(private readonly answer: (script: string, times: number) => string | Partial<ScriptResult>) {}

  async run(body: string, options: ScriptOptions = {}): Promise<ScriptResult> {
    this.ran.push(options.fresh ? `fresh ${body}` : body);
    const times = this.ran.filter((script) => script.endsWith(body)).length;
    const answer = this.answer(body, times);
    if (typeof answer !== "string") {
      return { code: 0, lines: [], stderr: "", ...answer };
    }
    const lines = answer.split("\n").flatMap((line) => parseLine(line) ?? []);
    return { code: lines.some(({ mark }) => mark === "fail") ? 3 : 0, lines, stderr: "" };
  }
}

class Recorder implements Reporter {
  readonly ends: string[] = [];
  step(name: string) {
    return {
      detail: () => undefined,
      done: (text?: string) => this.ends.push(`${name}: ${text}`),
      fail: (reason: string) => this.ends.push(`${name} ${reason}`),
    };
  }
}

const target = parseTarget("ssh://root@server", "F");
const STEP: HostStep = { name: "thing", check: "check", apply: "apply" };
const GUARDED: HostStep = { ...STEP, confirm: { script: "confirm", revert: "revert", seconds: 60 } };

function runOn(server: FakeServer, recorder = new Recorder()): HostRun {
  return new HostRun(target, server, recorder);
}

describe("a run over a server's steps", () => {
  it("leaves what is right alone", async () => {
    const server = new FakeServer(() => "have: fine");
    const reports = await runOn(server).apply([STEP]);
    assert.deepEqual(server.ran, ["check"]);
    assert.deepEqual(reports, [
      { name: "thing", status: "unchanged", changes: [], state: "fine", notes: [], warnings: [] },
    ]);
  });

  it("changes what differs, looks again, and reports what was done", async () => {
    const server = new FakeServer((script, times) =>
      script === "apply"
        ? "did: made it\nnote: by hand\nnote: by hand"
        : times === 1
          ? "need: make it"
          : "have: new",
    );
    const recorder = new Recorder();
    const reports = await runOn(server, recorder).apply([STEP]);
    assert.deepEqual(server.ran, ["check", "apply", "check"]);
    assert.deepEqual(reports, [
      {
        name: "thing",
        status: "changed",
        changes: ["made it"],
        state: "new",
        notes: ["by hand"],
        warnings: [],
      },
    ]);
    assert.deepEqual(recorder.ends, ["thing: changed: made it (note: by hand)"]);
  });

  it("only looks when it is asked to check", async () => {
    const server = new FakeServer(() => "need: make it\nwarn: odd\nhave: old");
    const reports = await runOn(server).check([GUARDED, { name: "other", check: "check" }]);
    assert.deepEqual(server.ran, ["check", "check"]);
    assert.deepEqual(
      reports.map(({ status, changes }) => [status, ...changes]),
      [
        ["would change", "make it"],
        ["would change", "make it"],
      ],
    );
  });

  it("does not call done what is not", async () => {
    const server = new FakeServer((script) => (script === "apply" ? "did: made it" : "need: make it"));
    await assert.rejects(runOn(server).apply([STEP]), {
      message: "thing: it was done, and still the server would have to make it",
    });
  });

  it("stops at the first step that fails", async () => {
    const server = new FakeServer((script) => (script === "bad" ? "fail: no room: make some" : "have: fine"));
    const recorder = new Recorder();
    await assert.rejects(
      runOn(server, recorder).apply([STEP, { name: "b", check: "bad" }, { name: "c", check: "c" }]),
      {
        message: "b: no room: make some",
      },
    );
    assert.deepEqual(server.ran, ["check", "bad"]);
    assert.deepEqual(recorder.ends, ["thing: unchanged: fine", "b see below"]);
  });

  it("confirms a dangerous change over a new connection", async () => {
    const server = new FakeServer((script, times) =>
      script === "check"
        ? times === 1
          ? "need: close"
          : "have: closed"
        : script === "apply"
          ? "did: closed"
          : "did: kept",
    );
    const [report] = await runOn(server).apply([GUARDED]);
    assert.deepEqual(server.ran, ["check", "apply", "fresh confirm", "check"]);
    assert.deepEqual(report?.changes, ["closed", "kept"]);
  });

  it("takes a dangerous change back when there is no new connection", async () => {
    const server = new FakeServer((script) =>
      script === "check" ? "need: close" : script === "confirm" ? { code: 255, stderr: "timed out" } : "",
    );
    await assert.rejects(runOn(server).apply([GUARDED]), {
      message: "thing: no second connection to the server came about: the change was taken back",
    });
    assert.deepEqual(server.ran, ["check", "apply", "fresh confirm", "fresh confirm", "revert"]);
  });

  it("tries the new connection twice", async () => {
    const server = new FakeServer((script, times) => {
      if (script === "check") return times === 1 ? "need: close" : "have: closed";
      return script === "confirm" && times === 1 ? { code: 255 } : "did: closed";
    });
    const [report] = await runOn(server).apply([GUARDED]);
    assert.equal(report?.status, "changed");
    assert.deepEqual(server.ran, ["check", "apply", "fresh confirm", "fresh confirm", "check"]);
  });

  it("says that the server takes the change back by itself when the old connection is gone too", async () => {
    const server = new FakeServer((script) =>
      script === "check" ? "need: close" : script === "apply" ? "" : { code: 255 },
    );
    await assert.rejects(runOn(server).apply([GUARDED]), {
      message:
        "thing: no second connection to the server came about: the server takes the change back by itself within 60 s",
    });
  });

  for (const [result, message] of [
    [{ code: 100, stderr: "E: Unable to locate package x\n" }, "thing: E: Unable to locate package x"],
    [{ code: 7 }, "thing: a command failed on the server with exit code 7"],
    [
      { code: 124 },
      "thing: it took too long on the server: look at what it waits for, then run the command again",
    ],
    [
      { code: 255, stderr: "client_loop: send disconnect: Broken pipe\n" },
      "thing: the connection was lost: server: ssh failed (client_loop: send disconnect: Broken pipe): try `ssh root@server`; every step can be run again",
    ],
  ] as const) {
    it(`explains exit code ${result.code}`, async () => {
      const server = new FakeServer((script) => (script === "check" ? "need: x" : result));
      await assert.rejects(runOn(server).apply([STEP]), { message });
    });
  }

  it("shows warnings to a person", () => {
    const line = {
      name: "n",
      status: "unchanged",
      changes: [],
      state: "5 GiB",
      notes: [],
      warnings: ["too little"],
    } as const;
    assert.equal(explain(line), "unchanged: 5 GiB (warning: too little)");
  });
});

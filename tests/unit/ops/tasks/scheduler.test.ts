import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { LockTakenError, withLock } from "../../../../ops/lock";
import type { TaskDefinition } from "../../../../ops/tasks/definitions";
import { RecordFolder, type TaskRecord } from "../../../../ops/tasks/records";
import type { TaskContext, TaskWork } from "../../../../ops/tasks/runner";
import { lastDue, Scheduler } from "../../../../ops/tasks/scheduler";
import { TempFolders } from "../../../support/temp";
import { FakeClock, until } from "./fakeClock";

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

const BACKUP: TaskDefinition = {
  name: "backup",
  service: "ops",
  cron: "0 2 * * *",
  limitMinutes: 120,
  missed: "run",
  failure: "P1: no dump of this day",
};
const DRILL: TaskDefinition = {
  ...BACKUP,
  name: "drill",
  cron: "30 4 1 * *",
  missed: "skip",
  limitMinutes: 60,
};

describe("scheduler", () => {
  const folders = new TempFolders();
  const started: Scheduler[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((scheduler) => scheduler.stop()));
  });
  after(() => folders.remove());

  interface Setup {
    definitions?: TaskDefinition[];
    folder?: string;
    work?: TaskWork;
  }

  function make(clock: FakeClock, { definitions = [BACKUP], folder = folders.create(), work }: Setup = {}) {
    const lines: string[] = [];
    let runs = 0;
    const counted: TaskWork = async (context) => {
      runs++;
      return work === undefined ? { reason: "done", details: { run: runs } } : work(context);
    };
    const scheduler = new Scheduler({
      definitions,
      zone: "America/New_York",
      role: "ops",
      recordsFolder: folder,
      works: { backup: counted, drill: counted },
      clock,
      log: (line) => lines.push(line),
    });
    started.push(scheduler);
    const records = new RecordFolder(folder);
    const read = (task = "backup"): TaskRecord[] => records.read(task);
    /** Until so many runs are over, and their lock is given back. */
    const ended = (count: number): Promise<void> =>
      until(
        () => lines.filter((line) => /^backup: (ok|failed|interrupted): /.test(line)).length >= count,
        `${count} runs that are over`,
      );
    return { scheduler, lines, folder, records, read, ended, runs: () => runs };
  }

  /** The times of the calendar that were run, and who let them start. */
  const brief = (records: readonly TaskRecord[]): string[] =>
    records.map(({ scheduledFor, by, result }) => `${scheduledFor?.slice(0, 16) ?? "now"} ${by} ${result}`);

  it("runs a task at its time, once, and records it", async () => {
    const clock = FakeClock.at("2026-05-01T05:59:00Z");
    const { scheduler, read, ended, lines, records } = make(clock);
    await scheduler.start();
    await clock.pass(59_000);
    assert.deepEqual(read(), []);
    await clock.pass(1_000);
    await ended(1);
    assert.deepEqual(read(), [
      {
        task: "backup",
        scheduledFor: "2026-05-01T06:00:00.000Z",
        startedAt: "2026-05-01T06:00:00.000Z",
        endedAt: "2026-05-01T06:00:00.000Z",
        result: "ok",
        reason: "done",
        by: "schedule",
        details: { run: 1 },
      },
    ]);
    await clock.pass(3 * HOUR);
    assert.equal(read().length, 1);
    assert.equal(records.running("backup"), undefined);
    assert.deepEqual(lines, ["backup: ok: done"]);
  });

  const CHANGES: [what: string, start: string, days: number, expected: string[]][] = [
    [
      "March, when there is no 02:00",
      "2026-03-07T05:59:00Z",
      3,
      ["2026-03-07T07:00", "2026-03-08T07:00", "2026-03-09T06:00"],
    ],
    [
      "November, when there is one more hour",
      "2026-10-31T04:59:00Z",
      3,
      ["2026-10-31T06:00", "2026-11-01T07:00", "2026-11-02T07:00"],
    ],
  ];
  for (const [what, start, days, expected] of CHANGES) {
    for (const set of [0, -HOUR, HOUR]) {
      const name =
        set === 0 ? "with a good clock" : `with a clock that is set ${set < 0 ? "back" : "forward"} an hour`;
      it(`runs once a day in ${what}, ${name} just after or before each run`, async () => {
        const clock = FakeClock.at(start);
        const { scheduler, read, ended } = make(clock);
        await scheduler.start();
        const shift = (milliseconds: number): void =>
          clock.set(new Date(clock.now().getTime() + milliseconds).toISOString());
        for (const [index, time] of expected.entries()) {
          const wait = Date.parse(`${time}:00Z`) - clock.now().getTime();
          if (set > 0) {
            // From before the run to after it.
            await clock.pass(wait - 10 * MINUTE);
            shift(set);
            await clock.pass(MINUTE);
            await ended(index + 1);
            shift(-set);
          } else {
            await clock.pass(wait);
            await ended(index + 1);
            shift(set);
          }
          await clock.pass(2 * HOUR);
          assert.equal(read().length, index + 1, time);
        }
        assert.equal(expected.length, days);
        assert.deepEqual(
          read().map(({ scheduledFor }) => scheduledFor?.slice(0, 16)),
          expected,
        );
      });
    }
  }

  it("notices within seconds that the clock was set over a run", async () => {
    const clock = FakeClock.at("2026-05-01T00:00:00Z");
    const { scheduler, read, ended } = make(clock);
    await scheduler.start();
    await clock.pass(10_000);
    clock.set("2026-05-01T08:00:00Z");
    await clock.pass(5_000);
    await ended(1);
    assert.deepEqual(brief(read()), ["2026-05-01T06:00 schedule ok"]);
  });

  it("makes up at its start for the newest run that was missed, once", async () => {
    const folder = folders.create();
    const first = make(FakeClock.at("2026-05-01T00:00:00Z"), { folder });
    await first.scheduler.start();
    await first.scheduler.stop();
    const clock = FakeClock.at("2026-05-04T12:00:00Z");
    const second = make(clock, { folder });
    await second.scheduler.start();
    await second.ended(1);
    assert.deepEqual(brief(second.read()), ["2026-05-04T06:00 start ok"]);
    await second.scheduler.stop();
    const third = make(clock, { folder });
    await third.scheduler.start();
    await clock.pass(5 * HOUR);
    assert.equal(third.runs(), 0);
  });

  it("misses nothing before its first start", async () => {
    const clock = FakeClock.at("2026-05-01T12:00:00Z");
    const { scheduler, runs } = make(clock);
    await scheduler.start();
    await clock.pass(HOUR);
    assert.equal(runs(), 0);
  });

  it("does not make up for a task that is not to be made up for, but for a start a little too late", async () => {
    const folder = folders.create();
    const definitions = [DRILL];
    const first = make(FakeClock.at("2026-04-20T00:00:00Z"), { folder, definitions });
    await first.scheduler.start();
    await first.scheduler.stop();
    const late = FakeClock.at("2026-05-01T12:00:00Z");
    const second = make(late, { folder, definitions });
    await second.scheduler.start();
    await late.pass(HOUR);
    assert.equal(second.runs(), 0);
    assert.deepEqual(second.lines, [
      "drill: the run of 2026-05-01T08:30:00.000Z was missed, and this task is not made up for",
    ]);
    await second.scheduler.stop();
    const almost = FakeClock.at("2026-06-01T08:33:00Z");
    const third = make(almost, { folder, definitions });
    await third.scheduler.start();
    await until(() => third.read("drill").length === 1, "the drill");
    assert.deepEqual(brief(third.read("drill")), ["2026-06-01T08:30 start ok"]);
  });

  it("runs a task that is not made up for when only its clock was set over it", async () => {
    const clock = FakeClock.at("2026-05-01T08:00:00Z");
    const { scheduler, read } = make(clock, { definitions: [DRILL] });
    await scheduler.start();
    clock.set("2026-05-01T09:00:00Z");
    await clock.pass(30_000);
    await until(() => read("drill").length === 1, "the drill");
    assert.deepEqual(brief(read("drill")), ["2026-05-01T08:30 schedule ok"]);
  });

  it("records a failure with its reason in one line, and what it means in the log", async () => {
    const clock = FakeClock.at("2026-05-01T05:59:59Z");
    const work: TaskWork = async () => Promise.reject(new Error("S3 does not answer:\n  timeout"));
    const { scheduler, read, ended, lines } = make(clock, { work });
    await scheduler.start();
    await clock.pass(1_000);
    await ended(1);
    const [record] = read();
    assert.equal(record?.result, "failed");
    assert.equal(record?.reason, "S3 does not answer: timeout");
    assert.deepEqual(lines, [
      "backup: failed: S3 does not answer: timeout",
      "backup: what that means: P1: no dump of this day",
    ]);
    await clock.pass(5 * HOUR);
    assert.equal(read().length, 1, "a failure waits for the next day");
  });

  it("ends a run at its limit", async () => {
    const clock = FakeClock.at("2026-05-01T05:59:59Z");
    const contexts: TaskContext[] = [];
    const work: TaskWork = (context) =>
      new Promise((_, reject) => {
        contexts.push(context);
        context.signal.addEventListener("abort", () => reject(new Error("aborted")));
      });
    const { scheduler, read, ended } = make(clock, { work });
    await scheduler.start();
    await clock.pass(1_000);
    await until(() => contexts.length === 1, "the start");
    await clock.pass(120 * MINUTE - 1);
    assert.equal(contexts[0]?.signal.aborted, false);
    await clock.pass(1);
    await ended(1);
    assert.equal(contexts[0]?.signal.aborted, true);
    assert.deepEqual(
      read().map(({ result, reason }) => [result, reason]),
      [["failed", "took longer than its limit of 120 minutes"]],
    );
  });

  it("records work that does not end when told to, and keeps its lock", async () => {
    const clock = FakeClock.at("2026-05-01T05:59:59Z");
    let finish = (): void => {};
    const work: TaskWork = () =>
      new Promise((done) => {
        finish = () => done({ reason: "at last" });
      });
    const { scheduler, read, folder } = make(clock, { work });
    await scheduler.start();
    await clock.pass(1_000);
    await until(() => existsSync(join(folder, "backup.running.json")), "the start");
    await clock.pass(120 * MINUTE + 10_000);
    await until(() => read().length === 1, "the record");
    assert.equal(
      read()[0]?.reason,
      "took longer than its limit of 120 minutes, and did not end when it was told to",
    );
    await assert.rejects(scheduler.runNow("backup", { by: "operator" }), LockTakenError);
    finish();
    await until(async () => {
      try {
        await withLock(join(folder, "backup.lock"), async () => undefined);
        return true;
      } catch {
        return false;
      }
    }, "the lock");
    assert.equal(read().length, 1);
  });

  it("records what its stop interrupts, and makes up for it at the next start", async () => {
    const folder = folders.create();
    const clock = FakeClock.at("2026-05-01T05:59:59Z");
    const work: TaskWork = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("killed"))));
    const first = make(clock, { folder, work });
    await first.scheduler.start();
    await clock.pass(1_000);
    await until(() => first.runs() === 1, "the start");
    await first.scheduler.stop();
    assert.equal(first.read()[0]?.reason, "was stopped with its container");
    const second = make(clock, { folder });
    await second.scheduler.start();
    await second.ended(1);
    assert.deepEqual(brief(second.read()), [
      "2026-05-01T06:00 schedule interrupted",
      "2026-05-01T06:00 start ok",
    ]);
  });

  it("records a run that was killed, and gives up after the third that was", async () => {
    const folder = folders.create();
    const clock = FakeClock.at("2026-05-01T06:30:00Z");
    const killed = new RecordFolder(folder);
    killed.setSince("backup", new Date("2026-04-30T12:00:00Z"));
    killed.setRunning({
      task: "backup",
      scheduledFor: "2026-05-01T06:00:00.000Z",
      startedAt: "2026-05-01T06:00:00.000Z",
      by: "schedule",
    });
    const work: TaskWork = ({ signal }) =>
      new Promise((_, reject) => signal.addEventListener("abort", () => reject(new Error("killed"))));
    for (const attempt of [2, 3]) {
      const again = make(clock, { folder, work });
      await again.scheduler.start();
      await until(() => again.runs() === 1, `attempt ${attempt}`);
      await again.scheduler.stop();
    }
    const last = make(clock, { folder });
    await last.scheduler.start();
    await clock.pass(HOUR);
    assert.equal(last.runs(), 0);
    assert.equal(last.read()[0]?.reason, "was killed before its end, which was found at the next start");
    assert.deepEqual(brief(last.read()), [
      "2026-05-01T06:00 schedule interrupted",
      "2026-05-01T06:00 start interrupted",
      "2026-05-01T06:00 start interrupted",
    ]);
  });

  it("finds what a SIGKILL of its process has left", async () => {
    const folder = folders.create();
    const module = resolve(__dirname, "../../../../ops/tasks/scheduler.ts");
    const program = `
      const { Scheduler } = require(${JSON.stringify(module)});
      const work = () => new Promise(() => { process.stdout.write("runs"); setInterval(() => {}, 1000); });
      new Scheduler({ definitions: [${JSON.stringify(BACKUP)}], zone: "UTC", role: "ops", recordsFolder: process.argv[1],
        works: { backup: work } }).runNow("backup", { by: "operator", label: "before" });`;
    const child = spawn(process.execPath, ["--import", "tsx", "--eval", program, folder], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    assert.ok(child.stdout);
    await once(child.stdout, "data");
    const clock = new FakeClock(Date.now());
    const other = make(clock, { folder });
    await other.scheduler.start();
    assert.deepEqual(other.read(), [], "it still runs");
    assert.equal((await other.scheduler.status())[0]?.running, true);
    await assert.rejects(
      other.scheduler.runNow("backup", { by: "operator" }),
      /^LockTakenError: backup is running since \d{4}-\S+Z: wait for its end$/,
    );
    await other.scheduler.stop();
    child.kill("SIGKILL");
    await once(child, "exit");
    const next = make(clock, { folder });
    await until(async () => (await next.scheduler.status())[0]?.running === false, "the lock to be free");
    await next.scheduler.start();
    assert.deepEqual(brief(next.read()), ["now operator interrupted"]);
    assert.equal(next.records.running("backup"), undefined);
  });

  it("never overlaps with an operator's run: what is due runs after it", async () => {
    const clock = FakeClock.at("2026-05-01T05:59:00Z");
    const finish: (() => void)[] = [];
    const labels: (string | undefined)[] = [];
    const work: TaskWork = ({ label, log }) =>
      new Promise((done) => {
        labels.push(label);
        log("dumping");
        finish.push(() => done({ reason: "done" }));
      });
    const { scheduler, read, ended, lines } = make(clock, { work });
    await scheduler.start();
    const byHand = scheduler.runNow("backup", { by: "operator", label: "before-upgrade" });
    await until(() => finish.length === 1, "the operator's run");
    await clock.pass(MINUTE);
    await until(
      () => lines.some((line) => line.startsWith("backup: is due, and waits")),
      "the line about it",
    );
    await clock.pass(MINUTE);
    assert.equal(finish.length, 1);
    finish[0]?.();
    assert.equal((await byHand).by, "operator");
    await clock.pass(30_000);
    await until(() => finish.length === 2, "the scheduled run");
    finish[1]?.();
    await ended(2);
    assert.deepEqual(brief(read()), ["now operator ok", "2026-05-01T06:00 schedule ok"]);
    assert.deepEqual(labels, ["before-upgrade", undefined]);
    assert.equal(lines.filter((line) => line.includes("is due, and waits")).length, 1);
    assert.ok(lines.includes("backup: dumping"));
  });

  it("leaves to another scheduler of the same folder what that one has run", async () => {
    const clock = FakeClock.at("2026-05-01T05:59:59Z");
    const folder = folders.create();
    const [one, other] = [make(clock, { folder }), make(clock, { folder })];
    await Promise.all([one.scheduler.start(), other.scheduler.start()]);
    await clock.pass(1_000);
    await until(() => one.read().length === 1, "the run of one of them");
    for (let poll = 0; poll < 10; poll++) {
      await clock.pass(30_000);
      await new Promise((done) => setTimeout(done, 20));
    }
    assert.equal(one.runs() + other.runs(), 1);
    assert.deepEqual(brief(one.read()), ["2026-05-01T06:00 schedule ok"]);
  });

  it("does not run again and again what it cannot record", async () => {
    const clock = FakeClock.at("2026-05-01T05:59:59Z");
    const folder = folders.create();
    const work: TaskWork = async () => {
      // A file that cannot be written, also for root.
      symlinkSync("/proc/version", join(folder, "backup.jsonl"));
      return { reason: "done" };
    };
    const { scheduler, lines, runs } = make(clock, { folder, work });
    await scheduler.start();
    await clock.pass(1_000);
    await until(() => lines.length > 0, "the line about it");
    assert.match(lines[0] ?? "", /^backup: backup: ok \(done\), which could not be recorded: E/);
    await clock.pass(HOUR);
    assert.equal(runs(), 1);
  });

  it("tells how each task stands", async () => {
    const clock = FakeClock.at("2026-05-01T05:00:00Z");
    const { scheduler, read } = make(clock, { definitions: [BACKUP, { ...DRILL, service: "restore" }] });
    const base = { name: "backup", service: "ops", cron: "0 2 * * *", zone: "America/New_York" };
    assert.deepEqual(await scheduler.status(), [
      { ...base, next: "2026-05-01T06:00:00.000Z", last: null, running: false },
    ]);
    const record = await scheduler.runNow("backup", { by: "operator" });
    assert.deepEqual(record, read()[0]);
    assert.deepEqual(await scheduler.status(), [
      { ...base, next: "2026-05-01T06:00:00.000Z", last: record, running: false },
    ]);
    await assert.rejects(
      scheduler.runNow("vacuum", { by: "operator" }),
      new Error('task "vacuum" is not one of this container: there are backup'),
    );
  });

  it("is refused for a task without work and for an unknown zone", () => {
    const options = { definitions: [BACKUP], role: "ops", recordsFolder: "/nowhere", works: {} } as const;
    assert.throws(
      () => new Scheduler({ ...options, zone: "UTC" }),
      new Error("task backup of ops has no work: calendar and image differ"),
    );
    assert.throws(() => new Scheduler({ ...options, zone: "Mars" }), /"Mars" is not an IANA time zone/);
    assert.doesNotThrow(() => new Scheduler({ ...options, zone: "UTC", role: "restore" }));
  });
});

describe("what was due last", () => {
  const since = new Date("2026-05-01T00:00:00Z");
  const now = new Date("2026-05-10T00:00:00Z");
  const run = (scheduledFor: string | null, result: TaskRecord["result"] = "ok"): TaskRecord => ({
    task: "backup",
    scheduledFor,
    startedAt: now.toISOString(),
    endedAt: now.toISOString(),
    result,
    reason: "",
    by: "schedule",
    details: null,
  });
  const last = (records: TaskRecord[], missed: "run" | "skip" = "run", known = since): string =>
    lastDue(records, { missed }, known, now).toISOString().slice(0, 10);

  it("is the newest time of the calendar that ran, whatever became of it", () => {
    assert.equal(last([]), "2026-05-01");
    assert.equal(last([run("2026-05-09T06:00:00Z"), run("2026-05-08T06:00:00Z", "failed")]), "2026-05-09");
    assert.equal(last([run("2026-05-09T06:00:00Z", "failed")]), "2026-05-09");
    assert.equal(last([run(null)]), "2026-05-01");
  });

  it("is not a run that was killed, until the third, where missed runs are made up for", () => {
    const killed = run("2026-05-09T06:00:00Z", "interrupted");
    assert.equal(last([run("2026-05-08T06:00:00Z"), killed]), "2026-05-08");
    assert.equal(last([run("2026-05-08T06:00:00Z"), killed, killed]), "2026-05-08");
    assert.equal(last([run("2026-05-08T06:00:00Z"), killed, killed, killed]), "2026-05-09");
    assert.equal(last([run("2026-05-08T06:00:00Z"), killed], "skip"), "2026-05-09");
  });

  it("is never in a future that only a wrong clock can have written", () => {
    assert.equal(last([run("2026-05-09T06:00:00Z"), run("2036-01-01T00:00:00Z")]), "2026-05-09");
    assert.equal(last([], "run", new Date("2036-01-01T00:00:00Z")), "2026-05-10");
    assert.equal(last([run("2026-05-10T06:00:00Z")]), "2026-05-10");
  });
});

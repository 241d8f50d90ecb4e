import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { MANUAL } from "../../../../manual";
import { LockTakenError } from "../../../../ops/lock";
import { windowMeasures } from "../../../../ops/metrics";
import { Scheduler } from "../../../../ops/tasks/scheduler";
import {
  type Announcement,
  deliveriesFile,
  readAnnouncement,
  writeAnnouncement,
} from "../../../../ops/window/announcement";
import { Deliveries } from "../../../../ops/window/deliveries";
import { readLastRun, readWindowJournal, type WindowJournal } from "../../../../ops/window/journal";
import type { Step } from "../../../../ops/window/run";
import { freshBackup } from "../../../../ops/window/steps";
import { windowWork } from "../../../../ops/window/task";
import { taskDefinitions } from "../../../../tasks";
import { TempFolders } from "../../../support/temp";
import { FakeClock, until } from "../tasks/fakeClock";

const ZONE = MANUAL.timeZone;
const NAME = "maintenance-window";

describe("the task of maintenance windows", () => {
  const folders = new TempFolders();
  const started: Scheduler[] = [];
  afterEach(async () => {
    await Promise.all(started.splice(0).map((scheduler) => scheduler.stop()));
  });
  after(() => folders.remove());

  function make(clock: FakeClock, recordsFolder: string, folder: string) {
    const ran: string[] = [];
    const lines: string[] = [];
    const steps: Step[] = ["backup", "vacuum"].map((name) => ({
      name,
      failure: "stop",
      run: async () => {
        ran.push(`${clock.now().toISOString()} ${name}`);
        return "done";
      },
    }));
    const scheduler = new Scheduler({
      definitions: taskDefinitions().filter(({ name }) => name === NAME),
      zone: ZONE,
      role: "ops",
      recordsFolder,
      works: { [NAME]: windowWork({ timeZone: ZONE, folder, steps, clock }) },
      clock,
      log: (line) => lines.push(line),
    });
    started.push(scheduler);
    const ended = (): Promise<void> =>
      until(() => lines.some((line) => /: (ok|failed): /.test(line)), `an end in ${lines.join()}`);
    return { scheduler, ran, lines, ended };
  }

  it("begins at 02:00 of the first Sunday, by the clocks of its zone, and keeps the window's journal", async () => {
    const clock = FakeClock.at("2026-12-06T06:59:00Z");
    const folder = folders.create();
    const { scheduler, ran, ended, lines } = make(clock, folders.create(), folder);
    await scheduler.start();
    await clock.pass(60_000);
    await ended();
    assert.deepEqual(ran, ["2026-12-06T07:00:00.000Z backup", "2026-12-06T07:00:00.000Z vacuum"]);
    const journal = await readWindowJournal(folder);
    assert.deepEqual(journal?.window, { from: "2026-12-06T07:00:00.000Z", to: "2026-12-06T09:00:00.000Z" });
    assert.ok(
      lines.some((line) => line === `${NAME}: ok: 3 steps passed`),
      lines.join("\n"),
    );
  });

  it("begins late where ops starts in the window, and does nothing where it starts after it, which has failed", async () => {
    for (const [at, expected, state] of [
      ["2026-12-06T08:30:00Z", 2, "done"],
      ["2026-12-06T09:00:00Z", 0, "stopped"],
    ] as const) {
      const records = folders.create();
      const folder = folders.create();
      const before = make(FakeClock.at("2026-12-05T12:00:00Z"), records, folder);
      await before.scheduler.start();
      await before.scheduler.stop();
      const { scheduler, ran, ended } = make(FakeClock.at(at), records, folder);
      await scheduler.start();
      await ended();
      assert.equal(ran.length, expected, at);
      assert.equal((await readWindowJournal(folder))?.state, state);
    }
  });

  const announced: Announcement = {
    from: "2026-12-06T07:00:00.000Z",
    state: "announced",
    mail: true,
    startedAt: "2026-12-04T07:00:00.000Z",
    endedAt: "2026-12-04T07:00:02.000Z",
    told: 12,
    of: 12,
    reason: "",
    clearedAt: null,
  };

  for (const [what, at, end] of [
    ["has ended", "2026-12-06T07:30:00Z", "done"],
    ["was missed", "2026-12-06T09:30:00Z", "stopped"],
  ] as const) {
    it(`takes the notices back when the window ${what}, and forgets who got mail`, async () => {
      const records = folders.create();
      const folder = folders.create();
      const from = new Date(announced.from);
      await writeAnnouncement(folder, announced);
      await (await Deliveries.open(deliveriesFile(folder, from))).note("ada@example.com", "sent");
      const before = make(FakeClock.at("2026-12-05T12:00:00Z"), records, folder);
      await before.scheduler.start();
      await before.scheduler.stop();
      const { scheduler, ended } = make(FakeClock.at(at), records, folder);
      await scheduler.start();
      await ended();
      const journal = await readWindowJournal(folder);
      assert.equal(journal?.state, end);
      assert.equal(
        journal?.steps.at(-1)?.detail,
        end === "done"
          ? "banner and status page say that the window is done; 12 of 12 users told by mail"
          : undefined,
      );
      assert.equal((await readAnnouncement(folder, from))?.clearedAt, new Date(at).toISOString());
      assert.deepEqual(
        (await readdir(folder)).filter((name) => name.endsWith(".jsonl")),
        [],
      );
    });
  }

  it("leaves the notices alone in a rehearsal", async () => {
    const folder = folders.create();
    await writeAnnouncement(folder, announced);
    const { scheduler } = make(FakeClock.at("2026-12-05T12:00:00Z"), folders.create(), folder);
    await scheduler.runNow(NAME, { by: "operator" });
    const last = (await readLastRun(folder))?.steps.at(-1);
    assert.deepEqual([last?.name, last?.result], ["notices", "skipped"]);
    assert.equal((await readAnnouncement(folder, new Date(announced.from)))?.clearedAt, null);
  });

  it("is a rehearsal when an operator runs it: the same steps, at any time", async () => {
    const clock = FakeClock.at("2026-11-26T15:00:00Z");
    const folder = folders.create();
    const { scheduler, ran } = make(clock, folders.create(), folder);
    const record = await scheduler.runNow(NAME, { by: "operator" });
    assert.equal(record.result, "ok");
    assert.equal(ran.length, 2);
    assert.equal(await readWindowJournal(folder), null);
    assert.equal((await readLastRun(folder))?.rehearsal, true);
  });
});

describe("the backup of a maintenance window", () => {
  const window = { from: new Date("2026-12-06T07:00:00Z"), to: new Date("2026-12-06T09:00:00Z") };
  const context = (signal = new AbortController().signal) => ({ window, signal, log: () => undefined });

  it("is made, where none of the window is there", async () => {
    const clock = new FakeClock(window.from.getTime());
    const backups = { madeSince: async () => undefined, make: async () => "20261206-070001-abcd" };
    assert.equal(await freshBackup(backups, context(), clock), "20261206-070001-abcd");
  });

  it("is the daily one where that begins at the same time: it is waited for, and no second one is made", async () => {
    const clock = new FakeClock(window.from.getTime());
    const asked: Date[] = [];
    const backups = {
      madeSince: async (moment: Date) => {
        asked.push(moment);
        return asked.length < 4 ? undefined : "20261206-070000-daily";
      },
      make: async (): Promise<string> => {
        throw new LockTakenError("/backups/.records/backup.lock", undefined);
      },
    };
    const result = freshBackup(backups, context(), clock);
    for (let turn = 0; turn < 5; turn++) {
      await clock.pass(5_000);
    }
    assert.match(await result, /^backup 20261206-070000-daily of this window is verified in S3$/);
    assert.deepEqual(asked[0], window.from);
  });

  it("has failed with its reason where it cannot be made, and ends with its container", async () => {
    const clock = new FakeClock(window.from.getTime());
    const failing = {
      madeSince: async () => undefined,
      make: async (): Promise<string> => {
        throw new Error("S3 does not answer");
      },
    };
    await assert.rejects(freshBackup(failing, context(), clock), /^Error: S3 does not answer$/);
    await assert.rejects(
      freshBackup(failing, context(AbortSignal.abort(new Error("stopped"))), clock),
      /stopped/,
    );
  });
});

describe("what is measured of maintenance windows", () => {
  const journal = (state: WindowJournal["state"], result: "passed" | "failed" = "passed"): WindowJournal => ({
    window: { from: "2026-12-06T07:00:00.000Z", to: "2026-12-06T09:00:00.000Z" },
    state,
    steps: [
      {
        name: "vacuum",
        startedAt: "2026-12-06T07:10:00.000Z",
        endedAt: "2026-12-06T07:11:00.000Z",
        result,
        detail: "",
      },
    ],
    rehearsal: false,
    reason: "",
  });
  const value = (found: WindowJournal | null, at = "2026-12-06T08:00:00Z") =>
    windowMeasures(new Date(at), found)[0]?.value;

  it("is 1 for one that was stopped, ran over its end, or has a step that failed; 0 for a good one; nothing before", () => {
    assert.equal(value(null), undefined);
    assert.equal(value(journal("announced")), undefined);
    assert.equal(value(journal("running")), 0);
    assert.equal(value(journal("done")), 0);
    assert.equal(value(journal("done", "failed")), 1);
    assert.equal(value(journal("running", "failed")), 1);
    assert.equal(value(journal("stopped")), 1);
    assert.equal(value(journal("overran")), 1);
  });

  it("is 1 as soon as the end is over while a step still runs", () => {
    assert.equal(value(journal("running"), "2026-12-06T09:00:00.001Z"), 1);
  });
});

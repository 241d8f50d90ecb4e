import assert from "node:assert/strict";
import { Command } from "commander";
import * as scheduleCommand from "../../../cli/commands/schedule";
import * as tasksCommand from "../../../cli/commands/tasks";
import { UserError } from "../../../cli/errors";
import {
  formatSchedule,
  formatWindows,
  parseCount,
  parseTime,
  schedule,
  stackHas,
  stackZone,
  windowTimes,
} from "../../../cli/schedule";
import { TempFolders, withEnvironment } from "../../support/temp";

const ZONE = "America/New_York";

describe("schedule", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("gives the next runs of every task, by the calendars alone", () => {
    const schedules = schedule(ZONE, new Date("2026-03-07T12:00:00Z"), 2);
    assert.deepEqual(schedules, [
      { task: "backup", zone: ZONE, next: ["2026-03-08T07:00:00.000Z", "2026-03-09T06:00:00.000Z"] },
      { task: "log-archive", zone: ZONE, next: ["2026-03-08T05:20:00.000Z", "2026-03-09T04:20:00.000Z"] },
      { task: "report-morning", zone: ZONE, next: ["2026-03-09T12:00:00.000Z", "2026-03-10T12:00:00.000Z"] },
      { task: "report-security", zone: ZONE, next: ["2026-03-07T13:05:00.000Z", "2026-03-08T12:05:00.000Z"] },
      { task: "report-errors", zone: ZONE, next: ["2026-03-09T12:10:00.000Z", "2026-03-16T12:10:00.000Z"] },
      { task: "report-tables", zone: ZONE, next: ["2026-03-11T12:10:00.000Z", "2026-03-18T12:10:00.000Z"] },
      {
        task: "report-performance",
        zone: ZONE,
        next: ["2026-03-13T12:10:00.000Z", "2026-03-20T12:10:00.000Z"],
      },
      { task: "restore-drill", zone: ZONE, next: ["2026-04-01T08:30:00.000Z", "2026-05-01T08:30:00.000Z"] },
      {
        task: "maintenance-notice",
        zone: ZONE,
        next: ["2026-04-03T06:00:00.000Z", "2026-05-01T06:00:00.000Z"],
      },
      {
        task: "maintenance-window",
        zone: ZONE,
        next: ["2026-04-05T06:00:00.000Z", "2026-05-03T06:00:00.000Z"],
      },
    ]);
    assert.equal(
      formatSchedule(schedules.slice(0, 1)),
      [
        "backup (America/New_York)",
        "  2026-03-08 03:00   2026-03-08T07:00:00Z",
        "  2026-03-09 02:00   2026-03-09T06:00:00Z",
      ].join("\n"),
    );
  });

  it("gives the maintenance windows that come next, an open one first, and when users are told of each", () => {
    const windows = windowTimes(ZONE, new Date("2026-11-01T07:30:00Z"), 2);
    assert.equal(
      formatWindows(ZONE, windows),
      [
        "maintenance windows (America/New_York)",
        "  2026-11-01 02:00 to 04:00   2026-11-01T07:00:00Z   users are told 2026-10-30 03:00",
        "  2026-12-06 02:00 to 04:00   2026-12-06T07:00:00Z   users are told 2026-12-04 02:00",
      ].join("\n"),
    );
    const [next] = windowTimes(ZONE, new Date("2026-11-01T09:00:00Z"), 1);
    assert.equal(next?.from, "2026-12-06T07:00:00.000Z", "one that has ended is over");
  });

  it("is of the manual's zone for a stack that does not exist yet, or else of the stack's", async () => {
    const home = folders.create({
      "stacks/unit/Pulumi.unit.yaml": "config:\n  fitnesscrm:timeZone: Europe/Berlin\n",
      "stacks/odd/Pulumi.odd.yaml": "config:\n  fitnesscrm:timeZone: Mars/Base\n",
    });
    await withEnvironment({ FITNESSCRM_HOME: home }, () => {
      assert.equal(stackZone("none"), ZONE);
      assert.equal(stackZone("unit"), "Europe/Berlin");
      assert.throws(() => stackZone("odd"), /fitnesscrm:timeZone: "Mars\/Base" is not an IANA time zone/);
    });
  });

  it("takes times with a zone, and those without one as the stack's own", () => {
    const parsed = (text: string): string => parseTime(text, ZONE, "--from").toISOString();
    assert.equal(parsed("2026-03-08T07:00:00Z"), "2026-03-08T07:00:00.000Z");
    assert.equal(parsed("2026-03-08T02:00:00.5-05:00"), "2026-03-08T07:00:00.500Z");
    assert.equal(parsed("2026-07-01"), "2026-07-01T04:00:00.000Z");
    assert.equal(parsed("2026-07-01T08:30"), "2026-07-01T12:30:00.000Z");
    for (const text of ["", "tomorrow", "2026-13-01", "2026-03-08T25:00:00Z", "1767225600"]) {
      assert.throws(
        () => parsed(text),
        (error: unknown) =>
          error instanceof UserError && error.exitCode === 2 && error.message.startsWith("--from "),
        text,
      );
    }
  });

  it("takes a count that makes sense", () => {
    assert.equal(parseCount("5"), 5);
    for (const text of ["0", "-1", "1.5", "x", "10001", ""]) {
      assert.throws(() => parseCount(text), /^UserError: --count .* from 1 to 10,000$/, text);
    }
  });

  it("is a command that prints JSON", async () => {
    const printed = await output(() =>
      parse(["schedule", "--json", "--stack", "none", "--from", "2026-10-31T12:00:00Z", "--count", "1"]),
    );
    assert.deepEqual(JSON.parse(printed), [
      { task: "backup", zone: ZONE, next: ["2026-11-01T07:00:00.000Z"] },
      { task: "log-archive", zone: ZONE, next: ["2026-11-01T04:20:00.000Z"] },
      { task: "report-morning", zone: ZONE, next: ["2026-11-02T13:00:00.000Z"] },
      { task: "report-security", zone: ZONE, next: ["2026-10-31T12:05:00.000Z"] },
      { task: "report-errors", zone: ZONE, next: ["2026-11-02T13:10:00.000Z"] },
      { task: "report-tables", zone: ZONE, next: ["2026-11-04T13:10:00.000Z"] },
      { task: "report-performance", zone: ZONE, next: ["2026-11-06T13:10:00.000Z"] },
      { task: "restore-drill", zone: ZONE, next: ["2026-11-01T09:30:00.000Z"] },
      { task: "maintenance-notice", zone: ZONE, next: ["2026-12-04T07:00:00.000Z"] },
      { task: "maintenance-window", zone: ZONE, next: ["2026-11-01T07:00:00.000Z"] },
    ]);
  });

  it("has the certificate's task where TLS ends at the edge", async () => {
    const from = new Date("2026-10-31T12:00:00Z");
    const names = (has: { certificates: boolean }) => schedule(ZONE, from, 1, has).map(({ task }) => task);
    assert.deepEqual(
      names({ certificates: true }).filter((name) => !names({ certificates: false }).includes(name)),
      ["certificates"],
    );
    const home = folders.create({
      "stacks/with/Pulumi.with.yaml": "config:\n  fitnesscrm:http:\n    tls: { email: ops@example.com }\n",
      "stacks/without/Pulumi.without.yaml": "config:\n  fitnesscrm:http:\n    port: 80\n",
    });
    await withEnvironment({ FITNESSCRM_HOME: home }, () => {
      assert.deepEqual(["with", "without", "none"].map(stackHas), [
        { certificates: true },
        { certificates: false },
        { certificates: false },
      ]);
    });
  });

  it("stands beside tasks, whose run takes its own options", async () => {
    await withEnvironment({ FITNESSCRM_HOME: folders.create() }, async () => {
      for (const args of [["tasks"], ["tasks", "run", "backup", "--label", "x"]]) {
        await assert.rejects(
          parse([...args, "--stack", "elsewhere"]),
          /^UserError: stack elsewhere does not exist yet: run .\/fitnesscrm up --stack elsewhere$/,
        );
      }
    });
  });

  async function parse(args: string[]): Promise<void> {
    const program = new Command("fitnesscrm").enablePositionalOptions().exitOverride();
    scheduleCommand.register(program);
    tasksCommand.register(program);
    await program.parseAsync(args, { from: "user" });
  }

  async function output(body: () => Promise<void>): Promise<string> {
    const { write } = process.stdout;
    let text = "";
    process.stdout.write = (chunk: string | Uint8Array): boolean => {
      text += chunk.toString();
      return true;
    };
    try {
      await withEnvironment({ FITNESSCRM_HOME: folders.create() }, body);
    } finally {
      process.stdout.write = write;
    }
    return text;
  }
});

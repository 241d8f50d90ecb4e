import assert from "node:assert/strict";
import { MANUAL } from "../../manual";
import { judge } from "./support/harness";
import { nodes } from "./support/mutants";
import { programWith, put, type Tree } from "./support/weakerManual";

/** A window at a weaker ordinal, weekday and time at once: any one of them alone would be at another moment. */
const SECOND_SATURDAY = /^AlarmMuteRule mutes-2026-12 begins at at\(2026-12-12T01:00\)\./;

/** A number of the manual, weaker, and what the policies must say of what the program then declares. */
const WEAKER: readonly (readonly [path: string, weaker: unknown, refusal: RegExp])[] = [
  ["timeZone", "Europe/Berlin", /^Stack local runs its tasks by the clock of Europe\/Berlin\./],
  ["thresholds.cpu.above", 81, /^MetricAlarm alarms-cpu goes off above 81, which is looser than 80\./],
  ["thresholds.cpu.severity", undefined, /^MetricAlarm alarms-cpu has no severity\./],
  ["thresholds.memory.above", 86, /^MetricAlarm alarms-memory goes off above 86, .* than 85\./],
  ["thresholds.memory.severity", undefined, /^MetricAlarm alarms-memory has no severity\./],
  ["thresholds.disk.above", 86, /^MetricAlarm alarms-disk goes off above 86, .* than 85\./],
  ["thresholds.disk.severity", undefined, /^MetricAlarm alarms-disk has no severity\./],
  ["thresholds.response-time.above", 501, /^MetricAlarm alarms-response-time goes off above 501, /],
  ["thresholds.response-time.severity", undefined, /^MetricAlarm alarms-response-time has no severity\./],
  ["thresholds.error-rate.above", 1.1, /^MetricAlarm alarms-error-rate goes off above 1\.1, .* than 1\./],
  ["thresholds.error-rate.severity", "P3", /^MetricAlarm alarms-error-rate is only P3\./],
  ["thresholds.database-connections.above", 81, /^MetricAlarm alarms-database-connections goes off above 81/],
  ["thresholds.database-connections.severity", "P2", /^MetricAlarm alarms-database-connections is only P2/],
  ["backup.dailyAt", "03:00", /^Stack local makes its backup at "0 3 \* \* \*"\./],
  ["backup.retentionDaysLocal", 29, /^Stack local keeps its own copy of a backup for 29 days\./],
  ["backup.retentionDaysS3", 89, /^Bucket .* expires backups after 89 days\./],
  ["backup.recoveryTimeObjectiveHours", 2, /^MetricAlarm alarms-drill-duration goes off above 7200, /],
  ["backup.recoveryPointObjectiveHours", 25, /^MetricAlarm alarms-backup-age goes off above 90000, /],
  ["backup.dumpAgeHours", 27, /^MetricAlarm alarms-dump-age goes off above 97200, /],
  ["maintenanceWindow.ordinal", 2, SECOND_SATURDAY],
  ["maintenanceWindow.weekday", "Saturday", SECOND_SATURDAY],
  ["maintenanceWindow.from", "01:00", SECOND_SATURDAY],
  ["maintenanceWindow.to", "05:00", /^AlarmMuteRule mutes-2026-12 lasts PT4H\./],
  ["maintenanceWindow.noticeHours", 47, /^Stack local tells users of a maintenance window 47 hours before /],
  ["slowStatementMilliseconds", 501, /^Service db logs statements slower than 501 ms\./],
];

/** What no resource of the program carries, and who reads it instead. */
const ELSEWHERE: readonly (readonly [path: RegExp, why: string])[] = [
  [/^thresholds\.[\w-]+\.(row|unit|title|action)$/, "words of an alarm's text"],
  [/^severities\./, "words of a topic's display name"],
  [/^onCall\./, "the rota's and the chain's numbers: the policies on them read the same ones"],
];

describe("numbers of the manual, weaker in what the program reads", () => {
  const all = [...nodes(MANUAL)]
    .filter(([, value]) => typeof value !== "object")
    .map(([steps]) => steps.join("."));
  let refusals: string[];

  before(async () => {
    // All at once, because each run loads the program anew; what is said of one of them names it.
    const weaker = WEAKER.reduce(
      (manual, [path, value]) => put(manual, path.split("."), value),
      MANUAL as Tree,
    );
    refusals = judge(await programWith(weaker)).map(({ message }) => message);
  });

  it("are all here, or are read elsewhere for a written reason", () => {
    const weakened = WEAKER.map(([path]) => path);
    assert.deepEqual(
      all.filter((path) => !weakened.includes(path) && !ELSEWHERE.some(([known]) => known.test(path))),
      [],
    );
    assert.deepEqual(
      weakened.filter((path) => !all.includes(path)),
      [],
    );
    assert.deepEqual(
      ELSEWHERE.filter(([known]) => !all.some((path) => known.test(path))),
      [],
    );
  });

  it("the program as it is is refused by no policy", async () => {
    assert.deepEqual(judge(await programWith(MANUAL)), []);
  });

  for (const [path, weaker, refusal] of WEAKER) {
    it(`${path}: ${weaker ?? "none"} is refused`, () => {
      assert.ok(
        refusals.some((message) => refusal.test(message)),
        `nobody minds; what is refused is:\n${refusals.join("\n")}`,
      );
    });
  }
});

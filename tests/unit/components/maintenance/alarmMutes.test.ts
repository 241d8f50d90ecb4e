import assert from "node:assert/strict";
import { ALARM_NAMES, alarmDefinitions } from "../../../../alarmCatalogue";
import { AlarmMutes } from "../../../../components/maintenance/alarmMutes";
import { Alarms } from "../../../../components/monitoring/alarms";
import { MAX_MUTED, MUTED_ALARMS, mutedTime } from "../../../../maintenanceMutes";
import { windowAt, windowsFrom } from "../../../../maintenanceWindow";
import { countByType, ofType, only, outputValue, type Recorded, record } from "../../../support/mocks";
import { alarmSettings } from "../../alarmCatalogue/support";

const RULE = "aws:cloudwatch/alarmMuteRule:AlarmMuteRule";
const ZONE = "America/New_York";

const build = (plannedFrom: string | undefined) =>
  record("unit", () => {
    const alarms = new Alarms("alarms", {
      ...alarmSettings(),
      topicArns: { P0: "arn:p0", P1: "arn:p1", P2: "arn:p2", P3: "arn:p3" },
      stepArns: { "engineering-manager": "arn:manager", cto: "arn:cto", ceo: "arn:ceo" },
    });
    return new AlarmMutes("mutes", {
      stack: "unit",
      timeZone: ZONE,
      maintenance: { plannedFrom },
      alarms: alarms.chains,
    });
  });

interface RuleInputs {
  readonly rule: { readonly schedule: { expression: string; timezone: string; duration: string } };
  readonly muteTargets: { readonly alarmNames: string[] };
}

const inputsOf = (resource: Recorded): RuleInputs => resource.inputs as unknown as RuleInputs;

describe("alarms in a maintenance window", () => {
  let resources: Recorded[];
  let months: string[];
  before(async () => {
    const recording = await build("2026-12");
    resources = recording.resources;
    months = await outputValue(recording.result.months);
  });

  it("are kept quiet by one rule a window, with these inputs and no other", () => {
    const { inputs, parent } = only(resources, RULE, "mutes-2026-12");
    assert.deepEqual(inputs, {
      name: "fitnesscrm-unit-maintenance-2026-12",
      description: "Maintenance window of 2026-12 on unit (M37): alarms that it explains.",
      rule: {
        schedule: { expression: "at(2026-12-06T02:00)", timezone: ZONE, duration: "PT2H" },
      },
      muteTargets: {
        alarmNames: ["cpu", "memory", "disk", "response-time"].flatMap((alarm) =>
          ["", "-escalation-engineering-manager", "-escalation-cto"].map(
            (step) => `fitnesscrm-unit-${alarm}${step}`,
          ),
        ),
      },
    });
    assert.match(parent, /fitnesscrm:maintenance:AlarmMutes::mutes$/);
    assert.equal(ofType(resources, RULE).length, 12);
    assert.equal(months.length, 12);
  });

  it("are quiet at a minute exactly when a window is open, for the declared year, hour by hour", () => {
    const rules = ofType(resources, RULE).map((rule) => mutedTime(inputsOf(rule).rule.schedule));
    const from = Date.UTC(2026, 11, 1);
    const to = windowsFrom("2026-12", 12, ZONE).at(-1)?.to.getTime() ?? 0;
    for (let at = from; at < to + 86_400_000; at += 30 * 60_000) {
      for (const moment of [at - 1, at].map((each) => new Date(each))) {
        const isQuiet = rules.some((rule) => rule.from <= moment && moment < rule.to);
        assert.equal(isQuiet, windowAt(moment, ZONE) !== undefined, moment.toISOString());
      }
    }
  });

  it("page all the same where the window does not explain them: an outage, silence, lost data, failing requests", () => {
    const quiet = new Set(ofType(resources, RULE).flatMap((rule) => inputsOf(rule).muteTargets.alarmNames));
    assert.ok(quiet.size > 0 && quiet.size <= MAX_MUTED, `${quiet.size} alarms`);
    const pages = ALARM_NAMES.filter((name) => !quiet.has(`fitnesscrm-unit-${name}`));
    assert.deepEqual(pages, [
      ...["error-rate", "database-connections", "service-down", "silence", "oom", "redis-memory"],
      ...["failed-logins", "certificate", "rota-horizon", "mute-horizon", "window-failed"],
      ...["backup-age", "dump-age", "drill-failed", "drill-duration"],
    ]);
    const severities = new Map(
      alarmDefinitions(alarmSettings()).map(({ name, severity }) => [name, severity]),
    );
    for (const name of Object.keys(MUTED_ALARMS) as (keyof typeof MUTED_ALARMS)[]) {
      assert.equal(severities.get(name), "P3", `${name} is urgent`);
    }
  });

  it("are not kept quiet at all where no window is declared", async () => {
    const { resources: none } = await build(undefined);
    assert.equal(countByType(none)[RULE], undefined);
  });
});

import assert from "node:assert/strict";
import { alarmDefinitions } from "../../../../alarmCatalogue";
import { DRILL_NAMES, drillOf, stagesOf } from "../../../../cli/drills/catalogue";
import { CAUSES } from "../../../../cli/drills/causes/causes";
import { loadRate } from "../../../../cli/drills/load";
import type { Page } from "../../../../cli/drills/pages";
import {
  consequencesOf,
  failed,
  formatResults,
  isSuccess,
  otherPagesOf,
} from "../../../../cli/drills/result";
import { pageLimitSeconds } from "../../../../cli/drills/stage";
import { watchedOf } from "../../../../cli/drills/watch";
import { parseConfig, publicUrlOf } from "../../../../config";
import { minimalConfig, rawOf } from "../../../support/config";

const config = parseConfig(rawOf(minimalConfig()), "/nowhere");
const BEGUN = new Date("2026-11-26T12:00:00.000Z");

function page(alarm: string, state = "ALARM", changedAt = new Date(BEGUN.getTime() + 1000)): Page {
  return { alarm, state, changedAt, to: "ada@example.com", receivedAt: changedAt };
}

describe("the drills", () => {
  it("are all in `all`, each once, and each has a cause", () => {
    const all = stagesOf("all").flat();
    assert.deepEqual(all.map(({ name }) => name).sort(), [...DRILL_NAMES].sort());
    assert.deepEqual(Object.keys(CAUSES).sort(), [...DRILL_NAMES].sort());
  });

  it("drill alarms that a stack has, none twice", () => {
    const settings = {
      stack: "test",
      alarms: config.alarms,
      contacts: config.contacts,
      aws: config.aws,
      publicUrl: publicUrlOf(config.http),
    };
    const names = alarmDefinitions(settings).map(({ name }) => name);
    const drilled = DRILL_NAMES.map((name) => drillOf(name).alarm);
    assert.deepEqual(
      drilled.filter((alarm) => !names.includes(alarm)),
      [],
    );
    assert.equal(new Set(drilled).size, drilled.length);
  });

  it("leave out what they are told to, and a stage of which nothing is left", () => {
    const left = stagesOf("all", ["cpu", "silence"]);
    assert.deepEqual(
      left.flat().map(({ name }) => name),
      DRILL_NAMES.filter((name) => name !== "cpu" && name !== "silence"),
    );
    assert.equal(left.length, stagesOf("all").length - 1);
  });

  it("never run two at once of which one hides the other", () => {
    const stage = (name: string): number =>
      stagesOf("all").findIndex((drills) => drills.some((each) => each.name === name));
    for (const name of ["service-down", "silence"] as const) {
      assert.deepEqual(
        stagesOf("all")[stage(name)]?.map((each) => each.name),
        [name],
      );
    }
  });

  it("give a page two evaluations of its alarm and ten seconds", () => {
    const short = { ...config, alarms: { ...config.alarms, periodSeconds: 10, evaluationPeriods: 2 } };
    const limit = (name: (typeof DRILL_NAMES)[number]): number =>
      pageLimitSeconds(watchedOf({ stack: "test", config: short }, drillOf(name)));
    assert.equal(limit("cpu"), 50);
    assert.equal(limit("oom"), 30);
  });

  it("send enough requests for a period to be judged, and never many", () => {
    for (const [minRequests, periodSeconds] of [
      [1, 60],
      [20, 10],
      [20, 60],
      [1000, 10],
    ] as const) {
      const rate = loadRate({ minRequests, periodSeconds });
      assert.ok(rate <= 50 && rate >= 5);
      assert.ok(rate === 50 || rate * periodSeconds >= 2 * minRequests, `${rate} for ${minRequests}`);
    }
  });
});

describe("what came of a drill", () => {
  const watched = watchedOf({ stack: "test", config }, drillOf("service-down"));
  const name = "fitnesscrm-test-service-down";

  it("counts pages of other alarms that began with it, and no step of a chain", () => {
    const pages = [
      page(name),
      page(`${name}-escalation-cto`),
      page("fitnesscrm-test-backup-age-escalation-ceo"),
      page("fitnesscrm-test-error-rate"),
      page("fitnesscrm-test-response-time", "OK"),
      page("fitnesscrm-test-disk", "ALARM", new Date(BEGUN.getTime() - 1)),
    ];
    assert.deepEqual(otherPagesOf(pages, [name], BEGUN), ["fitnesscrm-test-error-rate to ada@example.com"]);
  });

  it("takes a busy host for a cause of its own", () => {
    const others = [
      "fitnesscrm-test-cpu to ada@example.com",
      "fitnesscrm-test-error-rate to ada@example.com",
    ];
    assert.deepEqual(consequencesOf(others, "test"), others.slice(1));
  });

  it("is shown with its reason, and is a failure of the command", () => {
    const result = failed(drillOf("service-down"), watched, "no mail came");
    const text = formatResults([result]);
    assert.match(text, /^service-down +service-down +P0 +- .*nobody +failed$/m);
    assert.match(text, /^service-down: no mail came$/m);
    assert.equal(isSuccess([result]), false);
    assert.equal(isSuccess([{ verdict: "late" }, { verdict: "passed" }]), true);
  });
});

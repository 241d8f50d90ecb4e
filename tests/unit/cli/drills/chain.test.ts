import assert from "node:assert/strict";
import { type ChainSettings, formatChain, judgeChain } from "../../../../cli/drills/chain";
import type { Page } from "../../../../cli/drills/pages";
import type { Watched } from "../../../../cli/drills/stage";

const CONTACTS = {
  "engineering-manager": "manager@example.com",
  cto: "cto@example.com",
  ceo: "ceo@example.com",
} as const;
type Step = keyof typeof CONTACTS;

const watched = (name: Watched["name"], severity: Watched["severity"]): Watched => ({
  name,
  fullName: `fitnesscrm-test-${name}`,
  severity,
  evaluationSeconds: 20,
});
const settings: ChainSettings = {
  stack: "test",
  respondSeconds: { critical: 30, other: 30 },
  contacts: {
    escalation: {
      engineeringManager: { name: "Manager", email: CONTACTS["engineering-manager"] },
      cto: { name: "CTO", email: "CTO@example.com" },
      ceo: { name: "CEO", email: CONTACTS.ceo },
    },
  },
  alarms: {
    critical: watched("service-down", "P0"),
    lesser: watched("disk", "P3"),
    acknowledged: watched("memory", "P3"),
  },
};

function at(alarm: string, seconds: number, to: string): Page {
  const changedAt = new Date(Date.UTC(2026, 10, 26) + seconds * 1000);
  return { alarm: `fitnesscrm-test-${alarm}`, state: "ALARM", changedAt, to, receivedAt: changedAt };
}

const up = (alarm: string, step: Step, seconds: number, to: string = CONTACTS[step]): Page =>
  at(`${alarm}-escalation-${step}`, seconds, to);

const RIGHT = [
  at("service-down", 0, "ada@example.com"),
  at("disk", 0, "ada@example.com"),
  at("memory", 0, "ada@example.com"),
  up("service-down", "engineering-manager", 31),
  up("disk", "engineering-manager", 32),
  up("service-down", "cto", 61),
  up("disk", "cto", 62),
  up("service-down", "ceo", 91),
];

describe("the chain behind an alarm", () => {
  it("is right when every step heard in turn, and the CEO of the critical one alone", () => {
    const { faults, pages } = judgeChain(settings, RIGHT);
    assert.deepEqual(faults, []);
    assert.equal(pages.length, 5);
    assert.match(
      formatChain({ faults, pages, acknowledged: "memory" }),
      /service-down +ceo +ceo@example\.com +91\.0 s/,
    );
  });

  for (const [what, pages, fault] of [
    ["a step is missing", RIGHT.filter(({ to }) => to !== CONTACTS.ceo), /of service-down \(P0\) heard/],
    ["the CEO hears of a lesser one", [...RIGHT, up("disk", "ceo", 92)], /of disk \(P3\) heard/],
    [
      "somebody hears of the acknowledged one",
      [...RIGHT, up("memory", "engineering-manager", 33)],
      /of memory \(P3\) heard/,
    ],
    [
      "the order is wrong",
      RIGHT.map((page) => (page.to === CONTACTS.ceo ? up("service-down", "ceo", 45) : page)),
      /in this order: engineering-manager, ceo, cto/,
    ],
    [
      "a step's page goes to somebody else",
      RIGHT.map((page) => (page.to === CONTACTS.ceo ? { ...page, to: CONTACTS.cto } : page)),
      /for the ceo went to cto@example\.com/,
    ],
    [
      "nobody is given time to respond",
      RIGHT.map((page) => (page.alarm.endsWith("-ceo") ? up("service-down", "ceo", 70) : page)),
      /heard of service-down after 70\.0 s, before 90 s/,
    ],
  ] as const) {
    it(`is wrong when ${what}`, () => {
      assert.match(judgeChain(settings, pages).faults.join("\n"), fault);
    });
  }
});

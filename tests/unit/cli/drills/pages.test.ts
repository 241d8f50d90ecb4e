import assert from "node:assert/strict";
import { judgeDelivery, type Page, pagesOf, recipientsAt } from "../../../../cli/drills/pages";
import { parseConfig } from "../../../../config";
import { SEVERITIES } from "../../../../manual";
import { minimalConfig, rawOf } from "../../../support/config";

const AT = new Date("2026-11-26T12:00:00.000Z");
const MESSAGE = {
  AlarmName: "fitnesscrm-test-cpu",
  NewStateValue: "ALARM",
  StateChangeTime: "2026-11-26T12:00:00.000+0000",
  NewStateReason: 'a reason with {braces} and "quotes"',
};

function page(to: string, more: Partial<Page> = {}): Page {
  return { alarm: "fitnesscrm-test-cpu", state: "ALARM", changedAt: AT, to, receivedAt: AT, ...more };
}

describe("pages in the mailbox", () => {
  it("are read from the message below the words around it, one a recipient", () => {
    const text = `You are receiving this {email} because\n- Reason: {x}\n--\n\n${JSON.stringify(MESSAGE)}\n\nbye`;
    const pages = pagesOf({ to: ["Ada@Example.com", "ben@example.com"], text, receivedAt: AT });
    assert.deepEqual(pages, [page("ada@example.com"), page("ben@example.com")]);
  });

  for (const [what, text] of [
    ["mail of something else", "hello"],
    ["JSON that is no alarm", '{"a":1}'],
    ["an alarm without a moment", JSON.stringify({ ...MESSAGE, StateChangeTime: "soon" })],
    ["JSON that is cut off", JSON.stringify(MESSAGE).slice(0, 40)],
  ] as const) {
    it(`are none in ${what}`, () => {
      assert.deepEqual(pagesOf({ to: ["ada@example.com"], text, receivedAt: AT }), []);
    });
  }
});

describe("who has to hear of an alarm", () => {
  const config = parseConfig(rawOf(minimalConfig()), "/nowhere");
  const specialists = [config.contacts.databaseAdmin.email, config.contacts.securityTeam.email];

  for (const severity of SEVERITIES) {
    const critical = severity === "P0" || severity === "P1";
    it(`of ${severity} is the engineer on call${critical ? ", the database admin and the security team" : " alone"}`, () => {
      const [engineer, ...others] = recipientsAt(severity, AT, config);
      assert.ok(config.contacts.onCall.some(({ email }) => email.toLowerCase() === engineer));
      assert.deepEqual(others, critical ? specialists.map((email) => email.toLowerCase()) : []);
    });
  }
});

describe("the delivery of a page", () => {
  const due = (): string[] => ["ada@example.com", "dba@example.com"];
  const later = new Date(AT.getTime() + 3000);

  it("misses everybody while nothing has come", () => {
    const { missing, completeAt } = judgeDelivery([], due, AT);
    assert.deepEqual(missing, due());
    assert.equal(completeAt, undefined);
  });

  it("is complete with the last of those who had to hear", () => {
    const pages = [page("ada@example.com"), page("dba@example.com", { receivedAt: later })];
    const { missing, wrong, twice, completeAt } = judgeDelivery(pages, due, AT);
    assert.deepEqual({ missing, wrong, twice }, { missing: [], wrong: [], twice: [] });
    assert.deepEqual(completeAt, later);
  });

  it("names who heard and should not have, and who heard twice", () => {
    const pages = [page("ada@example.com"), page("ada@example.com"), page("ben@example.com")];
    const { missing, wrong, twice } = judgeDelivery(pages, due, AT);
    assert.deepEqual(
      { missing, wrong, twice },
      { missing: ["dba@example.com"], wrong: ["ben@example.com"], twice: ["ada@example.com"] },
    );
  });

  it("goes by who was on call when the alarm changed, not by who is now", () => {
    const asked: Date[] = [];
    judgeDelivery(
      [page("ada@example.com")],
      (at) => {
        asked.push(at);
        return due();
      },
      later,
    );
    assert.deepEqual(asked, [AT]);
  });
});

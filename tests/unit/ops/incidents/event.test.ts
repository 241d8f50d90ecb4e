import assert from "node:assert/strict";
import { PREFIXES } from "../../../../bucketLayout";
import { INCIDENT_STEPS } from "../../../../manual";
import { incidents } from "../../../../ops/incidents/command";
import { type IncidentEvent, incidentEvent } from "../../../../ops/incidents/event";

const EVENT: IncidentEvent = {
  incident: "20261126t101500z-0001",
  id: "20261126t101500z-000a",
  at: "2026-11-26T10:15:00.000Z",
  by: "ada@workstation",
  kind: "note",
  step: "containment",
  text: "two lines:\n\tünïcödé, \"quotes\", $(id) and 'more'",
};

describe("an event of an incident", () => {
  it("is taken as it is, whatever people wrote", () => {
    const opened = {
      ...EVENT,
      kind: "opened",
      title: "API answers 502; rm -rf /",
      severity: "P0",
      facts: { release: null, alarms: [], unhealthy: [], unknown: ["health: x"] },
    };
    for (const one of [EVENT, { ...EVENT, severity: "P2" }]) {
      assert.deepEqual(incidentEvent.parse(one), one);
    }
    const { step: _, text: __, ...expected } = opened;
    assert.deepEqual(incidentEvent.parse(expected), expected);
  });

  it("has one of the manual's steps", () => {
    for (const step of Object.keys(INCIDENT_STEPS)) {
      assert.equal(incidentEvent.safeParse({ ...EVENT, step }).success, true);
    }
  });

  const WRONG: [what: string, change: object][] = [
    ["an incident that leaves its prefix", { incident: "../backups/x" }],
    ["an id that leaves its prefix", { id: "../../x" }],
    ["a time that is none", { at: "soon" }],
    ["nobody", { by: " " }],
    ["no text", { text: " \n" }],
    ["a text that moves the cursor", { text: "\u001b[2Jgone" }],
    ["a text that turns the line around", { text: "safe\u202etxt" }],
    ["a text of a book's length", { text: "x".repeat(10_001) }],
    ["a step that the manual does not have", { step: "panic" }],
    ["a severity that the manual does not have", { severity: "P4" }],
    ["a kind that there is not", { kind: "deleted" }],
  ];
  for (const [what, change] of WRONG) {
    it(`is refused with ${what}`, () =>
      assert.equal(incidentEvent.safeParse({ ...EVENT, ...change }).success, false));
  }

  it("lies below a prefix of its own, as the bucket's rules know it", () => {
    assert.equal(PREFIXES.incidents, "incidents/");
  });

  it("is refused by the command where its words are wrong", async () => {
    const place = { settings: { bucket: "x", region: "x", prefix: "" }, secrets: "/nowhere" };
    const work = (args: string[]): Promise<unknown> =>
      incidents(args, place, () => Promise.reject(new Error("is not read")));
    for (const args of [[], ["delete", "x"], ["get"], ["get", "a", "b"], ["put", "x"], ["list", "x"]]) {
      await assert.rejects(
        work(args),
        /incidents takes put with an event on standard input, get INCIDENT, or list/,
      );
    }
    await assert.rejects(work(["get", "../backups"]), /"\.\.\/backups" is no incident's id/);
  });
});

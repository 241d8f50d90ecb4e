import assert from "node:assert/strict";
import fc from "fast-check";
import { recipients, SeverityTopics } from "../../../../components/monitoring/topics";
import { SEVERITIES } from "../../../../manual";
import { TEST_CONTACTS } from "../../../support/config";
import { countByType, ofType, outputValue, type Recorded, record } from "../../../support/mocks";

const TOPIC = "aws:sns/topic:Topic";
const SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription";

const build = (stack: string, contacts = TEST_CONTACTS) =>
  record(stack, () => new SeverityTopics("topics", { stack, contacts }));

describe("severity topics", () => {
  let resources: Recorded[];
  let arns: Record<string, unknown>;
  before(async () => {
    const recording = await build("unit");
    resources = recording.resources;
    arns = await outputValue(recording.result.arns);
  });

  it("has one topic a severity, named, tagged, and shown with the manual's words", () => {
    const words = {
      P0: "Service down, data loss",
      P1: "Severe degradation, security breach",
      P2: "Partial degradation, high error rates",
      P3: "Minor issues, performance degradation",
    };
    assert.deepEqual(
      ofType(resources, TOPIC).map(({ name, inputs }) => [name, inputs]),
      SEVERITIES.map((severity) => [
        `topics-${severity.toLowerCase()}`,
        {
          name: `fitnesscrm-unit-${severity.toLowerCase()}`,
          displayName: `FitnessCRM ${severity}: ${words[severity]}`,
          tags: { "fitnesscrm:severity": severity },
        },
      ]),
    );
    assert.deepEqual(
      arns,
      Object.fromEntries(
        SEVERITIES.map((severity) => [severity, `arn:aws:mock:::fitnesscrm-unit-${severity.toLowerCase()}`]),
      ),
    );
  });

  it("tells on-call everything, and the specialists P0 and P1", () => {
    const onCall = ["ada@example.com", "ben@example.com"];
    const all = [...onCall, "dba@example.com", "security@example.com"];
    const expected = [
      ...["P0", "P1"].flatMap((severity) => all.map((address) => [severity, address])),
      ...["P2", "P3"].flatMap((severity) => onCall.map((address) => [severity, address])),
    ].map(([severity, endpoint]) => ({
      topic: `arn:aws:mock:::fitnesscrm-unit-${severity?.toLowerCase()}`,
      protocol: "email",
      endpoint,
    }));
    const key = (inputs: Record<string, unknown>): string => `${inputs.topic} ${inputs.endpoint}`;
    assert.deepEqual(
      ofType(resources, SUBSCRIPTION)
        .map(({ inputs }) => inputs)
        .sort((a, b) => key(a).localeCompare(key(b))),
      expected.sort((a, b) => key(a).localeCompare(key(b))),
    );
  });

  it("has these children and no other, all below itself", () => {
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:monitoring:SeverityTopics": 1,
      [TOPIC]: 4,
      [SUBSCRIPTION]: 12,
    });
    const parent = resources.find(({ custom }) => !custom)?.urn;
    assert.ok(resources.every((resource) => !resource.custom || resource.parent === parent));
  });

  it("subscribes an address once, however often and in whatever case it is named", async () => {
    const same = { name: "Only", email: "Only@Example.com" };
    const { resources } = await build("small", {
      onCall: [same, { name: "Again", email: "only@example.com" }],
      databaseAdmin: same,
      securityTeam: { name: "Lower", email: "only@example.com" },
    });
    assert.deepEqual(
      ofType(resources, SUBSCRIPTION).map(({ inputs }) => inputs.endpoint),
      ["only@example.com", "only@example.com", "only@example.com", "only@example.com"],
    );
    const names = ofType(resources, SUBSCRIPTION).map(({ name }) => name);
    assert.equal(new Set(names).size, 4);
  });

  it("leaves nobody out and nobody twice, whatever the contacts", () => {
    const contact = fc.record({
      name: fc.constant("x"),
      email: fc.constantFrom("a@x.org", "A@X.org", "b@x.org", "c@x.org", "d@x.org"),
    });
    const contacts = fc.record({
      onCall: fc.array(contact, { minLength: 1, maxLength: 5 }),
      databaseAdmin: contact,
      securityTeam: contact,
    });
    fc.assert(
      fc.property(contacts, fc.constantFrom(...SEVERITIES), (people, severity) => {
        const told = recipients(severity, people);
        const specialists = severity === "P0" || severity === "P1";
        const wanted = [
          ...people.onCall,
          ...(specialists ? [people.databaseAdmin, people.securityTeam] : []),
        ];
        assert.deepEqual(
          [...told].sort(),
          [...new Set(wanted.map(({ email }) => email.toLowerCase()))].sort(),
        );
      }),
    );
  });
});

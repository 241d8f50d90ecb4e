import assert from "node:assert/strict";
import {
  EscalationTopics,
  type EscalationTopicsArgs,
} from "../../../../components/monitoring/escalationTopics";
import { SeverityTopics, type SeverityTopicsArgs } from "../../../../components/monitoring/topics";
import { SEVERITIES } from "../../../../manual";
import { declareRota } from "../../../../rota";
import { TEST_CONTACTS } from "../../../support/config";
import { countByType, ofType, only, outputValue, type Recorded, record } from "../../../support/mocks";

const TOPIC = "aws:sns/topic:Topic";
const SUBSCRIPTION = "aws:sns/topicSubscription:TopicSubscription";

type Contacts = SeverityTopicsArgs["contacts"];

const CONTACTS: Contacts = {
  ...TEST_CONTACTS,
  rota: { from: "2026-01-02", overrides: [] },
  webhooks: [],
};
const timeZone = "America/New_York";

const build = (contacts: Contacts = CONTACTS) =>
  record("unit", () => new SeverityTopics("topics", { stack: "unit", contacts, timeZone }));

describe("severity topics", () => {
  let resources: Recorded[];
  let arns: Record<string, unknown>;
  before(async () => {
    const recording = await build();
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

  it("tells each engineer of everything in their shifts, and the specialists of each P0 and P1", () => {
    const rota = declareRota({ contacts: CONTACTS, timeZone }).engineers.map(
      ({ engineer, filterPolicy }) => ({
        endpoint: engineer.email,
        filterPolicy,
        filterPolicyScope: "MessageBody",
      }),
    );
    const specialists = [{ endpoint: "dba@example.com" }, { endpoint: "security@example.com" }];
    for (const severity of SEVERITIES) {
      const topic = `arn:aws:mock:::fitnesscrm-unit-${severity.toLowerCase()}`;
      const isCritical = severity === "P0" || severity === "P1";
      assert.deepEqual(
        ofType(resources, SUBSCRIPTION)
          .map(({ inputs }) => inputs)
          .filter((inputs) => inputs.topic === topic)
          // What depends on nothing is registered first.
          .sort((a, b) => String(a.endpoint).localeCompare(String(b.endpoint))),
        [...rota, ...(isCritical ? specialists : [])].map((one) => ({ topic, protocol: "email", ...one })),
      );
    }
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

  it("tells one engineer alone everything, without a filter", async () => {
    const onCall = TEST_CONTACTS.onCall.slice(0, 1);
    const { resources } = await build({ ...CONTACTS, onCall });
    assert.deepEqual(only(resources, SUBSCRIPTION, "topics-p3-ada@example.com").inputs, {
      topic: "arn:aws:mock:::fitnesscrm-unit-p3",
      protocol: "email",
      endpoint: "ada@example.com",
    });
  });

  it("tells webhooks of everything, and waits until they have confirmed; no resource is called by their URL", async () => {
    const { resources } = await build({
      ...CONTACTS,
      webhooks: ["https://events.example.com/key", "http://127.0.0.1:9/hook"],
    });
    for (const severity of ["p0", "p1", "p2", "p3"]) {
      assert.deepEqual(
        [1, 2].map((index) => only(resources, SUBSCRIPTION, `topics-${severity}-webhook-${index}`).inputs),
        [
          ["https", "https://events.example.com/key"],
          ["http", "http://127.0.0.1:9/hook"],
        ].map(([protocol, endpoint]) => ({
          topic: `arn:aws:mock:::fitnesscrm-unit-${severity}`,
          protocol,
          endpoint,
          endpointAutoConfirms: true,
        })),
      );
    }
  });
});

describe("topics of the chain", () => {
  const { escalation }: { escalation: EscalationTopicsArgs["escalation"] } = TEST_CONTACTS;

  it("are one a step, each with its contact, who hears of trouble and of its end", async () => {
    const { resources, result } = await record(
      "unit",
      () => new EscalationTopics("chain", { stack: "unit", escalation }),
    );
    assert.deepEqual(countByType(resources), {
      "fitnesscrm:monitoring:EscalationTopics": 1,
      [TOPIC]: 3,
      [SUBSCRIPTION]: 3,
    });
    for (const [step, endpoint] of [
      ["engineering-manager", "manager@example.com"],
      ["cto", "cto@example.com"],
      ["ceo", "ceo@example.com"],
    ] as const) {
      const arn = `arn:aws:mock:::fitnesscrm-unit-${step}`;
      assert.deepEqual(only(resources, TOPIC, `chain-${step}`).inputs, {
        name: `fitnesscrm-unit-${step}`,
        displayName: `FitnessCRM escalation: ${step}`,
        tags: { "fitnesscrm:step": step },
      });
      assert.deepEqual(only(resources, SUBSCRIPTION, `chain-${step}`).inputs, {
        topic: arn,
        protocol: "email",
        endpoint,
        filterPolicy: '{"$or":[{"NewStateValue":["ALARM"]},{"OldStateValue":["ALARM"]}]}',
        filterPolicyScope: "MessageBody",
      });
      assert.equal(await outputValue(result.arns[step]), arn);
    }
  });
});

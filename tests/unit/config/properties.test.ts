import assert from "node:assert/strict";
import fc from "fast-check";
import { ConfigError, parseConfig, UNSET, unsetKeys } from "../../../config";
import { KEY_METRICS, MANUAL } from "../../../manual";
import { type ConfigObject, minimalConfig, rawOf, TEST_SECRETS, withValue } from "../../support/config";

const parse = (config: ConfigObject) => parseConfig(rawOf(config), "/nowhere");

/** What a file can hold: an absent key has no value at all. */
function definedOnly(config: object): ConfigObject {
  return JSON.parse(JSON.stringify(config)) as ConfigObject;
}

function isAccepted(config: ConfigObject): boolean {
  try {
    parse(config);
    return true;
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    return false;
  }
}

describe("configuration, whatever the values", () => {
  for (const metric of KEY_METRICS) {
    const { above } = MANUAL.thresholds[metric];
    const withThreshold = (value: number): ConfigObject =>
      withValue(minimalConfig(), `alarms.thresholds.${metric}`, value);

    it(`${metric}: every threshold up to the manual's ${above} is accepted as it is`, () => {
      fc.assert(
        fc.property(fc.double({ min: 0, max: above, minExcluded: true, noNaN: true }), (value) => {
          assert.equal(parse(withThreshold(value)).alarms.thresholds[metric], value);
        }),
        { numRuns: 50, examples: [[above], [Number.MIN_VALUE]] },
      );
    });

    it(`${metric}: every threshold above the manual's ${above}, and none at or below zero, is refused`, () => {
      const looser = fc.double({ min: above, max: 1e12, minExcluded: true, noNaN: true });
      const senseless = fc.double({ min: -1e12, max: 0, noNaN: true });
      fc.assert(
        fc.property(fc.oneof(looser, senseless), (value) => {
          assert.equal(isAccepted(withThreshold(value)), false);
        }),
        { numRuns: 50, examples: [[above + 1], [above + 1e-9], [0], [-0]] },
      );
    });
  }

  it("retention is accepted from the manual's 90 days on and refused below", () => {
    fc.assert(
      fc.property(fc.integer({ min: -10, max: 4000 }), (days) => {
        assert.equal(isAccepted(withValue(minimalConfig(), "backup.retentionDaysS3", days)), days >= 90);
      }),
      { examples: [[89], [90]] },
    );
  });

  it("connection limits are accepted exactly when the application's lies above the alarm and everybody fits", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 1, max: 1100 }), (app, max) => {
        const config = withValue(minimalConfig(), "database", { appConnections: app, maxConnections: max });
        assert.equal(isAccepted(config), app > 80 && max >= app + 23 && max <= 1000);
      }),
    );
  });

  it("what was parsed parses to itself", () => {
    const port = fc.integer({ min: 1, max: 65535 });
    const config = fc.record(
      {
        http: fc.record({ port }, { requiredKeys: [] }),
        replicas: fc.record({ backend: fc.integer({ min: 1, max: 20 }) }, { requiredKeys: [] }),
        redis: fc.record({ maxMemoryMiB: fc.integer({ min: 16, max: 9999 }) }, { requiredKeys: [] }),
        alarms: fc.record(
          {
            evaluationPeriods: fc.integer({ min: 1, max: 60 }),
            thresholds: fc.record(
              { cpu: fc.integer({ min: 1, max: 80 }), disk: fc.integer({ min: 1, max: 85 }) },
              { requiredKeys: [] },
            ),
          },
          { requiredKeys: [] },
        ),
        local: fc.constant({ awsPort: 4566, mailboxPort: 8025 }),
        timeZone: fc.constantFrom("UTC", "Europe/Vienna"),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(config, (part) => {
        const once = parse({ ...minimalConfig(), ...part });
        assert.deepEqual(parse(definedOnly(once)), once);
      }),
    );
  });

  it("never shows a secret, whatever else is wrong, and wherever among the secrets it stands", () => {
    const planted = Object.values(TEST_SECRETS);
    const wrongSecrets = fc.oneof(
      fc.constantFrom(...planted),
      fc.array(fc.constantFrom(...planted)),
      fc.dictionary(
        fc.constantFrom(...Object.keys(TEST_SECRETS), "other"),
        fc.oneof(
          fc.constantFrom(...planted),
          fc.array(fc.constantFrom(...planted)),
          fc.dictionary(fc.string(), fc.constantFrom(...planted)),
          fc.constant(null),
        ),
      ),
      // What a shell or an editor leaves of a JSON text.
      fc.nat(200).map((length) => JSON.stringify(TEST_SECRETS).slice(0, length)),
    );
    const other = fc.dictionary(
      fc.constantFrom("app", "http", "contacts", "aws", "alarms", "timeZone", "nonsense"),
      fc.jsonValue(),
    );
    fc.assert(
      fc.property(wrongSecrets, other, (secrets, wrong) => {
        try {
          parse({ ...minimalConfig(), ...wrong, secrets });
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
          assert.doesNotMatch(error.message, /planted-\w+-0123456789/);
        }
      }),
      { numRuns: 300 },
    );
  });

  it("every fault is one line that begins with the project's namespace", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ maxLength: 12 }), fc.jsonValue({ maxDepth: 3 })), (wrong) => {
        try {
          parse(wrong);
          assert.fail("nothing that lacks the contacts can be right");
        } catch (error) {
          assert.ok(error instanceof ConfigError, String(error));
          for (const fault of error.faults) {
            assert.match(fault, /^fitnesscrm:[^\n\r]+$/);
          }
        }
      }),
      { numRuns: 200 },
    );
  });
});

describe("what still has to be set", () => {
  it("names the key, and the place inside its value", () => {
    assert.deepEqual(
      unsetKeys(
        rawOf({
          host: `ssh://${UNSET}`,
          contacts: {
            onCall: [
              { name: "Ada", email: UNSET },
              { name: UNSET, email: "x@example.com" },
            ],
          },
          http: { port: 80, publicUrl: UNSET },
          timeZone: "UTC",
        }),
      ),
      [
        "fitnesscrm:host",
        "fitnesscrm:contacts.onCall[0].email",
        "fitnesscrm:contacts.onCall[1].name",
        "fitnesscrm:http.publicUrl",
      ],
    );
  });

  it("is found at any depth, and nothing else is", () => {
    type Planted = { value: unknown; paths: string[] };
    const key = fc.stringMatching(/^[a-z]{1,6}$/);
    const leaf: fc.Arbitrary<Planted> = fc.oneof(
      fc.constant<Planted>({ value: UNSET, paths: [""] }),
      fc.constant<Planted>({ value: `before ${UNSET} after`, paths: [""] }),
      fc
        .oneof(fc.stringMatching(/^[a-z ]*$/), fc.integer(), fc.boolean(), fc.constant(null))
        .map((value): Planted => ({ value, paths: [] })),
    );
    const { tree } = fc.letrec<{ tree: Planted }>((tie) => ({
      tree: fc.oneof(
        { depthSize: "small" },
        leaf,
        fc.array(tie("tree"), { maxLength: 4 }).map(
          (items): Planted => ({
            value: items.map(({ value }) => value),
            paths: items.flatMap(({ paths }, index) => paths.map((path) => `[${index}]${path}`)),
          }),
        ),
        fc.dictionary(key, tie("tree"), { maxKeys: 4 }).map(
          (children): Planted => ({
            value: Object.fromEntries(Object.entries(children).map(([name, { value }]) => [name, value])),
            paths: Object.entries(children).flatMap(([name, { paths }]) =>
              paths.map((path) => `.${name}${path}`),
            ),
          }),
        ),
      ),
    }));
    fc.assert(
      fc.property(tree, ({ value, paths }) => {
        assert.deepEqual(
          unsetKeys({ "fitnesscrm:app": typeof value === "string" ? value : JSON.stringify(value) }),
          paths.map((path) => `fitnesscrm:app${path}`),
        );
      }),
    );
  });
});

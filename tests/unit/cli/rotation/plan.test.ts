import assert from "node:assert/strict";
import fc from "fast-check";
import {
  type AgeSettings,
  chooseSecrets,
  overLimitLine,
  ROTATIONS,
  secretAges,
  showAge,
} from "../../../../cli/rotation/plan";
import { spareRoleStatements } from "../../../../cli/rotation/spareRole";
import { ALL_SECRETS, SECRETS, type SecretName } from "../../../../config";
import { AGING_SECRETS, security } from "../../../../securitySettings";

const NOW = new Date("2026-11-26T12:00:00Z");
const SETTINGS: AgeSettings = {
  secretDates: {
    appPassword: "2026-05-01T00:00:00Z",
    secretKey: "2026-11-20T00:00:00Z",
    backupIdentity: "2025-01-01T00:00:00Z",
    backupPassword: "2026-11-26T11:59:00Z",
  },
  security: security.parse({}),
};

describe("ages of secrets", () => {
  it("are whole days since they were made, and not known for those of before dates were kept", () => {
    const ages = Object.fromEntries(secretAges(SETTINGS, NOW).map(({ name, ageDays }) => [name, ageDays]));
    assert.deepEqual(ages, {
      ...Object.fromEntries(SECRETS.map((name) => [name, null])),
      appPassword: 209,
      secretKey: 6,
      backupIdentity: 694,
      backupPassword: 0,
    });
  });

  it("of what others issue are those of what was set, without a limit", () => {
    const secretDates = { ...SETTINGS.secretDates, githubToken: "2026-11-01T00:00:00Z" };
    const ages = secretAges({ ...SETTINGS, secretDates }, NOW);
    assert.deepEqual(ages.slice(SECRETS.length), [
      {
        name: "githubToken",
        since: "2026-11-01T00:00:00Z",
        ageDays: 25,
        limitDays: null,
        overLimit: false,
        rotation: "never",
      },
    ]);
    const { chosen, left } = chooseSecrets(undefined, 5, ages);
    assert.ok(!chosen.some((name: string) => name === "githubToken"));
    assert.ok(left.includes("githubToken"));
  });

  it("are never below zero, whatever the clock says", () => {
    fc.assert(
      fc.property(fc.date({ noInvalidDate: true, min: new Date(0), max: new Date("2100-01-01") }), (now) => {
        for (const { ageDays } of secretAges(SETTINGS, now)) {
          assert.ok(ageDays === null || (Number.isInteger(ageDays) && ageDays >= 0));
        }
      }),
    );
  });
});

describe("limits of age", () => {
  const DAY_MS = 86_400_000;
  const ageOf = (
    age: { days: number; milliseconds?: number } | undefined,
    limit: number,
    name: SecretName,
  ) => {
    const since = age && new Date(NOW.getTime() - age.days * DAY_MS - (age.milliseconds ?? 0)).toISOString();
    const found = secretAges(
      {
        secretDates: since === undefined ? {} : { [name]: since },
        security: security.parse({ secretAgeDays: { appPassword: limit } }),
      },
      NOW,
    ).find((each) => each.name === name);
    assert.ok(found !== undefined);
    return found;
  };

  const cases: [age: Parameters<typeof ageOf>[0], limit: number, over: boolean, shown: string][] = [
    [{ days: 0 }, 1, false, "0 d of 1"],
    [{ days: 90, milliseconds: -1 }, 90, false, "89 d of 90"],
    [{ days: 90 }, 90, false, "90 d of 90"],
    [{ days: 91, milliseconds: -1 }, 90, false, "90 d of 90"],
    [{ days: 91 }, 90, true, "91 d of 90"],
    [undefined, 90, true, "not known of 90"],
    // A clock that went back makes nobody's secret old.
    [{ days: -5 }, 1, false, "0 d of 1"],
  ];
  for (const [age, limit, over, shown] of cases) {
    it(`${shown}${over ? " is over it" : ""}`, () => {
      const found = ageOf(age, limit, "appPassword");
      assert.equal(found.limitDays, limit);
      assert.equal(found.overLimit, over);
      assert.equal(showAge(found), shown);
    });
  }

  it("are for exactly the secrets that can be replaced", () => {
    assert.deepEqual(
      [...AGING_SECRETS].sort(),
      SECRETS.filter((name) => ROTATIONS[name].how !== "never").sort(),
    );
    const old = ageOf({ days: 5000 }, 1, "backupIdentity");
    assert.deepEqual([old.limitDays, old.overLimit, showAge(old)], [null, false, "5000 d"]);
  });

  it("that are passed are told in one line, with what to do", () => {
    const ages = secretAges(SETTINGS, NOW);
    assert.equal(
      overLimitLine(ages, "prod"),
      "older than their limit: postgresPassword, readonlyPassword, monitoringPassword, maintenancePassword, redisPassword, operatorsPassword: " +
        "./fitnesscrm secrets list --stack prod says by how much, ./fitnesscrm secrets rotate NAME --stack prod replaces one",
    );
    assert.equal(
      overLimitLine(
        ages.filter(({ ageDays }) => ageDays !== null),
        "prod",
      ),
      undefined,
    );
  });
});

describe("the choice of what is rotated", () => {
  const ages = secretAges(SETTINGS, NOW);

  it("is one by its name", () => {
    assert.deepEqual(chooseSecrets("secretKey", undefined, ages), { chosen: ["secretKey"], left: [] });
  });

  it("is all that are older than so many days or of unknown age, but for those that cannot be", () => {
    assert.deepEqual(chooseSecrets(undefined, 180, ages), {
      chosen: [
        "postgresPassword",
        "appPassword",
        "readonlyPassword",
        "monitoringPassword",
        "maintenancePassword",
        "redisPassword",
        "operatorsPassword",
      ],
      left: ["adminPassword", "backupIdentity", "archivePassphrase"],
    });
    assert.deepEqual(chooseSecrets(undefined, 5, ages).chosen, [
      "postgresPassword",
      "appPassword",
      "readonlyPassword",
      "monitoringPassword",
      "maintenancePassword",
      "redisPassword",
      "secretKey",
      "operatorsPassword",
    ]);
  });

  const refused: [name: string | undefined, days: number | undefined, line: RegExp][] = [
    [undefined, undefined, /^secrets rotate: name one secret, or say --all-older-than DAYS$/],
    ["secretKey", 30, /^secrets rotate: name one secret, or say --all-older-than DAYS$/],
    ["appPasswort", undefined, /^secret "appPasswort" does not exist: must be one of postgresPassword, /],
    [
      "backupIdentity",
      undefined,
      /^backupIdentity is not rotated: the backups of before could not be opened any more: if it leaked, move/,
    ],
    ["adminPassword", undefined, /^adminPassword is not rotated: .* change it in the application/],
    [
      "githubToken",
      undefined,
      /^githubToken is not rotated: GitHub issues it: revoke it there, and hand over another one by \.\/fitnesscrm secrets set githubToken$/,
    ],
  ];
  for (const [name, days, line] of refused) {
    it(`is refused with one line: ${name ?? "no name"}, ${days ?? "no days"}`, () => {
      assert.throws(() => chooseSecrets(name, days, ages), { message: line, exitCode: 2 });
    });
  }

  it("knows of every secret how it is replaced or why it is not", () => {
    assert.deepEqual(Object.keys(ROTATIONS).sort(), [...ALL_SECRETS].sort());
    for (const name of ALL_SECRETS) {
      const rotation = ROTATIONS[name];
      assert.ok((rotation.how === "never" ? rotation.why : rotation.effect).length > 10, name);
    }
  });
});

describe("the statements that make the spare role", () => {
  it("hold no password in clear, and give it nothing but the application's role", () => {
    const statements = spareRoleStatements("crm", "planted-password-0123456789", 90);
    assert.equal(statements.includes("planted-password"), false);
    assert.match(statements, /CREATE ROLE "crm_app_spare"/);
    assert.match(statements, /CONNECTION LIMIT 90 PASSWORD 'SCRAM-SHA-256\$/);
    assert.deepEqual(statements.match(/GRANT .*/g), ['GRANT "crm_app" TO "crm_app_spare";']);
    assert.doesNotMatch(statements, /(?<!NO)(SUPERUSER|CREATEROLE|CREATEDB|BYPASSRLS|REPLICATION)/);
  });
});

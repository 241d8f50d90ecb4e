import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { type StackContext, stackContext, updateSettings } from "../../../../cli/context";
import { formatRefresh, setDay } from "../../../../cli/images/refresh";
import { TempFolders, withEnvironment } from "../../../support/temp";

const NOW = new Date("2026-12-06T23:59Z");
const TEXT = `# Production.
config:
  fitnesscrm:app:
    backendImage: registry.example.com/b@sha256:${"0".repeat(64)}
    frontendImage: registry.example.com/f@sha256:${"1".repeat(64)}
  fitnesscrm:contacts:
    onCall:
      - { name: Ada, email: ada@example.com }
    databaseAdmin: { name: Dee, email: dba@example.com }
    securityTeam: { name: Sam, email: security@example.com }
    escalation:
      engineeringManager: { name: Mia, email: manager@example.com }
      cto: { name: Cyd, email: cto@example.com }
      ceo: { name: Eve, email: ceo@example.com }
  fitnesscrm:mail:
    from: crm@example.com
  fitnesscrm:aws:
    region: us-east-1
`;

describe("an image refresh (M13)", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("is one line of a tracked file, in quotes, so that Pulumi takes it for no time; once a day", async () => {
    const folder = folders.create({ "Pulumi.prod.yaml": TEXT });
    const configFile = join(folder, "Pulumi.prod.yaml");
    const context: StackContext = { stack: "prod", home: folder, kind: "remote", folder, configFile };
    const first = { stack: "prod", before: null, packagesOf: "2026-12-06", configFile };
    assert.deepEqual(await setDay(context, NOW), first);
    const text = readFileSync(configFile, "utf8");
    assert.deepEqual(
      text
        .split("\n")
        .filter((line) => !TEXT.split("\n").includes(line))
        .map((line) => line.trim()),
      ["fitnesscrm:images:", 'packagesOf: "2026-12-06"'],
    );
    assert.deepEqual(await setDay(context, NOW), { ...first, before: "2026-12-06" });
    assert.equal(readFileSync(configFile, "utf8"), text);
    assert.deepEqual(await setDay(context, new Date("2027-01-03T07:00Z")), {
      ...first,
      before: "2026-12-06",
      packagesOf: "2027-01-03",
    });
    assert.equal(existsSync(join(folder, "lock")), false, "the stack is locked still");
  });

  it("of a local stack is kept in its own settings, and refused where there is no such stack", () =>
    withEnvironment({ FITNESSCRM_HOME: folders.create() }, async () => {
      const context = stackContext("unit");
      await assert.rejects(setDay(context, NOW), {
        message: "stack unit does not exist yet: run ./fitnesscrm up --stack unit",
      });
      assert.equal(existsSync(context.folder), false);
      updateSettings(context, []);
      assert.equal((await setDay(context, NOW)).before, null);
      assert.equal(updateSettings(context, []).images.packagesOf, "2026-12-06");
    }));

  it("says what comes next, or that there is nothing to do", () => {
    const refresh = {
      stack: "prod",
      before: null,
      packagesOf: "2026-12-06",
      configFile: "/x/Pulumi.prod.yaml",
    };
    assert.match(
      formatRefresh(refresh),
      /\(before: as of their first build\)\.\n {2}\.\/fitnesscrm preview --stack prod /,
    );
    assert.match(formatRefresh({ ...refresh, before: "2026-11-01" }), /\(before: 2026-11-01\)/);
    assert.equal(
      formatRefresh({ ...refresh, before: "2026-12-06" }),
      "Images of stack prod are refreshed as of 2026-12-06 already.",
    );
  });
});

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { readSettingsFile } from "../../../ops/settingsFile";

describe("a file of settings of ops", () => {
  const schema = z.strictObject({ from: z.email(), everySeconds: z.int() });
  let folder: string;
  let path: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "fitnesscrm-settings-"));
    path = join(folder, "unit.json");
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  it("is read where it fits", async () => {
    writeFileSync(path, '{"from":"crm@example.com","everySeconds":60}');
    const read = await readSettingsFile("unit settings", path, schema);
    assert.deepEqual(read, { from: "crm@example.com", everySeconds: 60 });
  });

  it("is named with what is wrong", async () => {
    const refused = (text: string, message: string) => {
      writeFileSync(path, text);
      return assert.rejects(readSettingsFile("unit settings", path, schema), { message });
    };
    await refused("{", `${path} is not JSON: it is made by ./fitnesscrm up`);
    await refused(
      '{"from":"nobody","everySeconds":1.5}',
      `${path} is not valid: from: Invalid email address; everySeconds: Invalid input: expected int, received number`,
    );
    await assert.rejects(readSettingsFile("unit settings", `${path}.none`, schema), {
      message: `the unit settings ${path}.none cannot be read (ENOENT)`,
    });
  });
});

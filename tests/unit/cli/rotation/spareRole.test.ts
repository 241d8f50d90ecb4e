import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { DockerHost } from "../../../../cli/docker";
import { SpareRole } from "../../../../cli/rotation/spareRole";
import { scramVerifier } from "../../../../scram";
import { TempFolders, withEnvironment, writeScript } from "../../../support/temp";

/** A `docker` with a server whose spare role has the verifier in the file `role`. */
const FAKE = `#!/bin/sh
echo "$*" >>"$FAKE/calls"
case "$1" in
  container) echo c1 ;;
  exec) grep -qF "$(cat "$FAKE/role")" && echo 1 || true ;;
esac
`;

describe("the spare role that a killed rotation has left", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  const hasPassword = async (kept: string, asked: string): Promise<{ has: boolean; calls: string }> => {
    const folder = folders.create({ role: scramVerifier(kept, "crm_app_spare") });
    writeScript(join(folder, "bin"), "docker", FAKE);
    const has = await withEnvironment(
      { PATH: `${join(folder, "bin")}:${process.env.PATH}`, FAKE: folder, DOCKER_HOST: undefined },
      () => new SpareRole(new DockerHost(""), "unit", "crm").hasPassword(asked),
    );
    return { has, calls: readFileSync(join(folder, "calls"), "utf8") };
  };

  it("has the application's own password when the rotation had replaced it already", async () => {
    const { has, calls } = await hasPassword("planted-password-0001", "planted-password-0001");
    assert.equal(has, true);
    assert.doesNotMatch(calls, /planted|SCRAM/, "a process list shows neither password nor verifier");
  });

  it("has another one when it was killed before: the password is still to be replaced", async () => {
    assert.equal((await hasPassword("planted-password-0002", "planted-password-0001")).has, false);
  });
});

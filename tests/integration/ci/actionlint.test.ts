import assert from "node:assert/strict";
import { join } from "node:path";
import { fitnesscrmHome } from "../../../cli/context";
import { run } from "../../../cli/exec";
import { TempFolders } from "../../support/temp";

const PROJECT = join(__dirname, "..", "..", "..");
const ACTIONLINT = join(fitnesscrmHome(), "bin", "actionlint");

describe("the workflows, judged by actionlint", function () {
  this.timeout(60_000);
  const folders = new TempFolders();
  after(() => folders.remove());

  it("are clean", async () => {
    const { code, stdout, stderr } = await run(ACTIONLINT, ["-no-color"], { cwd: PROJECT });
    assert.equal(code, 0, stdout + stderr);
  });

  it("would not be with a mistake in them", async () => {
    const steps = "steps: [{ run: 'echo ${{ secrets.SSH_KEY', uses: nobody }]";
    const folder = folders.create({
      "bad.yml": `on: push\njobs: { a: { runs-on: ubuntu-24.04, ${steps} } }\n`,
    });
    const { code } = await run(ACTIONLINT, ["-no-color", join(folder, "bad.yml")], { cwd: folder });
    assert.equal(code, 1);
  });
});

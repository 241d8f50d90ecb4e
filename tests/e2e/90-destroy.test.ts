import assert from "node:assert/strict";
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fitnesscrmHome } from "../../cli/context";
import { stateFiles } from "../../cli/localState";
import { docker } from "./support/docker";
import { killGroup, mustOnStack, onStack, STACK, startLauncher } from "./support/launcher";
import { destroyStack, ensureStack, upStack } from "./support/stack";
import { waitFor } from "./support/wait";

describe("destroying and beginning again", function () {
  this.timeout(1_200_000);

  before(ensureStack);
  after(destroyStack);

  it("destroy with the stack's name leaves nothing", async () => {
    await mustOnStack("destroy", "--delete-data", STACK);
    for (const kind of ["service", "volume", "network", "secret", "config", "container"]) {
      const all = kind === "container" ? ["--all"] : [];
      const left = await docker(kind, "ls", ...all, "--quiet", "--filter", `label=fitnesscrm.stack=${STACK}`);
      assert.equal(left, "", `${kind} left`);
    }
    const { state, history } = stateFiles({ home: fitnesscrmHome(), stack: STACK });
    const copies = readdirSync(dirname(state)).filter((name) => name.startsWith(`${STACK}.json`));
    assert.deepEqual(
      [...copies, existsSync(history)],
      [false],
      "a later stack of that name has these releases",
    );
  });

  it("a first up that is killed while it makes things is continued by the next one", async () => {
    for (const service of ["db", "redis", "backend"]) {
      const running = startLauncher([
        "up",
        "--stack",
        STACK,
        "--set",
        "http.port=18080",
        "--set",
        "database.tunnelPort=25432",
        "--set",
        "local.awsPort=24566",
        "--set",
        "local.mailboxPort=28025",
      ]);
      await waitFor(
        `${service} to be made`,
        async () =>
          (await docker("service", "ls", "--quiet", "--filter", `name=fitnesscrm-${STACK}-${service}`)) !==
            "" || running.process.exitCode !== null,
        400,
      );
      killGroup(running.process);
      await running.result;
    }
    const result = await upStack();
    assert.equal(result.code, 0, result.stderr);
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("destroy starts an AWS emulator that was stopped, and takes its last backup", async () => {
    await docker("container", "stop", `fitnesscrm-${STACK}-aws`);
    const { stderr } = await mustOnStack("destroy", "--delete-data", STACK);
    const folder = /the last backup and its key are in (\S+)/.exec(stderr)?.[1];
    assert.ok(folder !== undefined && existsSync(join(folder, "manifest.json")), stderr);
    assert.doesNotMatch(stderr, /emulator is gone/);
    assert.equal(await docker("volume", "ls", "--quiet", "--filter", `label=fitnesscrm.stack=${STACK}`), "");
  });

  it("destroy works when the AWS emulator's container is gone with all that it held", async () => {
    const up = await upStack();
    assert.equal(up.code, 0, up.stderr);
    await docker("container", "rm", "--force", "--volumes", `fitnesscrm-${STACK}-aws`);
    const refused = await onStack("destroy", "--delete-data", STACK);
    assert.equal(refused.code, 1);
    assert.match(
      refused.stderr,
      /no last backup could be made \(the AWS emulator is gone, .*\): nothing was removed/,
    );
    const { stderr } = await mustOnStack("destroy", "--delete-data", STACK, "--without-backup");
    assert.match(stderr, /the AWS emulator is gone, and the \d+ resources that it held are with it/);
    assert.equal(await docker("volume", "ls", "--quiet", "--filter", `label=fitnesscrm.stack=${STACK}`), "");
  });
});

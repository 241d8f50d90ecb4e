import assert from "node:assert/strict";
import { existsSync, readdirSync, renameSync } from "node:fs";
import { dirname, join } from "node:path";
import { IAM } from "@aws-sdk/client-iam";
import { fitnesscrmHome } from "../../cli/context";
import { stateFiles } from "../../cli/localState";
import { docker } from "./support/docker";
import {
  killGroup,
  mustOnStack,
  onStack,
  PORT_SETTINGS,
  PORTS,
  STACK,
  startLauncher,
} from "./support/launcher";
import { checkoutFolder, destroyStack, ensureStack, upStack } from "./support/stack";
import { waitFor } from "./support/wait";

/** What an update that is killed between AWS's answer and its record leaves: a policy and a key that no state knows. */
async function giveUsersWhatNobodyRecorded(): Promise<void> {
  const iam = new IAM({
    region: "us-east-1",
    endpoint: `http://127.0.0.1:${PORTS.aws}`,
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
  });
  const { Users = [] } = await iam.listUsers({});
  assert.ok(Users.length > 0);
  for (const { UserName } of Users) {
    const PolicyDocument = JSON.stringify({
      Version: "2012-10-17",
      Statement: [{ Effect: "Allow", Action: "s3:ListBucket", Resource: "*" }],
    });
    await iam.putUserPolicy({ UserName, PolicyName: "not-recorded", PolicyDocument });
    await iam.createAccessKey({ UserName });
  }
  iam.destroy();
}

describe("destroying and beginning again", function () {
  this.timeout(1_200_000);

  before(ensureStack);
  after(destroyStack);

  it("destroy with the stack's name leaves nothing, and needs no folder that the application was built from", async () => {
    await giveUsersWhatNobodyRecorded();
    const away = `${checkoutFolder()}-away`;
    renameSync(checkoutFolder(), away);
    try {
      await mustOnStack("destroy", "--delete-data", STACK);
    } finally {
      renameSync(away, checkoutFolder());
    }
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
        ...PORT_SETTINGS.flatMap((setting) => ["--set", setting]),
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
    const { stderr, seconds } = await mustOnStack("destroy", "--delete-data", STACK, "--without-backup");
    console.log(`      destroyed in ${seconds.toFixed(0)} s`);
    assert.match(stderr, /the AWS emulator is gone, and the \d+ resources that it held are with it/);
    assert.equal(await docker("volume", "ls", "--quiet", "--filter", `label=fitnesscrm.stack=${STACK}`), "");
  });
});

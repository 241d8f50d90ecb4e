import { copyFileSync, existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PROJECT_FOLDER, readSettings, type StackContext } from "./context";
import { UserError } from "./errors";
import { run } from "./exec";
import { explainFailure, type Pulumi } from "./pulumi";
import { editEncryption, readStackFile } from "./stackFile";

/**
 * Makes the stack in its backend.
 *
 * `pulumi stack init` writes the new stack's encryption salt into the project's folder, whatever settings file it is told to
 * use. So it runs in a folder that holds nothing but a copy of Pulumi.yaml, and the salt is carried over from there.
 */
export async function initStack(pulumi: Pulumi): Promise<void> {
  const { context } = pulumi;
  const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-"));
  try {
    copyFileSync(join(PROJECT_FOLDER, "Pulumi.yaml"), join(folder, "Pulumi.yaml"));
    const settings = readSettings(context);
    const provider =
      settings.secretsprovider === undefined ? [] : ["--secrets-provider", settings.secretsprovider];
    const result = await run(
      "pulumi",
      ["stack", "init", context.stack, "--non-interactive", "--no-select", ...provider],
      { cwd: folder, env: pulumi.environment },
    );
    if (result.code !== 0) {
      throw new UserError(`stack ${context.stack} could not be made: ${explainFailure(result)}`);
    }
    keepSalt(context, join(folder, `Pulumi.${context.stack}.yaml`));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function keepSalt(context: StackContext, written: string): void {
  if (!existsSync(written)) {
    return;
  }
  const { encryptionsalt, encryptedkey, secretsprovider } = readStackFile(written);
  editEncryption(context.configFile, { secretsprovider, encryptedkey, encryptionsalt });
}

import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { docker, serviceName } from "./docker";
import { type LauncherResult, launch, PROJECT, SETTINGS, STACK } from "./launcher";
import { waitFor } from "./wait";

/** The title by which the deployed checkout is told from the example that it was copied from. */
export const CHECKOUT_TITLE = "FitnessCRM of the e2e suite";

let brought: Promise<LauncherResult> | undefined;
let checkout: string | undefined;

/** A FitnessCRM checkout outside the project: it deploys by its folder alone. */
export function checkoutFolder(): string {
  checkout ??= makeCheckout();
  return checkout;
}

function makeCheckout(): string {
  const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-checkout-"));
  cpSync(join(PROJECT, "examples", "app"), folder, { recursive: true });
  const page = join(folder, "frontend", "public", "index.html");
  writeFileSync(
    page,
    readFileSync(page, "utf8").replace(/<title>[^<]*<\/title>/, `<title>${CHECKOUT_TITLE}</title>`),
  );
  return folder;
}

/**
 * Brings the e2e stack up, once a run; every file of the suite works on the same one.
 *
 * @returns What the first `up` printed.
 */
export function ensureStack(): Promise<LauncherResult> {
  brought ??= bringUp();
  return brought;
}

async function bringUp(): Promise<LauncherResult> {
  // What a run that was killed left behind would make "from nothing" untrue. A developer who works on one file keeps it.
  if (process.env.FITNESSCRM_E2E_KEEP === undefined) {
    const destroyed = await destroyStack();
    if (destroyed.code !== 0) {
      throw new Error(`destroy of what an earlier run left:\n${destroyed.stdout}\n${destroyed.stderr}`);
    }
  }
  const result = await upStack();
  if (result.code !== 0) {
    throw new Error(`up of the e2e stack ended with ${result.code}:\n${result.stdout}\n${result.stderr}`);
  }
  return result;
}

/** Removes the stack once a file that has one to itself is done, unless a developer keeps it; a later file brings up its own. */
export async function leaveStack(): Promise<void> {
  if (process.env.FITNESSCRM_E2E_KEEP === undefined) {
    brought = undefined;
    await destroyStack();
  }
}

/** Removes the stack, whatever a developer wants to keep: what comes next is about a first `up`. */
export async function startAnew(): Promise<void> {
  brought = undefined;
  await destroyStack();
}

/** `up` with the suite's own ports and checkout. */
export function upStack(...more: readonly string[]): Promise<LauncherResult> {
  const settings = [...SETTINGS, `app.source=${checkoutFolder()}`].flatMap((setting) => ["--set", setting]);
  return launch(["up", "--stack", STACK, "--json", ...settings, ...more], { timeoutSeconds: 900 });
}

/**
 * Removes the e2e stack with all its data; nothing to do when there is none.
 *
 * When its state is gone (another home, a disk that was wiped) its objects on the engine are orphans, and go as well.
 */
export async function destroyStack(): Promise<LauncherResult> {
  const environment = JSON.parse((await launch(["env", "--json", "--stack", STACK])).stdout) as {
    PULUMI_OPTION_CONFIG_FILE: string;
  };
  const result = existsSync(environment.PULUMI_OPTION_CONFIG_FILE)
    ? await launch(["destroy", "--stack", STACK, "--delete-data", STACK, "--without-backup"])
    : { code: 0, stdout: "", stderr: "", seconds: 0 };
  if (result.code === 0) {
    await removeOrphans();
  }
  return result;
}

/** What a lost machine takes with it: everything of the stack on the engine, but the emulator, which plays the AWS account. */
export function loseHost(): Promise<void> {
  return removeOrphans([serviceName("aws")]);
}

async function removeOrphans(kept: readonly string[] = []): Promise<void> {
  const label = ["--quiet", "--filter", `label=fitnesscrm.stack=${STACK}`];
  const ids = async (kind: string, ...more: string[]): Promise<string[]> =>
    (await docker(kind, "ls", ...more, ...label)).split("\n").filter((id) => id !== "");
  const named = async (names: readonly string[]): Promise<string[]> =>
    (await docker("container", "inspect", "--format", "{{.Id}}", ...names))
      .split("\n")
      .map((id) => id.slice(0, 12));
  for (const id of await ids("service")) {
    await docker("service", "rm", id);
  }
  // The engine needs a moment to stop a removed service's tasks, and nothing that they use can go before.
  await waitFor("the tasks of removed services to be gone", async () => {
    const spared = kept.length === 0 ? [] : await named(kept);
    const containers = (await ids("container", "--all")).filter((id) => !spared.includes(id));
    for (const id of containers) {
      await docker("container", "rm", "--force", id);
    }
    return containers.length === 0;
  });
  for (const kind of ["volume", "network", "secret", "config"]) {
    for (const id of await ids(kind)) {
      await waitFor(`${kind} ${id} to go`, async () => (await docker(kind, "rm", id)) !== undefined);
    }
  }
}

import { cpSync, existsSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LauncherResult, launch, PROJECT, SETTINGS, STACK } from "./launcher";

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

/** `up` with the suite's own ports and checkout. */
export function upStack(...more: readonly string[]): Promise<LauncherResult> {
  const settings = [...SETTINGS, `app.source=${checkoutFolder()}`].flatMap((setting) => ["--set", setting]);
  return launch(["up", "--stack", STACK, "--json", ...settings, ...more], { timeoutSeconds: 900 });
}

/** Removes the e2e stack with all its data; nothing to do when there is none. */
export async function destroyStack(): Promise<LauncherResult> {
  const environment = JSON.parse((await launch(["env", "--json", "--stack", STACK])).stdout) as {
    PULUMI_OPTION_CONFIG_FILE: string;
  };
  return existsSync(environment.PULUMI_OPTION_CONFIG_FILE)
    ? launch(["destroy", "--stack", STACK, "--delete-data", STACK])
    : { code: 0, stdout: "", stderr: "", seconds: 0 };
}

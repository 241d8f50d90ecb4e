/** The task `certificates`: the edge has a certificate that is good for weeks (M40). */
import { chmod, chown, mkdir, open, readFile, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { TaskWork } from "../tasks/runner";
import { type Bundle, daysLeft, faultOf, parseBundle, renewalReason } from "./certificate";
import type { LegoPlaces } from "./lego";
import type { CertificateSettings } from "./settings";

export interface CertificateParts {
  readonly settings: CertificateSettings;
  /** The volume that nginx reads. */
  readonly folder: string;
  /** Group whose members may read the key: nginx in its container. Undefined leaves this process's own. */
  readonly readers: number | undefined;
  readonly now: () => Date;
  /** Gets a new one; the text of its file. */
  ask(settings: CertificateSettings, places: LegoPlaces, signal: AbortSignal): Promise<string>;
  /** Resolves once the edge serves what lies in the webroot. */
  challengesServed(webroot: string, signal: AbortSignal): Promise<void>;
  /** Resolves once the edge serves the certificate of that name and fingerprint. */
  served(name: string, fingerprint: string, signal: AbortSignal): Promise<void>;
}

/** What nginx reads: chain and key in one file, so that they are replaced in one step. */
const FILE = "edge.pem";
/** Not for everybody: it holds the key. */
const MODE = 0o640;

/** Why another one is wanted; undefined while the one on the volume is good. */
export async function certificateWanted({
  settings,
  folder,
  now,
}: Pick<CertificateParts, "settings" | "folder" | "now">): Promise<string | undefined> {
  return renewalReason(await textOf(join(folder, FILE)), settings, now());
}

/** Asks for another certificate when it is time, has it served, and says how long it is good for. */
export function certificateWork(parts: CertificateParts): TaskWork {
  const { settings, folder, now } = parts;
  return async ({ signal, log }) => {
    const [name = ""] = settings.names;
    const reason = await certificateWanted(parts);
    if (reason !== undefined) {
      log(`asking ${new URL(settings.directory).host} for a certificate of ${name}: ${reason}`);
      await renew(parts, signal);
    }
    const bundle = parseBundle(await readFile(join(folder, FILE), "utf8"));
    await parts.served(name, bundle.chain[0].fingerprint256, signal);
    const days = daysLeft(bundle, now());
    return {
      reason: `the certificate of ${name} is ${reason === undefined ? "" : "new and "}good for ${days} days`,
      details: { names: settings.names, until: new Date(bundle.chain[0].validTo).toISOString(), days },
    };
  };
}

async function renew(parts: CertificateParts, signal: AbortSignal): Promise<void> {
  const { settings, folder, now } = parts;
  const webroot = join(folder, "challenges");
  await mkdir(webroot, { recursive: true });
  await parts.challengesServed(webroot, signal);
  const text = await parts.ask(settings, { account: join(folder, "acme"), webroot }, signal);
  const fault = faultIn(text, settings.names, now());
  if (fault !== undefined) {
    throw new Error(`the new certificate is not taken, the old one stays: ${fault}`);
  }
  await replaceFile(join(folder, FILE), text, parts.readers);
}

function faultIn(text: string, names: readonly string[], now: Date): string | undefined {
  let bundle: Bundle;
  try {
    bundle = parseBundle(text);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  return faultOf(bundle, names, now);
}

/** At every moment the file is the old one or the new one, also after a crash. */
async function replaceFile(path: string, text: string, group: number | undefined): Promise<void> {
  const next = `${path}.new`;
  await rm(next, { force: true });
  const file = await open(next, "wx", 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  if (group !== undefined) {
    await chown(next, process.getuid?.() ?? -1, group);
  }
  await chmod(next, MODE);
  await rename(next, path);
}

async function textOf(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      return undefined;
    }
    throw error;
  }
}

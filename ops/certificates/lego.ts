/** Asks an authority for a certificate, by Debian's lego. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { start } from "../backup/process";
import { bundleText } from "./certificate";
import type { CertificateSettings } from "./settings";

export interface LegoPlaces {
  /** lego's own folder, with the account's key. Nobody else's. */
  readonly account: string;
  /** Folder whose `.well-known/acme-challenge` the edge serves. */
  readonly webroot: string;
}

const COMPLAINTS = 16_384;

/**
 * Asks for a new certificate with a new key. Nothing that is served is touched.
 *
 * @returns The text of its file (see {@link bundleText}).
 * @throws Error of one line with the authority's reason.
 */
export async function askForCertificate(
  { names, email, directory, trust }: CertificateSettings,
  { account, webroot }: LegoPlaces,
  signal: AbortSignal,
): Promise<string> {
  await mkdir(account, { recursive: true, mode: 0o700 });
  const child = start(
    "lego",
    [
      ...["--accept-tos", "--email", email, "--server", directory, "--path", account],
      ...["--key-type", "ec256", "--http", "--http.webroot", webroot],
      ...names.flatMap((name) => ["--domains", name]),
      "run",
    ],
    { signal, env: await trusting(trust, account) },
  );
  // Nobody reads it, and a full pipe would stop the program.
  child.process.stdout?.resume();
  let complaints = "";
  child.process.stderr?.on("data", (text: string) => {
    complaints = (complaints + text).slice(-COMPLAINTS);
  });
  await child.done.catch((error: unknown) => {
    signal.throwIfAborted();
    const reason = legoReason(complaints);
    throw reason === undefined
      ? error
      : new Error(`${new URL(directory).host} gave no certificate: ${reason}`);
  });
  const [name = ""] = names;
  const read = (ending: string): Promise<string> =>
    readFile(join(account, "certificates", `${name}.${ending}`), "utf8");
  return bundleText(directory, await read("crt"), await read("key"));
}

/** By a file, which is how lego wants to be told. */
async function trusting(trust: string | undefined, account: string): Promise<NodeJS.ProcessEnv> {
  if (trust === undefined) {
    return process.env;
  }
  const path = join(account, "authority.pem");
  await writeFile(path, trust, { mode: 0o600 });
  return { ...process.env, LEGO_CA_CERTIFICATES: path };
}

/** What lego says went wrong, in one line: the authority's own words where there are some. Undefined when it says nothing. */
export function legoReason(stderr: string): string | undefined {
  const lines = stderr
    .split("\n")
    .map((line) => line.replace(/^\d{4}\/\d\d\/\d\d \d\d:\d\d:\d\d /, "").trim())
    .filter((line) => line !== "" && !line.startsWith("[INFO]"));
  const panic = lines.find((line) => line.startsWith("panic: "));
  if (panic !== undefined) {
    return panic.replace(/^panic: /, "");
  }
  // "one or more domains had a problem:" is followed by what it is.
  const words = lines.find((line) => /acme: error/.test(line)) ?? lines.at(-1);
  return words?.replace(/^error: /, "");
}

import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { generateIdentity } from "../ageKey";
import { type GivenSecret, SECRETS, type SecretName } from "../config";
import { readSettings, type StackContext, updateSettings } from "./context";
import { UserError } from "./errors";
import { type Pulumi, passphraseFile } from "./pulumi";

const SECRETS_KEY = "fitnesscrm:secrets";

/**
 * Makes sure that the stack's configuration can be encrypted.
 *
 * A local stack's passphrase is generated and kept beside its state, readable by its owner only. A remote one's belongs to
 * the people who share the stack, so it is asked for.
 */
export function ensurePassphrase(context: StackContext): void {
  const { PULUMI_CONFIG_PASSPHRASE: phrase, PULUMI_CONFIG_PASSPHRASE_FILE: file } = process.env;
  const path = passphraseFile(context);
  if (phrase !== undefined || file !== undefined || existsSync(path)) {
    return;
  }
  if (context.kind === "remote") {
    if (readSettings(context).secretsprovider !== undefined) {
      return;
    }
    throw new UserError(
      `stack ${context.stack} needs a passphrase for its secrets: set PULUMI_CONFIG_PASSPHRASE (or _FILE), and keep it ` +
        "where everybody who deploys finds it",
    );
  }
  mkdirSync(context.folder, { recursive: true, mode: 0o700 });
  writeFileSync(path, randomBytes(32).toString("base64url"), { mode: 0o600, flag: "wx" });
}

/**
 * Generates what the stack's encrypted configuration lacks of its secrets (decision 3: no default password exists).
 *
 * @returns Names of the secrets that were made.
 */
export async function ensureSecrets(pulumi: Pulumi): Promise<string[]> {
  const { context } = pulumi;
  const known = join(context.folder, "secrets-complete");
  if (secretsFingerprint(context) !== undefined && secretsFingerprint(context) === readText(known)) {
    return [];
  }
  const existing = await readSecrets(pulumi);
  const missing = SECRETS.filter((name) => existing[name] === undefined);
  if (missing.length > 0) {
    const made = Object.fromEntries(missing.map((name) => [name, generateSecret(name)]));
    await writeSecrets(pulumi, { ...existing, ...made }, missing, new Date());
  }
  // Says that this very ciphertext holds every secret of this version: the next run need not decrypt it to find out.
  mkdirSync(context.folder, { recursive: true, mode: 0o700 });
  writeFileSync(known, secretsFingerprint(context) ?? "", { mode: 0o600 });
  return missing;
}

/**
 * Keeps the stack's secrets, encrypted, and since when those that were replaced hold. The caller holds the stack's lock.
 */
export async function writeSecrets(
  pulumi: Pulumi,
  secrets: Readonly<Record<string, string>>,
  replaced: readonly (SecretName | GivenSecret)[],
  now: Date,
): Promise<void> {
  const { context } = pulumi;
  // By standard input: a command line can be read by everybody on the machine.
  await pulumi.runChecked(
    "secrets",
    ["config", "set", "--secret", SECRETS_KEY, "--stack", context.stack],
    JSON.stringify(secrets),
  );
  updateSettings(
    context,
    replaced.map((name) => `secretDates.${name}=${JSON.stringify(now.toISOString())}`),
  );
}

/** A new value of a secret: 192 random bits, or a private key of age. */
export function generateSecret(name: SecretName): string {
  return name === "backupIdentity" ? generateIdentity() : randomBytes(24).toString("base64url");
}

/** SHA-256 of the encrypted secrets and of the names that this version wants; undefined when there are none yet. */
export function secretsFingerprint(context: StackContext): string | undefined {
  const encrypted = readSettings(context).config?.[SECRETS_KEY];
  return encrypted === undefined
    ? undefined
    : createHash("sha256")
        .update(JSON.stringify([encrypted, SECRETS]))
        .digest("hex");
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return undefined;
  }
}

/** The stack's secrets by name, in clear; none when none was generated yet. */
export async function readSecrets(pulumi: Pulumi): Promise<Record<string, string>> {
  const { context } = pulumi;
  if (readSettings(context).config?.[SECRETS_KEY] === undefined) {
    return {};
  }
  const json = await pulumi.runChecked("secrets", ["config", "get", SECRETS_KEY, "--stack", context.stack]);
  try {
    return JSON.parse(json) as Record<string, string>;
  } catch {
    // The parser's own message would quote what it could not read.
    throw new UserError(
      `${SECRETS_KEY} is not the JSON object that the first \`up\` made: restore ${context.configFile}`,
    );
  }
}

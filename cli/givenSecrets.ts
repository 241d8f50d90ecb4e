import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { text } from "node:stream/consumers";
import { GIVEN_SECRETS, type GivenSecret } from "../config";
import { UserError } from "./errors";
import { takeLock } from "./lock";
import { readSecrets, writeSecrets } from "./secrets";
import { openSession } from "./session";

/** `./fitnesscrm secrets set`: keeps a token that others issue. The next update hands it on. */
export async function setSecret(name: string, stack: string): Promise<void> {
  const given = givenSecret(name);
  const { context, pulumi } = openSession(stack);
  const value = tokenIn(await readInput(given), given);
  const release = await takeLock(context.folder, `fitnesscrm secrets set --stack ${stack}`);
  try {
    const secrets = await readSecrets(pulumi);
    if (secrets.appPassword === undefined) {
      throw new UserError(`stack ${stack} has no secrets yet: run ./fitnesscrm up --stack ${stack}`);
    }
    await writeSecrets(pulumi, { ...secrets, [given]: value }, [given], new Date());
  } finally {
    await release();
  }
  process.stdout.write(`${given} is kept, encrypted: ./fitnesscrm up --stack ${stack} hands it on.\n`);
}

/** @throws UserError for a name of something else: a generated secret is replaced by `secrets rotate`. */
export function givenSecret(name: string): GivenSecret {
  const found = GIVEN_SECRETS.find((secret) => secret === name);
  if (found === undefined) {
    throw new UserError(
      `secret ${JSON.stringify(name)} is not set by hand: must be one of ${GIVEN_SECRETS.join(", ")}; any other one is ` +
        "generated, and replaced by ./fitnesscrm secrets rotate",
      2,
    );
  }
  return found;
}

/** What was handed over, without the line's end. @throws UserError that does not repeat it. */
export function tokenIn(input: string, name: GivenSecret): string {
  const token = input.trim();
  if (!/^[\x21-\x7e]{16,}$/.test(token)) {
    throw new UserError(
      `${name} is no token: must be one line of 16 printable ASCII characters or more on standard input`,
      2,
    );
  }
  return token;
}

/** From a terminal one line that is not shown, else all there is. */
async function readInput(name: GivenSecret): Promise<string> {
  if (!process.stdin.isTTY) {
    return text(process.stdin);
  }
  process.stderr.write(`${name} (it is not shown): `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: nowhere, terminal: true });
  try {
    return await terminal.question("");
  } finally {
    terminal.close();
    process.stderr.write("\n");
  }
}

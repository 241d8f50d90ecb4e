import type { SecretName } from "../../config";
import { UserError } from "../errors";
import { takeLock } from "../lock";
import { generateSecret, readSecrets, writeSecrets } from "../secrets";
import { inStep, openSession, progressReporter, type Session } from "../session";
import { columns } from "../table";
import { declaredPasswords, runningServers } from "./declared";
import { chooseSecrets, ROTATIONS, type SecretAge, secretAges, showAge } from "./plan";
import { type PasswordServer, requireRefused, requireServers, SERVER_SECRETS, unsettled } from "./servers";
import { SpareRole } from "./spareRole";

export interface RotateOptions {
  stack: string;
  allOlderThan?: number;
  yes?: boolean;
}

/** `./fitnesscrm secrets list`. */
export function listSecrets({ stack, json }: { stack: string; json?: boolean }): void {
  const ages = secretAges(openSession(stack).config, new Date());
  process.stdout.write(`${json ? JSON.stringify(ages, null, 2) : formatAges(ages)}\n`);
}

function formatAges(ages: readonly SecretAge[]): string {
  return columns(
    ["SECRET", "MADE", "AGE", "ROTATE"],
    ages.map((age) => {
      const { name, since, overLimit } = age;
      const rotation = ROTATIONS[name];
      return [
        name,
        since?.slice(0, 10) ?? "not known",
        `${showAge(age)}${overLimit ? ": over its limit" : ""}`,
        rotation.how === "never" ? `no: ${rotation.why}` : rotation.effect,
      ];
    }),
  ).join("\n");
}

/**
 * `./fitnesscrm secrets rotate`: replaces secrets while users are served. Killed at any moment, the stack serves on, and the next call goes on
 * where it was.
 */
export async function rotateSecrets(name: string | undefined, options: RotateOptions): Promise<void> {
  const session = openSession(options.stack);
  const { chosen, left } = chooseSecrets(name, options.allOlderThan, secretAges(session.config, new Date()));
  for (const secret of left) {
    const rotation = ROTATIONS[secret];
    process.stderr.write(`${secret} stays: ${rotation.how === "never" ? rotation.why : ""}\n`);
  }
  const rotation = new RunningRotation(session, options);
  await rotation.requireAble(chosen);
  const finished = await rotation.finishInterrupted();
  const rest = chosen.filter((secret) => !finished.includes(secret));
  if (rest.length > 0) {
    await rotation.replace(rest);
  }
  process.stdout.write(
    rest.length === 0
      ? "There was nothing more to rotate.\n"
      : `${rest.map((secret) => `${secret}: ${effectOf(secret)}`).join("\n")}\n`,
  );
}

function effectOf(name: SecretName): string {
  const rotation = ROTATIONS[name];
  return rotation.how === "never" ? rotation.why : rotation.effect;
}

class RunningRotation {
  private readonly spare: SpareRole;

  constructor(
    private readonly session: Session,
    private readonly options: RotateOptions,
  ) {
    this.spare = new SpareRole(session.docker, session.context.stack, session.config.database.name);
  }

  /** @throws UserError before anything is changed, for a secret whose server cannot be told of another one now. */
  async requireAble(names: readonly SecretName[]): Promise<void> {
    requireServers(names, await this.servers(), this.session.context.stack);
  }

  /** Ends what killed rotations left. @returns What they have replaced. */
  async finishInterrupted(): Promise<SecretName[]> {
    const declared = await declaredPasswords(this.session);
    const pendingNow = async () =>
      declared === undefined ? [] : await unsettled(await this.servers(), declared);
    const pending = await pendingNow();
    if (pending.length > 0) {
      process.stderr.write(`${pending.join(", ")}: goes on with a rotation that was interrupted\n`);
    }
    const isReplaced = await this.finishApplication();
    // The updates of the application's rotation do this one's work as well.
    if ((await pendingNow()).length > 0) {
      await this.deploy();
    }
    return [...pending, ...(isReplaced ? (["appPassword"] as const) : [])];
  }

  /** @returns Whether that replaced the application's password. */
  private async finishApplication(): Promise<boolean> {
    const { nextAppPassword, appPassword = "" } = await readSecrets(this.session.pulumi);
    if (nextAppPassword !== undefined) {
      process.stderr.write("appPassword: goes on with a rotation that was interrupted\n");
      await this.replace(["appPassword"]);
      return true;
    }
    if (!(await this.spare.exists())) {
      return false;
    }
    // One that was killed before it began has left a role with a password that nobody keeps.
    const isReplaced = await this.spare.hasPassword(appPassword);
    process.stderr.write("appPassword: ends a rotation that was interrupted\n");
    await this.deploy();
    await this.removeSpare();
    return isReplaced;
  }

  async replace(names: readonly SecretName[]): Promise<void> {
    const before = await readSecrets(this.session.pulumi);
    await this.replaceAll(names, before);
    await requireRefused(
      await this.servers(),
      SERVER_SECRETS.flatMap((secret) => {
        const password = before[secret];
        return names.includes(secret) && password !== undefined ? [{ secret, password }] : [];
      }),
    );
  }

  private async replaceAll(
    names: readonly SecretName[],
    before: Readonly<Record<string, string>>,
  ): Promise<void> {
    const others = names.filter((name) => name !== "appPassword");
    const made = Object.fromEntries(others.map((name) => [name, generateSecret(name)]));
    if (!names.includes("appPassword")) {
      await this.write((secrets) => ({ ...secrets, ...made }), others);
      await this.deploy();
      return;
    }
    const next = before.nextAppPassword ?? generateSecret("appPassword");
    const { appConnections } = this.session.config.database;
    await inStep(progressReporter(), "spare role of the application", () =>
      this.spare.prepare(next, appConnections),
    );
    await this.write((secrets) => ({ ...secrets, ...made, nextAppPassword: next }), others);
    await this.deploy();
    await this.write(
      ({ nextAppPassword: _, ...secrets }) => ({ ...secrets, appPassword: next }),
      ["appPassword"],
    );
    await this.deploy();
    await this.removeSpare();
  }

  private servers(): Promise<readonly PasswordServer[]> {
    const { docker, context } = this.session;
    return runningServers(docker, context.stack);
  }

  private removeSpare(): Promise<void> {
    return inStep(progressReporter(), "spare role of the application is removed", () => this.spare.remove());
  }

  private async write(
    change: (secrets: Record<string, string>) => Record<string, string>,
    replaced: readonly SecretName[],
  ): Promise<void> {
    const { context, pulumi } = this.session;
    const release = await takeLock(context.folder, `fitnesscrm secrets rotate --stack ${context.stack}`);
    try {
      const secrets = await readSecrets(pulumi);
      if (secrets.appPassword === undefined) {
        throw new UserError(
          `stack ${context.stack} has no secrets yet: run ./fitnesscrm up --stack ${context.stack}`,
        );
      }
      await writeSecrets(pulumi, change(secrets), replaced, new Date());
    } finally {
      await release();
    }
  }

  private async deploy(): Promise<void> {
    const { up } = await import("../up");
    const { stack, yes } = this.options;
    // A release that is held stays held: its secrets are not part of it.
    await up({ stack, set: [], yes, keepPin: true });
  }
}

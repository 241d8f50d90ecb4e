/** Passwords of servers that are replaced while the server runs, by what all of them can do. Without Docker. */
import type { SecretName } from "../../config";
import { UserError } from "../errors";

/** Secrets that a running server is told of; its own Swarm secret stays, since changing that would stop it. */
export type ServerSecret = Extract<SecretName, "postgresPassword" | "redisPassword">;

export const SERVER_SECRETS: readonly ServerSecret[] = ["postgresPassword", "redisPassword"];

export type Declared = Readonly<Record<ServerSecret, string>>;

export interface PasswordServer {
  readonly secret: ServerSecret;
  /** Whether somebody logs in with it. */
  accepts(password: string): Promise<boolean>;
  /** Whether it lets in, and no other one does. */
  isSettled(password: string): Promise<boolean>;
  /** Lets in with it from now on, and over every restart: beside the ones of before where the server can have several. */
  admit(password: string): Promise<void>;
  /**
   * Lets in with nothing else.
   *
   * @param olderThan Seconds since it was let in first; sessions that are older were opened with another one and are ended. Undefined when
   * that is not known: they stay then.
   */
  settle(password: string, olderThan: number | undefined): Promise<void>;
}

/** Before clients are given what is declared: they can use it. @returns What was not let in until now. */
export async function admitDeclared(
  servers: readonly PasswordServer[],
  declared: Declared,
): Promise<ServerSecret[]> {
  const admitted: ServerSecret[] = [];
  for (const server of servers) {
    const password = declared[server.secret];
    if (!(await server.accepts(password))) {
      await server.admit(password);
      admitted.push(server.secret);
    }
  }
  return admitted;
}

/**
 * Once every client has what is declared: nothing else lets in any more.
 *
 * @param ageOf Seconds since a declared password was let in; undefined when that was not by this run.
 * @returns Where another one was let in until now.
 */
export async function refuseOthers(
  servers: readonly PasswordServer[],
  declared: Declared,
  ageOf: (secret: ServerSecret) => number | undefined,
): Promise<ServerSecret[]> {
  const found = await unsettled(servers, declared);
  for (const server of servers.filter(({ secret }) => found.includes(secret))) {
    await server.settle(declared[server.secret], ageOf(server.secret));
  }
  return found;
}

/** Where something else than what is declared lets in: a rotation that was killed has left it. */
export async function unsettled(
  servers: readonly PasswordServer[],
  declared: Declared,
): Promise<ServerSecret[]> {
  const found: ServerSecret[] = [];
  for (const server of servers) {
    if (!(await server.isSettled(declared[server.secret]))) {
      found.push(server.secret);
    }
  }
  return found;
}

/** @throws UserError for a secret that is to be replaced while its server cannot be told of another one. */
export function requireServers(
  names: readonly SecretName[],
  servers: readonly PasswordServer[],
  stack: string,
): void {
  const missing = SERVER_SECRETS.find(
    (name) => names.includes(name) && !servers.some(({ secret }) => secret === name),
  );
  if (missing !== undefined) {
    const service = missing === "redisPassword" ? "redis" : "db";
    throw new UserError(
      `${missing}: service ${service} of stack ${stack} does not run, or in a version that takes no other password while it runs: ` +
        `run ./fitnesscrm up --stack ${stack} first; nothing was changed`,
    );
  }
}

/** @throws UserError when a password that was replaced still lets in. */
export async function requireRefused(
  servers: readonly PasswordServer[],
  replaced: readonly { readonly secret: ServerSecret; readonly password: string }[],
): Promise<void> {
  for (const { secret, password } of replaced) {
    const server = servers.find((each) => each.secret === secret);
    if (server === undefined || (await server.accepts(password))) {
      throw new UserError(
        `${secret}: that the one of before is refused could not be seen: run ./fitnesscrm up, which refuses it, and look at ./fitnesscrm health`,
      );
    }
  }
}

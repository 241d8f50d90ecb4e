import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Reporter } from "../../toolchain";
import { Redis } from "../cache/redis";
import type { DockerHost } from "../docker";
import { messageOf } from "../errors";
import { readSecrets, secretsFingerprint } from "../secrets";
import { inStep, type Session } from "../session";
import { CachePassword } from "./cachePassword";
import {
  admitDeclared,
  type Declared,
  type PasswordServer,
  refuseOthers,
  SERVER_SECRETS,
  type ServerSecret,
} from "./servers";
import { SuperuserPassword } from "./superuser";

/** What a container has whose password can be replaced while it runs; one of an older version has it not. */
const NEEDED = { db: "/usr/local/bin/replace-password", redis: "/run/redis/own_password" } as const;

/** How long servers that start are waited for: the database may make its first cluster. */
const START_MS = 60_000;
const POLL_MS = 1_000;

type Containers = Readonly<Record<keyof typeof NEEDED, string | undefined>>;

const isAbsent = (container: string | undefined): boolean => container === undefined;

/** The running servers whose passwords can be replaced. */
export async function runningServers(docker: DockerHost, stack: string): Promise<PasswordServer[]> {
  return serversIn(docker, await runningContainers(docker, stack));
}

async function runningContainers(docker: DockerHost, stack: string): Promise<Containers> {
  const idOf = async (service: string): Promise<string | undefined> => {
    const ids = await docker.runChecked(`container of ${service}`, [
      ...["container", "ls", "--quiet", "--no-trunc", "--filter", "status=running"],
      ...["--filter", `label=fitnesscrm.stack=${stack}`, "--filter", `label=fitnesscrm.service=${service}`],
    ]);
    return ids.split("\n")[0]?.trim() || undefined;
  };
  const [db, redis] = await Promise.all([idOf("db"), idOf("redis")]);
  return { db, redis };
}

async function serversIn(docker: DockerHost, { db, redis }: Containers): Promise<PasswordServer[]> {
  const isAble = async (container: string, service: keyof typeof NEEDED): Promise<boolean> =>
    (await docker.run(["exec", container, "test", "-e", NEEDED[service]], 30)).code === 0;
  return [
    ...(db !== undefined && (await isAble(db, "db")) ? [new SuperuserPassword(docker, db)] : []),
    ...(redis !== undefined && (await isAble(redis, "redis"))
      ? [new CachePassword(Redis.in(docker, redis))]
      : []),
  ];
}

/** @returns What is declared; undefined for a stack that has no secrets yet. */
export async function declaredPasswords({ pulumi }: Session): Promise<Declared | undefined> {
  const { postgresPassword, redisPassword } = await readSecrets(pulumi);
  return postgresPassword === undefined || redisPassword === undefined
    ? undefined
    : { postgresPassword, redisPassword };
}

/**
 * Brings database and cache to the passwords that are declared, around an update: {@link admit} before it gives them to the clients,
 * {@link settle} once every client has them. Whatever is killed in between, both let in, and the next update goes on.
 */
export class ServerPasswords {
  private readonly admittedAt = new Map<ServerSecret, number>();

  constructor(
    private readonly session: Session,
    private readonly reporter: Reporter,
  ) {}

  /**
   * Arguments for an update with these. What a refresh logs in with is what the state has, which the database refuses once it has another
   * password: the program's own is to be taken, where secrets have changed since an update went through.
   */
  argumentsFor(args: readonly string[]): string[] {
    const seen = this.readMark()?.split(" ")[0];
    const isChanged = seen !== undefined && seen !== (secretsFingerprint(this.session.context) ?? "");
    return [...args, ...(isChanged && args.includes("--refresh") ? ["--run-program"] : [])];
  }

  /**
   * A server that starts is waited for: a fresh volume has the first password, with which nobody logs in. One that cannot be asked stops no
   * update: it may be what the update repairs.
   */
  async admit(): Promise<void> {
    const deadline = this.readMark() === undefined ? 0 : Date.now() + START_MS;
    for (;;) {
      let problem: string | undefined;
      try {
        const containers = await this.containers();
        if (
          this.isKnown(containers) ||
          (Date.now() >= deadline && Object.values(containers).every(isAbsent))
        ) {
          return;
        }
        problem = await this.awaited(containers);
        if (problem === undefined || Date.now() >= deadline) {
          await this.admitIn(containers);
          return;
        }
      } catch (error) {
        problem = messageOf(error);
      }
      if (Date.now() >= deadline) {
        process.stderr.write(`warning: passwords of database and cache: ${problem}\n`);
        return;
      }
      await sleep(POLL_MS);
    }
  }

  private async admitIn(containers: Containers): Promise<void> {
    const servers = await serversIn(this.session.docker, containers);
    const declared = servers.length === 0 ? undefined : await declaredPasswords(this.session);
    if (declared === undefined) {
      return;
    }
    this.forgetServers();
    const admitted = await admitDeclared(servers, declared);
    for (const secret of admitted) {
      this.admittedAt.set(secret, Date.now());
    }
    this.tell(admitted, "let in from now on");
  }

  /** @returns Which server is to run and does not yet. */
  private async awaited(containers: Containers): Promise<string | undefined> {
    const { docker, context } = this.session;
    const missing = (await docker.services(context.stack)).find(
      ({ service, replicas = 1 }) =>
        (service === "db" || service === "redis") && replicas > 0 && containers[service] === undefined,
    );
    return missing === undefined ? undefined : `service ${missing.service} does not run yet`;
  }

  /** @throws UserError when a server does not take what is declared. */
  async settle(): Promise<void> {
    const containers = await this.containers();
    const servers = await this.serversToAsk(containers);
    if (servers.length === 0) {
      return;
    }
    await inStep(
      this.reporter,
      "passwords of database and cache",
      async () => {
        const declared = await declaredPasswords(this.session);
        if (declared === undefined) {
          return [];
        }
        const settled = await refuseOthers(servers, declared, (secret) => this.ageOf(secret));
        if (servers.length === SERVER_SECRETS.length) {
          writeFileSync(this.file, this.mark(containers), { mode: 0o600 });
        }
        return settled;
      },
      (settled) => (settled.length === 0 ? undefined : `${settled.join(", ")}: only the one of now lets in`),
    );
  }

  private containers(): Promise<Containers> {
    return runningContainers(this.session.docker, this.session.context.stack);
  }

  private async serversToAsk(containers: Containers): Promise<PasswordServer[]> {
    return this.isKnown(containers) ? [] : serversIn(this.session.docker, containers);
  }

  private tell(secrets: readonly ServerSecret[], what: string): void {
    if (secrets.length > 0) {
      this.reporter.step("passwords of database and cache").done(`${secrets.join(", ")}: ${what}`);
    }
  }

  private ageOf(secret: ServerSecret): number | undefined {
    const at = this.admittedAt.get(secret);
    // The server counts whole seconds of a session's life.
    return at === undefined ? undefined : Math.ceil((Date.now() - at) / 1000);
  }

  /**
   * These very containers have been brought to these very secrets: to find that out again, they would have to be decrypted. Of a stack that
   * other machines deploy as well, a file of this one knows nothing.
   */
  private isKnown(containers: Containers): boolean {
    return this.session.context.kind !== "remote" && this.readMark() === this.mark(containers);
  }

  /** From now on the servers may have what the settings lose again, such as when an update is called off: they are asked next time. */
  private forgetServers(): void {
    const mark = this.readMark();
    if (mark !== undefined) {
      writeFileSync(this.file, `${mark.split(" ")[0]} - -`, { mode: 0o600 });
    }
  }

  private readMark(): string | undefined {
    try {
      return readFileSync(this.file, "utf8");
    } catch {
      return undefined;
    }
  }

  private mark({ db, redis }: Containers): string {
    return `${secretsFingerprint(this.session.context) ?? ""} ${db ?? ""} ${redis ?? ""}`;
  }

  private get file(): string {
    return join(this.session.context.folder, "server-passwords");
  }
}

import { createHash } from "node:crypto";
import { type Redis, tokens } from "../cache/redis";
import { UserError } from "../errors";
import type { PasswordServer } from "./servers";

/** As Redis keeps a password: nobody logs in with it, and it may stand in the server's list of users. */
export function passwordDigest(password: string): string {
  return createHash("sha256").update(password, "utf8").digest("hex");
}

/** Digests of the passwords of a user, from the server's answer to `ACL LIST` as one line. */
export function digestsOf(user: string, answer: string): string[] {
  const line = tokens(answer).find((text) => text.startsWith(`"user ${user} `)) ?? "";
  return [...line.matchAll(/#([0-9a-f]{64})\b/g)].map(([, digest = ""]) => digest);
}

/** Ids of a user's sessions that are older than so many seconds, from the answer to `CLIENT LIST`. */
export function sessionsOlderThan(seconds: number, user: string, clients: string): string[] {
  return clients.split("\n").flatMap((line) => {
    const fields = new Map(
      line
        .trim()
        .split(" ")
        .map((field) => field.split("=", 2) as [string, string]),
    );
    const [id, age] = [fields.get("id"), Number(fields.get("age"))];
    return id !== undefined && fields.get("user") === user && age > seconds ? [id] : [];
  });
}

/** As whom everybody logs in who gives a password only. */
const USER = "default";

/**
 * The cache's password, which its clients log in with. The server can have several, and keeps them on its volume, so that it can be
 * started anew at every moment of a rotation.
 */
export class CachePassword implements PasswordServer {
  readonly secret = "redisPassword";

  constructor(private readonly redis: Redis) {}

  accepts(password: string): Promise<boolean> {
    return this.redis.accepts(password);
  }

  async isSettled(password: string): Promise<boolean> {
    const digests = await this.digests();
    return digests.length === 1 && digests[0] === passwordDigest(password);
  }

  async admit(password: string): Promise<void> {
    await this.redis.calls([`ACL SETUSER ${USER} #${passwordDigest(password)}`, "ACL SAVE"]);
    if (!(await this.accepts(password))) {
      throw new UserError(
        "redis: it does not let in with the password that it was just given: look at ./fitnesscrm logs redis",
      );
    }
  }

  async settle(password: string, olderThan: number | undefined): Promise<void> {
    await this.redis.calls([`ACL SETUSER ${USER} resetpass #${passwordDigest(password)}`, "ACL SAVE"]);
    if (olderThan === undefined) {
      return;
    }
    // A session outlives the password that it was opened with.
    const ids = sessionsOlderThan(olderThan, USER, await this.redis.clients());
    if (ids.length > 0) {
      await this.redis.calls(ids.map((id) => `CLIENT KILL ID ${id}`));
    }
  }

  /** As they are on the volume as well: a disk that was full may have kept a change in memory only. */
  private async digests(): Promise<string[]> {
    const [, answer = ""] = await this.redis.calls(["ACL SAVE", "ACL LIST"]);
    return digestsOf(USER, answer);
  }
}

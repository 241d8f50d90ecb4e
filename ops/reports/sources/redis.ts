import { connect } from "node:net";
import { command, parseRedisUrl } from "../../redis-ping";

export type RedisReply = string | number | null | Error | RedisReply[];

/** One whole reply at `at` in a buffer and where it ends; undefined while more bytes must come. @throws Error for what is none. */
export function parseReply(buffer: Buffer, at = 0): { reply: RedisReply; end: number } | undefined {
  const lineEnd = buffer.indexOf("\r\n", at);
  if (lineEnd < 0) {
    return undefined;
  }
  const line = buffer.toString("utf8", at + 1, lineEnd);
  const start = lineEnd + 2;
  switch (String.fromCharCode(buffer[at] ?? 0)) {
    case "+":
      return { reply: line, end: start };
    case "-":
      return { reply: new Error(line), end: start };
    case ":":
      return { reply: Number(line), end: start };
    case "$": {
      const length = Number(line);
      if (length < 0) {
        return { reply: null, end: start };
      }
      const end = start + length + 2;
      return buffer.length < end ? undefined : { reply: buffer.toString("utf8", start, start + length), end };
    }
    case "*": {
      const items: RedisReply[] = [];
      let next = start;
      for (let index = 0; index < Number(line); index++) {
        const item = parseReply(buffer, next);
        if (item === undefined) {
          return undefined;
        }
        items.push(item.reply);
        next = item.end;
      }
      return { reply: Number(line) < 0 ? null : items, end: next };
    }
    default:
      throw new Error("the server sent no Redis reply");
  }
}

/** A connection to Redis on which one command follows the other. */
export class RedisConnection {
  #received: Buffer = Buffer.alloc(0);
  readonly #waiting: { resolve: (reply: RedisReply) => void; reject: (error: Error) => void }[] = [];
  #broken: Error | undefined;

  private constructor(private readonly socket: ReturnType<typeof connect>) {
    socket.on("data", (chunk) => this.#take(chunk));
    socket.on("error", (error) => this.#fail(error));
    socket.on("close", () => this.#fail(new Error("the server closed the connection")));
    socket.on("timeout", () => this.#fail(new Error("no answer in time")));
  }

  /** @param timeoutMs Silence after which it is given up, milliseconds. */
  static async open(url: string, timeoutMs: number): Promise<RedisConnection> {
    const { host, port, auth } = parseRedisUrl(url);
    const connection = new RedisConnection(connect({ host, port, timeout: timeoutMs }));
    if (auth.length > 0) {
      await connection.ask(...auth);
    }
    return connection;
  }

  /** @throws Error with what the server says. */
  async ask(...words: string[]): Promise<Exclude<RedisReply, Error>> {
    const [reply] = await this.askAll([words]);
    return reply ?? null;
  }

  /** Several commands at once; the replies are in the same order. */
  async askAll(commands: readonly (readonly string[])[]): Promise<Exclude<RedisReply, Error>[]> {
    if (this.#broken !== undefined) {
      throw this.#broken;
    }
    const replies = commands.map(
      () => new Promise<RedisReply>((resolve, reject) => this.#waiting.push({ resolve, reject })),
    );
    this.socket.write(commands.map((words) => command(...words)).join(""));
    return (await Promise.all(replies)).map((reply) => {
      if (reply instanceof Error) {
        throw reply;
      }
      return reply;
    });
  }

  close(): void {
    this.socket.destroy();
  }

  #take(chunk: Buffer): void {
    this.#received = Buffer.concat([this.#received, chunk]);
    try {
      for (
        let found = parseReply(this.#received);
        found !== undefined && this.#waiting.length > 0;
        found = parseReply(this.#received)
      ) {
        this.#received = this.#received.subarray(found.end);
        this.#waiting.shift()?.resolve(found.reply);
      }
    } catch (error) {
      this.#fail(error as Error);
    }
  }

  #fail(error: Error): void {
    this.#broken ??= error;
    for (const { reject } of this.#waiting.splice(0)) {
      reject(this.#broken);
    }
    this.socket.destroy();
  }
}

export interface CacheFacts {
  readonly keys: number;
  /** Keys that were looked at: of a large cache a sample. */
  readonly looked: number;
  /** Of these, the ones that never expire. */
  readonly withoutTtl: number;
  /** Keys that never expire, by what stands before their first colon, the most first. */
  readonly groups: readonly { readonly prefix: string; readonly keys: number }[];
  readonly usedBytes: number;
  readonly hits: number;
  readonly misses: number;
  readonly evicted: number;
  readonly policy: string;
}

const MOST_KEYS = 20_000;
const SCAN_COUNT = "500";

/** Looks at the cache and at the age limits of its keys (M54). Reads no value. */
export async function cacheFacts(connection: Pick<RedisConnection, "ask" | "askAll">): Promise<CacheFacts> {
  const info = infoOf(String(await connection.ask("INFO")));
  const keys = Number(await connection.ask("DBSIZE"));
  const seen = new Set<string>();
  let cursor = "0";
  do {
    const reply = await connection.ask("SCAN", cursor, "COUNT", SCAN_COUNT);
    const [next, found] = Array.isArray(reply) ? reply : ["0", []];
    cursor = String(next);
    for (const key of Array.isArray(found) ? found : []) {
      seen.add(String(key));
    }
  } while (cursor !== "0" && seen.size < MOST_KEYS);
  const names = [...seen].slice(0, MOST_KEYS);
  const ages = names.length === 0 ? [] : await connection.askAll(names.map((name) => ["TTL", name]));
  const lasting = names.filter((_, index) => ages[index] === -1);
  const prefixes = new Map<string, number>();
  for (const name of lasting) {
    const prefix = name.includes(":") ? `${name.slice(0, name.indexOf(":"))}:` : name;
    prefixes.set(prefix, (prefixes.get(prefix) ?? 0) + 1);
  }
  return {
    keys,
    looked: names.length,
    withoutTtl: lasting.length,
    groups: [...prefixes]
      .map(([prefix, count]) => ({ prefix, keys: count }))
      .sort((a, b) => b.keys - a.keys || (a.prefix < b.prefix ? -1 : 1))
      .slice(0, 10),
    usedBytes: Number(info.used_memory ?? 0),
    hits: Number(info.keyspace_hits ?? 0),
    misses: Number(info.keyspace_misses ?? 0),
    evicted: Number(info.evicted_keys ?? 0),
    policy: info.maxmemory_policy ?? "unknown",
  };
}

function infoOf(text: string): Record<string, string> {
  return Object.fromEntries(
    text.split("\r\n").flatMap((line) => {
      const at = line.indexOf(":");
      return at < 1 ? [] : [[line.slice(0, at), line.slice(at + 1)]];
    }),
  );
}

import { connect } from "node:net";

/**
 * Asks a Redis server whether it is there, with as much of its protocol as that takes: AUTH, then PING.
 */

/** One complete reply at the start of a buffer, or what is wrong with it; `undefined` while more bytes must come. */
export type Reply = { readonly text: string; readonly rest: Buffer } | { readonly error: string };

/** Reads one simple string (`+OK`) or error (`-ERR …`) from the start of `buffer`; all that AUTH and PING ever answer. */
export function readReply(buffer: Buffer): Reply | undefined {
  const end = buffer.indexOf("\r\n");
  if (end < 0) {
    return buffer.length > 4096 ? { error: "the server sent no Redis reply" } : undefined;
  }
  const line = buffer.toString("utf8", 1, end);
  switch (buffer.toString("latin1", 0, 1)) {
    case "+":
      return { text: line, rest: buffer.subarray(end + 2) };
    case "-":
      return { error: line };
    default:
      return { error: "the server sent no Redis reply" };
  }
}

/** A command as Redis reads it. Lengths count bytes, not characters. */
export function command(...words: string[]): string {
  return `*${words.length}\r\n${words.map((word) => `$${Buffer.byteLength(word)}\r\n${word}\r\n`).join("")}`;
}

/** What a `redis://[user][:password]@host[:port]` URL says. Throws an error without the URL, which holds a password. */
export function parseRedisUrl(text: string): { host: string; port: number; auth: string[] } {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    throw new Error("the Redis URL is no URL: redis://:PASSWORD@HOST:PORT is expected");
  }
  if (url.protocol !== "redis:" || !url.hostname) {
    throw new Error(`the Redis URL starts with "${url.protocol}": redis://:PASSWORD@HOST:PORT is expected`);
  }
  const user = decodeURIComponent(url.username);
  const password = decodeURIComponent(url.password);
  return {
    host: url.hostname,
    port: Number(url.port || "6379"),
    auth: password ? (user ? ["AUTH", user, password] : ["AUTH", password]) : [],
  };
}

/** Resolves when the server answers PONG; rejects with the reason, also after `timeoutMs`. */
export function pingRedis(url: string, timeoutMs: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const { host, port, auth } = parseRedisUrl(url);
    const expected = auth.length > 0 ? ["OK", "PONG"] : ["PONG"];
    let received: Buffer = Buffer.alloc(0);
    const socket = connect({ host, port });
    const finish = (reason?: string) => {
      clearTimeout(timer);
      socket.destroy();
      if (reason === undefined) {
        resolve();
      } else {
        reject(new Error(reason));
      }
    };
    const timer = setTimeout(() => finish(`no answer within ${timeoutMs} ms`), timeoutMs);
    socket.on("connect", () => socket.write((auth.length > 0 ? command(...auth) : "") + command("PING")));
    socket.on("error", (error) => finish(error.message || String(error)));
    socket.on("close", () => finish("the server closed the connection"));
    socket.on("data", (chunk) => {
      received = Buffer.concat([received, chunk]);
      for (let reply = readReply(received); reply !== undefined; reply = readReply(received)) {
        if ("error" in reply) {
          return finish(reply.error);
        }
        const wanted = expected.shift();
        if (reply.text !== wanted) {
          return finish(`the server answered "${reply.text}", "${wanted}" is expected`);
        }
        if (expected.length === 0) {
          return finish();
        }
        received = reply.rest;
      }
    });
  });
}

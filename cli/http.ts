import { request } from "node:http";
import { request as requestTls } from "node:https";

export interface HttpAnswer {
  status: number;
  body: string;
}

/** What went wrong when nobody answered: a system's code such as ECONNREFUSED, or that it took too long. */
export class NoAnswer extends Error {}

/**
 * Asks once, on a connection of its own.
 *
 * Not by `fetch`: its promise stays open when a port's proxy takes the connection and drops it at once, as Docker's does for
 * a container that is starting, and a process that waits for nothing else then ends without a word.
 *
 * @throws NoAnswer after the limit, or when the connection fails.
 */
export function get(url: string, limitSeconds: number): Promise<HttpAnswer> {
  return new Promise((resolve, reject) => {
    const ask = url.startsWith("https:") ? requestTls : request;
    const outgoing = ask(url, { agent: false }, (incoming) => {
      let body = "";
      incoming.setEncoding("utf8");
      incoming.on("data", (text: string) => {
        body += text;
      });
      incoming.on("error", fail);
      incoming.on("close", () => {
        clearTimeout(timer);
        if (incoming.complete) {
          resolve({ status: incoming.statusCode ?? 0, body });
        } else {
          reject(new NoAnswer("the answer was cut off"));
        }
      });
    });
    const timer = setTimeout(() => {
      outgoing.destroy(new NoAnswer(`nothing within ${limitSeconds} seconds`));
    }, limitSeconds * 1000);
    function fail(error: NodeJS.ErrnoException): void {
      clearTimeout(timer);
      reject(error instanceof NoAnswer ? error : new NoAnswer(error.code ?? error.message));
    }
    outgoing.on("error", fail);
    // A connection that closes before any answer makes no error event in every case.
    outgoing.on("close", () => fail(new NoAnswer("the connection was closed")));
    outgoing.end();
  });
}

import { request as requestPlain } from "node:http";
import { request as requestTls } from "node:https";
import type { RequestFacts } from "../facts";

const LIMIT_SECONDS = 10;

type Times = Record<"lookup" | "connect" | "tls" | "answer", number | undefined>;

/** Asks once, as a browser that was never here before does, and takes the time of each part (the manual's `curl -w`, M36). Never throws. */
export function timeRequest(url: string, limitSeconds = LIMIT_SECONDS): Promise<RequestFacts> {
  return new Promise((resolve) => {
    const started = performance.now();
    const at: Times = { lookup: undefined, connect: undefined, tls: undefined, answer: undefined };
    const isTls = url.startsWith("https:");
    let status: number | null = null;
    const finish = (problem: string | null): void => {
      clearTimeout(timer);
      resolve(phases(url, status, problem, started, at));
    };
    const outgoing = (isTls ? requestTls : requestPlain)(
      url,
      { agent: false, headers: { "user-agent": "FitnessCRM-probe" } },
      (incoming) => {
        at.answer = performance.now();
        status = incoming.statusCode ?? null;
        incoming.resume();
        incoming.on("close", () => finish(incoming.complete ? null : "the answer was cut off"));
      },
    );
    const timer = setTimeout(() => {
      outgoing.destroy(new Error(`nothing within ${limitSeconds} s`));
    }, limitSeconds * 1000);
    outgoing.on("socket", (socket) => {
      socket.once("lookup", () => {
        at.lookup = performance.now();
      });
      socket.once("connect", () => {
        at.connect = performance.now();
      });
      socket.once("secureConnect", () => {
        at.tls = performance.now();
      });
    });
    outgoing.on("error", (error: NodeJS.ErrnoException) => finish(error.code ?? error.message));
    // A connection that closes before any answer makes no error event in every case.
    outgoing.on("close", () => at.answer === undefined && finish("the connection was closed"));
    outgoing.end();
  });
}

function phases(
  url: string,
  status: number | null,
  problem: string | null,
  started: number,
  { lookup, connect, tls, answer }: Times,
): RequestFacts {
  const between = (from: number | undefined, to: number | undefined): number | null =>
    from === undefined || to === undefined ? null : to - from;
  return {
    url,
    status,
    problem,
    // An address instead of a name is not looked up.
    lookupMs: between(started, lookup) ?? (connect === undefined ? null : 0),
    connectMs: between(lookup ?? started, connect),
    tlsMs: between(connect, tls),
    waitMs: between(tls ?? connect, answer),
    totalMs: performance.now() - started,
  };
}

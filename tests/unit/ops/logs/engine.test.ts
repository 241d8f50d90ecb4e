import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import { join } from "node:path";
import fc from "fast-check";
import { engineLogs, GoneError, linesOf, sinceArgument } from "../../../../ops/logs/engine";
import type { LogLine } from "../../../../ops/logs/model";
import { TempFolders } from "../../../support/temp";
import { frame } from "./frames";

const TIME = "2026-11-26T10:00:00.123456789Z";

async function* stream(...chunks: Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}

describe("the engine's logs", () => {
  it("are taken apart the same, however they come", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom(1 as const, 2 as const), fc.string({ unit: "binary" }))),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        async (written, sizes) => {
          const texts = written.map(([to, text]) => [to, text.replace(/[\r\n]/g, "")] as const);
          const whole = Buffer.concat(texts.map(([to, text]) => frame(to, `${TIME} ${text}\n`)));
          const chunks: Buffer[] = [];
          for (let start = 0, index = 0; start < whole.length; index++) {
            const end = start + (sizes[index % sizes.length] ?? 1);
            chunks.push(whole.subarray(start, end));
            start = end;
          }
          const lines = await all(linesOf(stream(...chunks), "t1"));
          assert.deepEqual(
            lines,
            texts.map(
              ([to, text]): LogLine => ({
                time: TIME,
                task: "t1",
                stream: to === 1 ? "stdout" : "stderr",
                line: Buffer.from(text).toString(),
              }),
            ),
          );
        },
      ),
      { numRuns: 60 },
    );
  });

  it("that are cut, or something else, are no logs", async () => {
    const whole = frame(1, `${TIME} x\n`);
    await assert.rejects(all(linesOf(stream(whole.subarray(0, -1)), "t")), /ends in the middle of a line/);
    await assert.rejects(
      all(linesOf(stream(Buffer.from(`${TIME} raw text`)), "t")),
      /not made of the frames/,
    );
    await assert.rejects(all(linesOf(stream(frame(1, "no time\n")), "t")), /a line without its time/);
  });

  it("give a piece without a time the one of the piece before", async () => {
    const lines = await all(linesOf(stream(frame(1, `${TIME} a`), frame(1, "b\n")), "t"));
    assert.deepEqual(
      lines.map(({ time, line }) => [time, line]),
      [
        [TIME, "a"],
        [TIME, "b"],
      ],
    );
  });

  const SAID =
    "Error grabbing logs: warning: incomplete log stream. some logs could not be retrieved for the";
  it("that lack a node's are not all of them; a task that never ran lacks nothing", async () => {
    const never = frame(3, `${SAID} following reasons: task abc has not been scheduled\n`);
    assert.deepEqual(await all(linesOf(stream(never), "t")), []);
    const away = frame(
      3,
      `${SAID} following reasons: task abc has not been scheduled, node n1 is not available\n`,
    );
    await assert.rejects(
      all(linesOf(stream(away), "t")),
      /cannot read all of it: .*node n1 is not available$/,
    );
  });

  it("are asked for by seconds with nanoseconds", () => {
    assert.equal(sinceArgument(0), "0.000000000");
    assert.equal(sinceArgument(1_700_000_000_007), "1700000000.007000000");
  });

  describe("through its reader", () => {
    const folders = new TempFolders();
    const asked: string[] = [];
    let server: Server;
    let socket: string;
    const never = new AbortController().signal;

    before(async () => {
      socket = join(folders.create(), "engine.sock");
      const task = (ID: string, State: string, ContainerID?: string, CreatedAt = "2026-11-26T10:00:00Z") => ({
        ID,
        CreatedAt,
        Status: { State, ...(ContainerID !== undefined && { ContainerStatus: { ContainerID } }) },
      });
      server = createServer(({ url = "" }, answer) => {
        asked.push(url);
        if (url.startsWith("/tasks?") && url.includes("fitnesscrm-unit-db")) {
          answer.end(
            JSON.stringify([
              task("b2", "running", "c2", "2026-11-26T11:00:00Z"),
              task("a1", "shutdown", "c1"),
              task("c3", "pending"),
            ]),
          );
        } else if (url.startsWith("/tasks?")) {
          answer.writeHead(404).end(JSON.stringify({ message: "service not found" }));
        } else if (url.startsWith("/tasks/a1/")) {
          answer.end(Buffer.concat([frame(1, `${TIME} one\n`), frame(2, `${TIME} two\n`)]));
        } else if (url.startsWith("/tasks/gone/")) {
          answer.writeHead(404).end(JSON.stringify({ message: "task gone not found" }));
        } else {
          answer.writeHead(503).end(JSON.stringify({ message: "This node is not a swarm manager.\nmore" }));
        }
      });
      await new Promise<void>((ready) => server.listen(socket, ready));
    });
    after(() => {
      server.close();
      folders.remove();
    });

    it("are of tasks that had a container, oldest first; a service that there is not has none", async () => {
      const source = engineLogs(socket);
      assert.deepEqual(await source.tasks("fitnesscrm-unit-db", never), [
        { id: "a1", active: false },
        { id: "b2", active: true },
      ]);
      assert.deepEqual(await source.tasks("fitnesscrm-unit-none", never), []);
      assert.equal(asked[0], "/tasks?filters=%7B%22service%22%3A%5B%22fitnesscrm-unit-db%22%5D%7D");
    });

    it("are read from a moment on, and left when nobody wants more", async () => {
      const source = engineLogs(socket);
      for await (const { line } of source.lines("a1", 1_700_000_000_007, never)) {
        assert.equal(line, "one");
        break;
      }
      assert.equal(asked.at(-1), "/tasks/a1/logs?stdout=1&stderr=1&timestamps=1&since=1700000000.007000000");
    });

    it("are dated by the clock of whoever answers", async () => {
      const now = await engineLogs(socket).now(never);
      assert.ok(Math.abs(now.getTime() - Date.now()) < 60_000);
      assert.equal(now.getTime() % 1000, 0, "an HTTP date has seconds");
    });

    it("say what is wrong, in one line", async () => {
      const source = engineLogs(socket);
      await assert.rejects(all(source.lines("gone", 0, never)), GoneError);
      await assert.rejects(
        all(source.lines("other", 0, never)),
        (error: Error) =>
          !(error instanceof GoneError) &&
          error.message === "the engine answered 503: This node is not a swarm manager.",
      );
      await assert.rejects(
        engineLogs(`${socket}.none`).tasks("x", never),
        /reader does not answer: the service engine does not run on this node/,
      );
    });
  });
});

import assert from "node:assert/strict";
import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { waitFor } from "../../e2e/support/wait";
import { loadDuring, startLoad } from "../../support/load";

describe("the load generator", () => {
  let server: Server | undefined;
  afterEach(() => {
    server?.closeAllConnections();
    server?.close();
    server = undefined;
  });

  async function serve(listener: RequestListener): Promise<string> {
    const started = createServer(listener);
    server = started;
    await new Promise<void>((listening) => started.listen(0, "127.0.0.1", listening));
    return `http://127.0.0.1:${(started.address() as AddressInfo).port}`;
  }

  it("sends as many as rate and time say, by every method in turn", async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(`${request.method} ${request.url}`);
      response.end("fine");
    });
    const bodies: string[] = [];
    const { sent, ok, failed, statuses } = await startLoad({
      url,
      rate: 100,
      seconds: 0.4,
      path: "/a",
      postPath: "/b",
      onAnswer: ({ body }) => bodies.push(body),
    }).done;
    assert.deepEqual({ sent, ok, failed, statuses }, { sent: 40, ok: 40, failed: 0, statuses: { 200: 40 } });
    assert.deepEqual(
      [...new Set(seen)].map((what) => [what, seen.filter((each) => each === what).length]),
      [
        ["GET /a", 20],
        ["POST /b", 20],
      ],
    );
    assert.deepEqual(bodies, Array(40).fill("fine"));
  });

  it("counts a status from 500 on, a cut answer and a silent server as failures, and says which", async () => {
    let count = 0;
    const url = await serve((_, response) => {
      count += 1;
      if (count === 1) {
        response.writeHead(503).end();
      } else if (count === 2) {
        response.writeHead(200, { "content-length": "10" });
        response.write("half");
        setTimeout(() => response.destroy(), 20);
      } else if (count > 3) {
        response.writeHead(404).end();
      }
    });
    const { sent, ok, failed, failures } = await startLoad({
      url,
      rate: 50,
      seconds: 0.1,
      methods: ["GET"],
      path: "/x",
      timeoutMs: 400,
    }).done;
    assert.deepEqual({ sent, ok, failed }, { sent: 5, ok: 2, failed: 3 });
    assert.match(failures.join("\n"), /s: GET \/x: answered 503/);
    assert.match(failures.join("\n"), /s: GET \/x: aborted/);
    assert.match(failures.join("\n"), /s: GET \/x: no answer within 0\.4 s/);
  });

  it("counts what is refused, and the time without an answer as a gap", async () => {
    const url = await serve((_, response) => response.end());
    const free = createServer();
    await new Promise<void>((listening) => free.listen(0, "127.0.0.1", listening));
    const { port } = free.address() as AddressInfo;
    await new Promise((closed) => free.close(closed));
    const refused = await startLoad({ url: `http://127.0.0.1:${port}`, rate: 50, seconds: 0.5 }).done;
    assert.equal(refused.failed, 25);
    assert.ok(refused.longestGapMs >= 450, String(refused.longestGapMs));
    assert.equal((await startLoad({ url, rate: 50, seconds: 0.2 }).done).failed, 0);
  });

  it("goes on sending while the server stalls", async () => {
    let waiting = 0;
    const url = await serve((_, response) => {
      waiting += 1;
      if (waiting === 20) {
        response.end();
      }
    });
    const { sent } = await startLoad({ url, rate: 100, seconds: 0.2, timeoutMs: 300 }).done;
    assert.equal(sent, 20);
    assert.equal(waiting, 20);
  });

  it("ends when it is told to", async () => {
    const url = await serve((_, response) => response.end());
    const load = startLoad({ url, rate: 100, seconds: 600 });
    const { sent, failed } = await load.stop();
    assert.ok(sent < 100);
    assert.equal(failed, 0);
  });

  it("goes on for as long as the work does, and ends with it when it fails as well", async () => {
    let asked = 0;
    const url = await serve((_, response) => {
      asked += 1;
      response.end();
    });
    const { worked, sent, failed } = await loadDuring({ url, rate: 100 }, async () => {
      await waitFor("ten requests", async () => asked >= 10);
      return "done";
    });
    assert.equal(worked, "done");
    assert.equal(failed, 0);
    assert.ok(sent >= 10);
    await assert.rejects(
      loadDuring({ url, rate: 100 }, async () => {
        await waitFor("more requests", async () => asked > sent);
        throw new Error("the work failed");
      }),
      /the work failed/,
    );
    const atEnd = asked;
    await new Promise((later) => setTimeout(later, 300));
    assert.equal(asked, atEnd, "nothing is sent after the work has failed");
  });

  for (const url of ["http://example.com", "http://10.0.0.1:80", "https://127.0.0.1"]) {
    it(`refuses ${url}`, () => {
      assert.throws(() => startLoad({ url, seconds: 1 }), {
        message: `load on ${url}: only http://127.0.0.1 is allowed`,
      });
    });
  }

  it("refuses more than its limits", () => {
    assert.throws(() => startLoad({ url: "http://127.0.0.1", rate: 5000, seconds: 1 }), /at most 1000/);
    assert.throws(() => startLoad({ url: "http://127.0.0.1", seconds: 10_000 }), /900 s are allowed/);
  });
});

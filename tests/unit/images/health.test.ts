import assert from "node:assert/strict";
import { createServer } from "node:http";
import { reasonInBody } from "../../../ops/checks";
import { type Check, HealthMonitor, reasonOf } from "../../../ops/health";
import { healthServer } from "../../../ops/server";

const fine: Check = async () => undefined;

function monitorOf(
  checks: Record<string, Check>,
  elapsed?: () => number,
  timeoutMs = 1000,
  now?: () => number,
): HealthMonitor {
  return new HealthMonitor({ checks, intervalMs: 10_000, timeoutMs, elapsed, now });
}

describe("the ops container's health monitor", () => {
  it("calls a component that was not checked yet unhealthy", () => {
    assert.deepEqual(monitorOf({ database: fine }).report(), {
      healthy: false,
      components: [{ name: "database", healthy: false, reason: "not checked yet" }],
    });
  });

  it("is healthy when every component is, in the order in which they are declared", async () => {
    const monitor = monitorOf(
      { database: fine, redis: fine },
      () => 7,
      1000,
      () => 1000,
    );
    await monitor.round();
    const checked = { healthy: true, reason: "ok", checkedAt: "1970-01-01T00:00:01.000Z", durationMs: 0 };
    assert.deepEqual(monitor.report(), {
      healthy: true,
      components: [
        { name: "database", ...checked },
        { name: "redis", ...checked },
      ],
    });
  });

  it("gives the reason of the one that fails and leaves the others alone", async () => {
    const monitor = monitorOf({
      database: async () => {
        throw new Error("password authentication failed\n for user ops");
      },
      redis: fine,
    });
    await monitor.round();
    const { healthy, components } = monitor.report();
    assert.equal(healthy, false);
    assert.deepEqual(
      components.map((component) => [component.name, component.healthy, component.reason]),
      [
        ["database", false, "password authentication failed for user ops"],
        ["redis", true, "ok"],
      ],
    );
  });

  it("counts a check that throws at once like one that rejects", async () => {
    const monitor = monitorOf({
      database: () => {
        throw new Error("no such secret");
      },
    });
    await monitor.round();
    assert.equal(monitor.report().components[0]?.reason, "no such secret");
  });

  it("does not wait for a check that never ends", async () => {
    const monitor = monitorOf({ backend: () => new Promise(() => undefined), redis: fine }, undefined, 30);
    await monitor.round();
    assert.deepEqual(
      monitor.report().components.map((component) => component.reason),
      ["no answer within 30 ms", "ok"],
    );
  });

  it("shows what the last round found, not what an earlier one did", async () => {
    let broken = true;
    const monitor = monitorOf({
      database: async () => {
        if (broken) {
          throw new Error("down");
        }
        return undefined;
      },
    });
    await monitor.round();
    assert.equal(monitor.report().healthy, false);
    broken = false;
    await monitor.round();
    assert.equal(monitor.report().healthy, true);
  });

  it("is alive while rounds end, whatever they find, and not when they stop", async () => {
    let time = 0;
    const monitor = monitorOf(
      {
        database: async () => {
          throw new Error("down");
        },
      },
      () => time,
    );
    assert.equal(monitor.alive(), true);
    time = 33_001;
    assert.equal(monitor.alive(), false);
    await monitor.round();
    assert.equal(monitor.alive(), true);
  });

  it("is alive when the machine's clock was set, forward or back", async () => {
    let clock = Date.parse("2026-05-01T00:00:00Z");
    const monitor = monitorOf({ database: fine }, undefined, 1000, () => clock);
    await monitor.round();
    for (const set of ["2027-05-01T00:00:00Z", "2020-01-01T00:00:00Z"]) {
      clock = Date.parse(set);
      assert.equal(monitor.alive(), true);
      await monitor.round();
      assert.equal(monitor.report().components[0]?.checkedAt, new Date(set).toISOString());
      assert.ok((monitor.report().components[0]?.durationMs ?? -1) >= 0);
    }
  });

  it("names every address that a connection was tried at", () => {
    assert.equal(
      reasonOf(
        new AggregateError([
          new Error("connect ECONNREFUSED ::1"),
          new Error("connect ECONNREFUSED 127.0.0.1"),
        ]),
      ),
      "connect ECONNREFUSED ::1; connect ECONNREFUSED 127.0.0.1",
    );
  });

  it("takes over the reason that an unhealthy application gives", () => {
    assert.equal(reasonInBody('{"reason":"database: no route"}'), "database: no route");
    for (const body of ["", "<html>", "null", '{"reason":5}', "[]"]) {
      assert.equal(reasonInBody(body), undefined, body);
    }
  });
});

describe("the ops container's health server", () => {
  async function get(
    checks: Record<string, Check>,
    path: string,
    method = "GET",
  ): Promise<[number, unknown]> {
    const monitor = monitorOf(checks);
    await monitor.round();
    const server = healthServer(monitor, async () => []);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert(address !== null && typeof address === "object");
    try {
      const answer = await fetch(`http://127.0.0.1:${address.port}${path}`, { method });
      return [answer.status, await answer.json()];
    } finally {
      server.close();
    }
  }
  const down: Check = async () => {
    throw new Error("down");
  };

  it("answers 503 with the report when a component is down, and is alive all the same", async () => {
    const [status, body] = await get({ redis: down }, "/health");
    assert.equal(status, 503);
    assert.equal((body as { components: { reason: string }[] }).components[0]?.reason, "down");
    assert.deepEqual(await get({ redis: down }, "/live"), [200, { alive: true }]);
  });

  it("answers 200 when all is well", async () => {
    assert.equal((await get({ redis: fine }, "/health?verbose"))[0], 200);
  });

  it("tells how the container's tasks ended", async () => {
    assert.deepEqual(await get({}, "/tasks"), [200, []]);
  });

  it("says where things are for any other path, and takes no other method", async () => {
    assert.deepEqual(await get({}, "/"), [404, { error: "GET /health, GET /live and GET /tasks are here" }]);
    assert.deepEqual(await get({}, "/health", "POST"), [405, { error: "only GET is allowed" }]);
  });
});

describe("the ops bundle", () => {
  it("needs nothing but node: every package is in it", async () => {
    const { mkdtemp, readFile, rm } = await import("node:fs/promises");
    const { tmpdir } = await import("node:os");
    const { join } = await import("node:path");
    const { builtinModules } = await import("node:module");
    const { bundleOps } = await import("../../../ops/build");
    const folder = await mkdtemp(join(tmpdir(), "fitnesscrm-bundle-"));
    try {
      await bundleOps(join(folder, "main.js"));
      const text = await readFile(join(folder, "main.js"), "utf8");
      const outside = [...text.matchAll(/\brequire\("([^"./][^"]*)"\)/g)]
        .map((match) => (match[1] ?? "").replace(/^node:/, ""))
        .filter((name) => !builtinModules.includes(name));
      // Asked for in case they are there: native bindings, Cloudflare's sockets, signatures for several regions at once.
      const optional = ["pg-native", "pg-cloudflare", "@aws-sdk/signature-v4-crt"];
      assert.deepEqual(
        [...new Set(outside)].filter((name) => !optional.includes(name)),
        [],
      );
      assert.equal(outside.includes("pg"), false);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});

describe("the check of an HTTP health route", () => {
  async function against(status: number, body: string): Promise<string> {
    const { httpCheck } = await import("../../../ops/checks");
    const server = createServer((_request, response) => {
      response.statusCode = status;
      response.end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const address = server.address();
    assert(address !== null && typeof address === "object");
    try {
      return await httpCheck(`http://127.0.0.1:${address.port}/api/health`, 1000)().then(
        () => "ok",
        (error: unknown) => reasonOf(error).replace(String(address.port), "PORT"),
      );
    } finally {
      server.close();
    }
  }

  it("passes on 2xx only, and says what was answered otherwise", async () => {
    assert.equal(await against(200, "{}"), "ok");
    assert.equal(
      await against(503, '{"reason":"database: gone"}'),
      "http://127.0.0.1:PORT/api/health answered 503: database: gone",
    );
    assert.equal(await against(302, ""), "http://127.0.0.1:PORT/api/health answered 302");
  });
});

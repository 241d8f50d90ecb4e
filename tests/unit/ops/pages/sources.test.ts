import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { openAlarms } from "../../../../ops/pages/openAlarms";
import { lastDrill } from "../../../../ops/pages/sources";

describe("what the pages are told by others", () => {
  let server: Server;
  let answer: { status: number; body: string };
  let url: string;
  before(async () => {
    server = createServer((request, response) => {
      response.writeHead(request.url === "/tasks" ? answer.status : 404);
      response.end(answer.body);
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => server.close());

  const record = {
    task: "restore-drill",
    scheduledFor: null,
    startedAt: "2026-12-01T09:30:00.000Z",
    endedAt: "2026-12-01T09:31:01.000Z",
    result: "ok",
    reason: "came back",
    by: "operator",
    details: null,
  };
  const told = (body: unknown, status = 200) => {
    answer = { status, body: typeof body === "string" ? body : JSON.stringify(body) };
    return lastDrill(url);
  };

  it("is the last drill, with its end and how long it took", async () => {
    assert.deepEqual(await told([{ name: "restore-drill", last: record }]), {
      endedAt: new Date("2026-12-01T09:31:01Z"),
      passed: true,
      milliseconds: 61_000,
    });
    const failed = await told([{ name: "restore-drill", last: { ...record, result: "interrupted" } }]);
    assert.equal(failed?.passed, false);
  });

  it("is none before the first one", async () => {
    assert.equal(await told([{ name: "restore-drill", last: null }]), null);
    assert.equal(await told([]), null);
  });

  it("is not taken from an answer that is none", async () => {
    await assert.rejects(told("<html>"));
    await assert.rejects(told({ error: "the disk is full" }, 500));
    await assert.rejects(told([{ name: "restore-drill", last: { endedAt: "soon" } }]));
  });

  it("is every page of the open alarms", async () => {
    const asked: unknown[] = [];
    const pages = ["first", "second"].map((name, index) => ({
      $metadata: {},
      MetricAlarms: [
        {
          AlarmName: `fitnesscrm-unit-${name}`,
          AlarmDescription: "P2 text",
          StateValue: "ALARM" as const,
          StateUpdatedTimestamp: new Date(index),
          Dimensions: [{ Name: "Stack", Value: "unit" }],
        },
      ],
      ...(index === 0 && { NextToken: "more" }),
    }));
    const describeAlarms = async (input: unknown) => {
      asked.push(input);
      return pages[asked.length - 1];
    };
    const found = await openAlarms({ describeAlarms } as Parameters<typeof openAlarms>[0], "unit");
    assert.deepEqual(
      found.map(({ title, severity }) => [title, severity]),
      [
        ["First", "P2"],
        ["Second", "P2"],
      ],
    );
    const first = {
      AlarmNamePrefix: "fitnesscrm-unit-",
      AlarmTypes: ["MetricAlarm"],
      StateValue: "ALARM",
      MaxRecords: 100,
    };
    assert.deepEqual(asked, [first, { ...first, NextToken: "more" }]);
  });
});

import assert from "node:assert/strict";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { archiveAnswer, fixed, type LogRequest, logRequest, type Segment } from "../../../../ops/logs/model";
import { answerLogs, type LogReader } from "../../../../ops/logs/read";

const db = (from: number, to: number): Segment => ({ service: "db", from, to });
const row = (at: number, line: string): string =>
  `${JSON.stringify({ time: fixed(at), task: "t", stream: "stdout", line })}\n`;

/** @param contents By the segment's beginning; cut into pieces within lines and characters. */
function reader(segments: Segment[], contents: Record<number, string>): LogReader {
  return {
    segments: async () => segments,
    content: async ({ from }) => {
      const whole = Buffer.from(contents[from] ?? "");
      const pieces = Array.from({ length: Math.ceil(whole.length / 7) }, (_, index) =>
        whole.subarray(7 * index, 7 * index + 7),
      );
      return Readable.from(pieces);
    },
  };
}

async function answered(request: LogRequest, from: LogReader): Promise<string[]> {
  const out = new PassThrough({ highWaterMark: 16 });
  const said = text(out);
  await answerLogs(request, from, out);
  out.end();
  return (await said)
    .trimEnd()
    .split("\n")
    .map((line) => {
      const answer = archiveAnswer.parse(JSON.parse(line));
      return "segments" in answer
        ? `segments ${answer.segments.map((one) => one.from).join(",")}`
        : "done" in answer
          ? `done ${answer.done}`
          : `${answer.service} ${answer.line}`;
    });
}

describe("archived logs for the launcher", () => {
  it("are what there is of the time, then each segment's lines and its end", async () => {
    const from = reader([db(10, 20), db(0, 10), db(20, 30)], {
      0: row(1, "before") + row(5, "größe 5"),
      10: row(12, "12") + row(15, "15"),
    });
    assert.deepEqual(await answered({ since: 5, until: 15 }, from), [
      "segments 0,10",
      "db größe 5",
      "done 0",
      "db 12",
      "done 1",
    ]);
  });

  it("match an expression where there is one", async () => {
    const from = reader([db(0, 10)], { 0: row(1, "ERROR x") + row(2, "fine") });
    assert.deepEqual(await answered({ since: 0, until: 9, grep: "^ERR" }, from), [
      "segments 0",
      "db ERROR x",
      "done 0",
    ]);
  });

  it("have no line twice where two segments overlap", async () => {
    const from = reader([db(0, 10), db(5, 20)], { 0: row(7, "first"), 5: row(7, "first") + row(12, "12") });
    assert.deepEqual(await answered({ since: 0, until: 99 }, from), [
      "segments 0,5",
      "db first",
      "done 0",
      "db 12",
      "done 1",
    ]);
  });

  it("fail where one is damaged or does not open, without what stands there", async () => {
    const damaged = reader([db(0, 10)], { 0: `${row(1, "x")}{"password": "planted"}\n` });
    await assert.rejects(
      answered({ since: 0, until: 9 }, damaged),
      /^Error: 1970\/01\/01\/db-\S+ in S3 has a line that is none of a log: it is damaged$/,
    );
    const broken: LogReader = {
      ...reader([db(0, 10)], {}),
      content: async () =>
        Readable.from(
          (async function* () {
            yield Buffer.from(row(1, "x"));
            throw new Error("age: the file is cut");
          })(),
        ),
    };
    await assert.rejects(answered({ since: 0, until: 9 }, broken), /age: the file is cut/);
  });

  it("are asked for in known words only", () => {
    assert.ok(logRequest.safeParse({ service: "db", since: 0, until: 1, grep: "x" }).success);
    for (const wrong of [
      { since: 0 },
      { since: -1, until: 1 },
      { service: "x", since: 0, until: 1 },
      { since: 0, until: 1, more: 1 },
    ]) {
      assert.equal(logRequest.safeParse(wrong).success, false, JSON.stringify(wrong));
    }
  });
});

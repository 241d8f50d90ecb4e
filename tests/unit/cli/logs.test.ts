import assert from "node:assert/strict";
import { askedRange, type LogsOptions, lineFilter, logArguments, moment } from "../../../cli/logs";

describe("./fitnesscrm logs", () => {
  const table: [options: LogsOptions, args: string][] = [
    [{}, "--raw --tail 100"],
    [{ tail: "5", follow: true }, "--raw --tail 5 --follow"],
    [{ since: "15m" }, "--raw --tail all --since 15m"],
    [{ since: "3d", tail: "7" }, "--raw --tail 7 --since 72h"],
    [{ since: "2026-11-26T10:00Z" }, "--raw --tail all --since 2026-11-26T10:00:00.000Z"],
    [{ since: "2026-11-26T10:00-05:00", grep: "x" }, "--raw --tail all --since 2026-11-26T15:00:00.000Z"],
    [{ grep: "x" }, "--raw --tail all"],
  ];
  for (const [options, args] of table) {
    it(`asks the engine for ${args}`, () => assert.equal(logArguments(options).join(" "), args));
  }

  const WRONG: [options: LogsOptions, error: RegExp][] = [
    [{ tail: "many" }, /--tail many: must be a number of lines, or all/],
    [{ since: "yesterday" }, /--since "yesterday": must be how long ago, such as 15m or 2d, or a moment/],
    [{ since: "2026-13-40" }, /--since "2026-13-40"/],
    [{ since: "--follow" }, /--since "--follow"/],
  ];
  for (const [options, error] of WRONG) {
    it(`refuses ${JSON.stringify(options)}`, () => assert.throws(() => logArguments(options), error));
  }

  it("shows lines that match, and all without an expression", () => {
    const lines = ["ERROR: x", "ok", "Traceback"];
    assert.deepEqual(lines.filter(lineFilter("ERROR|^Trace")), ["ERROR: x", "Traceback"]);
    assert.deepEqual(lines.filter(lineFilter(undefined)), lines);
    assert.throws(() => lineFilter("("), /--grep "\(": Invalid regular expression/);
  });

  const NOW = Date.parse("2026-11-26T10:00:00Z");
  const MOMENTS: [text: string, at: string][] = [
    ["90s", "2026-11-26T09:58:30.000Z"],
    ["15m", "2026-11-26T09:45:00.000Z"],
    ["2h", "2026-11-26T08:00:00.000Z"],
    ["30d", "2026-10-27T10:00:00.000Z"],
    ["999999d", "1970-01-01T00:00:00.000Z"],
    ["2026-11-01", "2026-11-01T00:00:00.000Z"],
    ["2026-11-01T01:30-04:00", "2026-11-01T05:30:00.000Z"],
  ];
  for (const [text, at] of MOMENTS) {
    it(`takes ${text} as ${at}`, () => assert.equal(moment("--until", text, NOW), Date.parse(at)));
  }

  it("asks the engine alone where no time is given, or what comes is waited for", () => {
    assert.equal(askedRange({ grep: "x", tail: "5" }, NOW), undefined);
    assert.equal(askedRange({ since: "2h", follow: true }, NOW), undefined);
  });

  it("asks for a time from its beginning to its end, which are the first line and now", () => {
    assert.deepEqual(askedRange({ since: "1h" }, NOW), { since: NOW - 3_600_000, until: NOW });
    assert.deepEqual(askedRange({ until: "1h" }, NOW), { since: 0, until: NOW - 3_600_000 });
  });

  it("refuses an end before the beginning, one that never comes, and what is no time", () => {
    assert.throws(() => askedRange({ since: "1h", until: "2h" }, NOW), /--until "2h": must be after --since/);
    assert.throws(() => askedRange({ until: "1h", follow: true }, NOW), /--until: .* --follow/);
    assert.throws(() => askedRange({ until: "soon" }, NOW), /--until "soon": must be how long ago/);
  });
});

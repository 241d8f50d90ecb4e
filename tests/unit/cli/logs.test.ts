import assert from "node:assert/strict";
import { type LogsOptions, lineFilter, logArguments } from "../../../cli/logs";

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
});

import assert from "node:assert/strict";
import { type HeldLog, isHeld } from "../../../../cli/logs/held";
import { fixed } from "../../../../ops/logs/model";

const SINCE = Date.parse("2026-11-26T10:00:00Z");
const made = (minutes: number, firstLine?: number): HeldLog => ({
  createdAt: new Date(SINCE + minutes * 60_000).toISOString(),
  firstLine: firstLine === undefined ? undefined : fixed(SINCE + firstLine * 60_000),
});

describe("whether the engine has all of a service's log", () => {
  const TABLE: [says: string, tasks: HeldLog[], held: boolean][] = [
    ["a task that ran before, with lines of before", [made(-60, -59)], true],
    ["one that was silent for ever", [made(-60)], true],
    ["one whose first line is of that very moment", [made(-60, 0)], true],
    ["one whose older lines were rotated away", [made(-60, 5)], false],
    ["one that was made later", [made(1, 1)], false],
    ["two, of which one was made later", [made(-60, -59), made(1, 1)], false],
    ["none", [], false],
  ];
  for (const [says, tasks, held] of TABLE) {
    it(`${says}: ${held ? "it has" : "the archive is asked"}`, () =>
      assert.equal(isHeld(tasks, SINCE), held));
  }
});

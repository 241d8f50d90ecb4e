import assert from "node:assert/strict";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { RecordFolder, type TaskRecord } from "../../../../ops/tasks/records";
import { TempFolders } from "../../../support/temp";

describe("run records", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  function record(more: Partial<TaskRecord> = {}): TaskRecord {
    return {
      task: "backup",
      scheduledFor: "2026-03-08T07:00:00.000Z",
      startedAt: "2026-03-08T07:00:01.000Z",
      endedAt: "2026-03-08T07:00:09.000Z",
      result: "ok",
      reason: "20260308T070001Z-0a1b, 12 MiB",
      by: "schedule",
      details: { bytes: 12 },
      ...more,
    };
  }

  it("are kept one a line, oldest first, in a folder that is made when it is missing", () => {
    const folder = join(folders.create(), "new", ".records");
    const records = new RecordFolder(folder);
    assert.deepEqual(records.read("backup"), []);
    const all = [record(), record({ result: "failed", scheduledFor: null, by: "operator", details: null })];
    for (const each of all) {
      records.append(each);
    }
    records.append(record({ task: "other" }));
    assert.deepEqual(new RecordFolder(folder).read("backup"), all);
    assert.equal(readFileSync(join(folder, "backup.jsonl"), "utf8").trimEnd().split("\n").length, 2);
  });

  it("survive a last line that was cut anywhere, and one that is no record", () => {
    fc.assert(
      fc.property(fc.nat(), fc.constantFrom("", "\n"), (cut, end) => {
        const folder = folders.create();
        const records = new RecordFolder(folder);
        records.append(record({ reason: "first" }));
        const line = JSON.stringify(record({ reason: "cut – né" }));
        const bytes = Buffer.from(line);
        appendFileSync(
          join(folder, "backup.jsonl"),
          Buffer.concat([bytes.subarray(0, cut % bytes.length), Buffer.from(end)]),
        );
        records.append(record({ reason: "last" }));
        assert.deepEqual(
          records.read("backup").map(({ reason }) => reason),
          ["first", "last"],
        );
      }),
      { numRuns: 60 },
    );
    const folder = folders.create({ "backup.jsonl": '{"task":"backup"}\nnull\n[]\n' });
    assert.deepEqual(new RecordFolder(folder).read("backup"), []);
  });

  it("know what was started, and when a task became known", () => {
    const folder = folders.create();
    const records = new RecordFolder(folder);
    assert.equal(records.running("backup"), undefined);
    assert.equal(records.since("backup"), undefined);
    const run = {
      task: "backup",
      scheduledFor: null,
      startedAt: "2026-03-08T07:00:01.000Z",
      by: "operator",
    } as const;
    records.setRunning(run);
    records.setSince("backup", new Date("2026-01-01T00:00:00Z"));
    assert.deepEqual(records.running("backup"), run);
    assert.deepEqual(records.since("backup"), new Date("2026-01-01T00:00:00Z"));
    records.clearRunning("backup");
    records.clearRunning("backup");
    assert.equal(records.running("backup"), undefined);
    assert.deepEqual(readdirSync(folder), ["backup.since.json"]);
  });

  it("take a note that cannot be read for none, and say so when the folder is no folder", () => {
    const folder = folders.create({ "backup.running.json": '{"task":"ba', "backup.since.json": "" });
    const records = new RecordFolder(folder);
    assert.equal(records.running("backup"), undefined);
    assert.equal(records.since("backup"), undefined);
    const file = join(folders.create(), "file");
    writeFileSync(file, "");
    assert.throws(() => new RecordFolder(file).append(record()), /EEXIST|ENOTDIR/);
    mkdirSync(join(folder, "odd.jsonl"));
    assert.throws(() => records.read("odd"), /EISDIR/);
  });
});

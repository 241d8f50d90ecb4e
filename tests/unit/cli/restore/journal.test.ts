import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DockerHost } from "../../../../cli/docker";
import { dockerEngine, pipeCommands, reasonOf } from "../../../../cli/restore/engine";
import { type Journal, journalFile, noteOf, parseNote } from "../../../../cli/restore/journal";
import { formatBytes, formatSummary } from "../../../../cli/restore/report";
import { TempFolders, withEnvironment, writeScript } from "../../../support/temp";

const ENTRY: Journal = {
  version: 1,
  kind: "restore",
  stack: "unit",
  live: "crm",
  target: "crm_restore_20250131100000",
  replaced: "crm_replaced_20250131100000",
  stamp: "20250131100000",
  backup: { id: "20250131T070000Z-1a2b", createdAt: "2025-01-31T07:00:00Z" },
  since: "2025-01-31T10:00:00Z",
  step: "stop",
  replicas: 2,
  uploads: { way: "kept", stamp: "20250130100000" },
  rows: [{ schema: "public", name: "t", rows: 1 }],
};

describe("journal of a restore", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("is read back as it was written, by its owner only, and is gone when removed", () => {
    const folder = join(folders.create(), "stack");
    const store = journalFile(folder);
    assert.equal(store.read(), undefined);
    store.write(ENTRY);
    store.write({ ...ENTRY, step: "swap" });
    assert.deepEqual(store.read(), { ...ENTRY, step: "swap" });
    assert.deepEqual(readdirSync(folder), ["restore.json"]);
    assert.equal(statSync(join(folder, "restore.json")).mode & 0o777, 0o600);
    store.remove();
    store.remove();
    assert.ok(!existsSync(join(folder, "restore.json")));
  });

  it("says where a damaged one lies and what to do", () => {
    for (const text of ["", "{", "{}", JSON.stringify({ ...ENTRY, target: 'x"; DROP' })]) {
      const folder = folders.create();
      const path = join(folder, "restore.json");
      writeFileSync(path, text);
      assert.throws(() => journalFile(folder).read(), {
        message:
          `${path}: is not the journal of a restore: move it away and run the command again, which reads what the ` +
          "database server knows of it",
      });
    }
  });

  it("travels in a database's comment, and takes no other comment for its own", () => {
    const note = parseNote(JSON.stringify(noteOf(ENTRY, "unfinished")));
    assert.deepEqual(note?.unfinished, { ...ENTRY, rows: null });
    assert.equal(parseNote(JSON.stringify(noteOf(ENTRY, "finished")))?.unfinished, null);
    for (const comment of [null, "", "production", "{}", "[1]", '{"fitnesscrm":"restore"}']) {
      assert.equal(parseNote(comment), undefined);
    }
  });
});

describe("commands of a restore", () => {
  const folders = new TempFolders();
  after(() => folders.remove());
  const pipe = (source: string, sink: string, input = "") =>
    pipeCommands("/bin/sh", ["-c", source], ["-c", sink], process.env, input);

  it("pipes one into the other and reports both ends", async () => {
    const fine = await pipe("cat; head -c 3000000 /dev/zero", "wc -c", "abc");
    assert.deepEqual([fine.source.code, fine.sink.code, fine.sink.stdout.trim()], [0, 0, "3000003"]);
    const source = await pipe("echo half; echo 'ops: it broke' >&2; exit 1", "cat >/dev/null");
    assert.deepEqual([source.source.code, source.sink.code, reasonOf(source.source)], [1, 0, "it broke"]);
  });

  it("ends the source when the sink has ended", async () => {
    const { source, sink } = await pipe(
      "cat /dev/zero",
      "head -c 10 >/dev/null; echo 'disk is full' >&2; exit 2",
    );
    assert.notEqual(source.code, 0);
    assert.deepEqual([sink.code, reasonOf(sink)], [2, "disk is full"]);
  });

  it("give their input to docker with the stack's host, and end at their limit", async () => {
    const bin = folders.create();
    writeScript(
      bin,
      "docker",
      '#!/bin/sh\n[ "$1" = wait ] && exec sleep 60\necho "$DOCKER_HOST $*: $(cat)"\n',
    );
    await withEnvironment({ PATH: `${bin}:${process.env.PATH}` }, async () => {
      const engine = dockerEngine(new DockerHost("ssh://crm"));
      assert.equal(
        (await engine.run(["exec", "x"], { input: "SELECT 1" })).stdout,
        "ssh://crm exec x: SELECT 1\n",
      );
      const late = await engine.run(["wait"], { timeoutSeconds: 0.2 });
      assert.deepEqual([late.code, reasonOf(late)], [124, "no answer in time"]);
    });
  });
});

describe("summary of a restore", () => {
  it("tells times, what was lost, what is kept, and the way back", () => {
    assert.equal(
      formatSummary({
        stack: "prod",
        kind: "restore",
        id: "20250131T070000Z-1a2b",
        createdAt: "2025-01-31T07:00:00.000Z",
        seconds: 12.34,
        stoppedSeconds: 3.21,
        steps: [{ name: "load and compare", seconds: 8 }],
        tables: [
          { table: "public.contacts", before: 12, after: 10 },
          { table: "public.kept", before: 7, after: 7 },
          { table: "public.notes", before: 3, after: null },
          { table: "public.tags", before: null, after: 1 },
          { table: "public.users", before: 1, after: 2 },
        ],
        replaced: "crm_replaced_20250131100000",
        uploads: "those of the backup",
      }),
      `Stack prod was restored to backup 20250131T070000Z-1a2b of 2025-01-31 07:00:00 UTC in 12.3 s; the application was stopped for 3.2 s.

  load and compare            8.0 s

  rows             before  after
  public.contacts      12     10  2 lost
  public.kept           7      7
  public.notes          3      -  gone
  public.tags           -      1  new
  public.users          1      2  1 more

Uploads: those of the backup.
The replaced database is kept as crm_replaced_20250131100000.

  Back to it:   ./fitnesscrm restore --undo --stack prod
  Drop it:      ./fitnesscrm restore --confirm --stack prod`,
    );
  });

  it("shows sizes in the unit that fits", () => {
    assert.deepEqual([0, 1, 1023, 1024, 1536 * 1024, 5 * 1024 ** 4].map(formatBytes), [
      "0 B",
      "1 B",
      "1023 B",
      "1.0 KiB",
      "1.5 MiB",
      "5.0 TiB",
    ]);
  });
});

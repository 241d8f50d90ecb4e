import assert from "node:assert/strict";
import type { LocalBackup, Status } from "../../../../ops/backup/folder";
import { mergeBackups, remoteBackups } from "../../../../ops/backup/list";
import { formatManifest, type Manifest } from "../../../../ops/backup/manifest";
import type { BackupStore, StoredObject } from "../../../../ops/backup/s3";

const SHA = "ab".repeat(32);

function manifest(day: number): Manifest {
  const two = String(day).padStart(2, "0");
  return {
    format: 1,
    id: `202603${two}T070000Z-0a1b`,
    createdAt: `2026-03-${two}T07:00:00.000Z`,
    finishedAt: `2026-03-${two}T07:00:09.000Z`,
    label: day === 2 ? "before-1.2.0" : null,
    release: "sha256:1",
    stack: "local",
    serverVersion: "17.6",
    serverVersionNum: 170006,
    database: { name: "fitnesscrm", bytes: 8_000_000 },
    tables: [],
    uploads: { files: 0, bytes: 0, sha256: SHA },
    files: [
      { name: "database.tar.age", bytes: 10, sha256: SHA },
      { name: "uploads.tar.zst.age", bytes: 5, sha256: "cd".repeat(32) },
    ],
  };
}
const local = (day: number, status: Status): LocalBackup => ({
  manifest: manifest(day),
  text: formatManifest(manifest(day)),
  status,
  folder: `/backups/${manifest(day).id}`,
});

/** A bucket in memory: everything that the list asks for. */
function bucket(objects: Record<string, string>, asked: string[] = []): BackupStore {
  const stored = (key: string): StoredObject => ({
    key,
    bytes: objects[key]?.length ?? 0,
    modifiedAt: new Date("2026-03-05T00:00:00Z"),
  });
  const unused = () => Promise.reject(new Error("the list does not need this"));
  return {
    list: async () => Object.keys(objects).map(stored),
    getText: async (key) => {
      asked.push(key);
      return objects[key];
    },
    head: unused,
    getToFile: unused,
    readThrough: unused,
    put: unused,
    putText: unused,
    close: () => undefined,
  };
}

describe("the list of backups", () => {
  it("has the newest first, with where each one is", () => {
    const both = mergeBackups(
      [
        local(1, { s3: true, verifiedAt: "2026-03-01T07:01:00.000Z" }),
        local(3, { s3: false, verifiedAt: null }),
      ],
      new Map([
        [manifest(1).id, { manifest: manifest(1), verifiedAt: null }],
        [manifest(2).id, { manifest: manifest(2), verifiedAt: "2026-03-02T08:00:00.000Z" }],
      ]),
    );
    assert.deepEqual(
      both.map(({ id, local, s3, verifiedAt }) => [id.slice(6, 8), local, s3, verifiedAt]),
      [
        ["03", true, false, null],
        ["02", false, true, "2026-03-02T08:00:00.000Z"],
        ["01", true, true, "2026-03-01T07:01:00.000Z"],
      ],
    );
    assert.deepEqual(both[1], {
      id: manifest(2).id,
      createdAt: manifest(2).createdAt,
      bytes: 15,
      sha256: SHA,
      label: "before-1.2.0",
      release: "sha256:1",
      local: false,
      s3: true,
      verifiedAt: "2026-03-02T08:00:00.000Z",
    });
  });

  it("does not call a backup verified whose copy is gone from S3", () => {
    const [entry] = mergeBackups([local(1, { s3: true, verifiedAt: "2026-03-01T07:01:00.000Z" })], new Map());
    assert.deepEqual([entry?.s3, entry?.verifiedAt], [false, null]);
  });

  it("goes by what is remembered when S3 cannot be asked", () => {
    const [entry] = mergeBackups([local(1, { s3: true, verifiedAt: "2026-03-01T07:01:00.000Z" })], undefined);
    assert.deepEqual([entry?.s3, entry?.verifiedAt], [true, "2026-03-01T07:01:00.000Z"]);
  });
});

describe("the backups in the bucket", () => {
  it("are those whose manifest is there, and only unknown manifests are fetched", async () => {
    const asked: string[] = [];
    const [one, two, three] = [manifest(1), manifest(2), manifest(3)];
    const store = bucket(
      {
        [`${one.id}/manifest.json`]: formatManifest(one),
        [`${one.id}/verified.json`]: "{}",
        [`${two.id}/manifest.json`]: formatManifest(two),
        [`${three.id}/database.tar.age`]: "an upload that was cut",
        "elsewhere/manifest.json": formatManifest(three),
      },
      asked,
    );
    const found = await remoteBackups(store, new Map([[one.id, one]]), () => undefined);
    assert.deepEqual([...found.keys()].sort(), [one.id, two.id]);
    assert.equal(found.get(one.id)?.verifiedAt, "2026-03-05T00:00:00.000Z");
    assert.equal(found.get(two.id)?.verifiedAt, null);
    assert.deepEqual(asked, [`${two.id}/manifest.json`]);
  });

  it("leave out, and log, a manifest that is damaged or that of another backup", async () => {
    const [one, two] = [manifest(1), manifest(2)];
    const lines: string[] = [];
    const found = await remoteBackups(
      bucket({
        [`${one.id}/manifest.json`]: formatManifest(two),
        [`${two.id}/manifest.json`]: formatManifest(two).slice(0, 90),
      }),
      new Map(),
      (line) => lines.push(line),
    );
    assert.equal(found.size, 0);
    assert.equal(lines.length, 2);
    assert.match(lines.join("\n"), /the manifest is that of/);
    assert.match(lines.join("\n"), /cut or damaged/);
  });
});

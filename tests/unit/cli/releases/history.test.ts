import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import * as zlib from "node:zlib";
import type { StackContext } from "../../../../cli/context";
import { Pulumi } from "../../../../cli/pulumi";
import { parseBucketUrl } from "../../../../cli/releases/bucketStore";
import { DiyHistory } from "../../../../cli/releases/diyHistory";
import { folderStore } from "../../../../cli/releases/folderStore";
import { openHistory } from "../../../../cli/releases/history";
import { TempFolders, withEnvironment, writeFiles, writeScript } from "../../../support/temp";
import { RECORDED, RecordedStore } from "./recorded";

describe("the history of a state on one's own backend", () => {
  it("numbers updates in order of time and says what became of them", async () => {
    const updates = await new DiyHistory(new RecordedStore(), "recorded").updates();
    assert.deepEqual(
      updates.map(({ version, kind, result }) => [version, kind, result]),
      [
        [1, "update", "succeeded"],
        [2, "update", "succeeded"],
        [3, "update", "failed"],
        [4, "update", "succeeded"],
        [5, "refresh", "succeeded"],
        [6, "update", "failed"],
        [7, "update", "succeeded"],
      ],
    );
    const [first] = updates;
    const seconds = RECORDED[0]?.history;
    assert.equal(Date.parse(first?.startedAt ?? ""), (seconds?.startTime ?? 0) * 1000);
    assert.equal(Date.parse(first?.endedAt ?? ""), (seconds?.endTime ?? 0) * 1000);
    assert.deepEqual(updates[1]?.changes, { same: 11 });
  });

  it("reads no checkpoint for that, and one for the state of an update", async () => {
    const store = new RecordedStore();
    const history = new DiyHistory(store, "recorded");
    await history.updates();
    assert.ok(store.reads.every((key) => key.includes(".history.")));
    store.reads.length = 0;
    const state = await history.state(4);
    assert.deepEqual(store.reads, [store.key(4, "checkpoint")]);
    assert.ok(state?.resources?.some(({ urn }) => urn.endsWith("::gate-before")));
  });

  it("is the same where Pulumi compresses it", async () => {
    const [plain, zipped] = [new RecordedStore(), new RecordedStore(true)].map(
      (store) => new DiyHistory(store, "recorded"),
    );
    assert.deepEqual(await zipped?.updates(), await plain?.updates());
    assert.deepEqual(await zipped?.state(7), await plain?.state(7));
  });

  it("is read with zstd where Node.js has it, and says so where it does not", async () => {
    const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer };
    const store = new RecordedStore();
    const key = store.key(7, "history");
    const plain = store.files.get(key) ?? Buffer.from("");
    store.files.delete(key);
    store.files.set(`${key}.zst`, zstdCompressSync?.(plain) ?? Buffer.from("of an older Node.js"));
    const updates = new DiyHistory(store, "recorded").updates();
    if (zstdCompressSync !== undefined) {
      assert.equal((await updates).at(-1)?.result, "succeeded");
      return;
    }
    await assert.rejects(updates, {
      message:
        `history of stack recorded: ${key}.zst is compressed by zstd, which Node.js reads from 22.15 on: run this with such ` +
        `a one, not with ${process.version}`,
    });
  });

  it("keeps every number when one update's files are damaged or gone", async () => {
    const store = new RecordedStore();
    store.files.set(store.key(3, "history"), Buffer.from('{"kind":"upd'));
    store.files.delete(store.key(4, "checkpoint"));
    store.files.set(store.key(7, "checkpoint"), Buffer.from('{"version":3,"checkp'));
    const history = new DiyHistory(store, "recorded");
    const updates = await history.updates();
    assert.deepEqual(updates.map(({ version, kind }) => `${version} ${kind}`).slice(1, 4), [
      "2 update",
      "3 unknown",
      "4 update",
    ]);
    assert.equal(await history.state(4), undefined);
    assert.equal(await history.state(7), undefined);
    assert.equal(await history.state(8), undefined);
    assert.notEqual(await history.state(1), undefined);
  });

  it("does not take another stack's files for its own", async () => {
    const store = new RecordedStore();
    store.files.set(
      ".pulumi/history/fitnesscrm/recorded/recorded-more-1.history.json",
      Buffer.from("never read"),
    );
    assert.equal((await new DiyHistory(store, "recorded").updates()).length, 7);
  });

  it("is empty for a stack that was never updated", async () => {
    const folder = new TempFolders();
    try {
      const history = new DiyHistory(folderStore(`file://${folder.create()}`), "recorded");
      assert.deepEqual(await history.updates(), []);
    } finally {
      folder.remove();
    }
  });
});

describe("the history of a stack", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  const contextOf = (home: string, kind: StackContext["kind"] = "remote"): StackContext => {
    const folder = join(home, "stacks/recorded");
    mkdirSync(folder, { recursive: true });
    return { stack: "recorded", home, kind, folder, configFile: join(folder, "Pulumi.recorded.yaml") };
  };

  it("is read from the launcher's own folder for a local one", async () => {
    const home = folders.create();
    const store = new RecordedStore();
    writeFiles(
      join(home, "state"),
      Object.fromEntries([...store.files].map(([key, bytes]) => [key, bytes.toString()])),
    );
    const history = await openHistory(new Pulumi(contextOf(home, "local")));
    assert.equal((await history.updates()).length, 7);
    assert.notEqual(await history.state(1), undefined);
  });

  it("is asked of Pulumi Cloud page by page, and its states by their number", async () => {
    const home = folders.create();
    const calls = join(home, "calls");
    // 100 updates fill a page, so that a second one is asked for.
    writeScript(
      join(home, "bin"),
      "pulumi",
      `#!/bin/sh
echo "$*" >>${calls}
update() { printf '{"version":%s,"kind":"update","startTime":"2026-11-25T10:00:00.000Z","endTime":"2026-11-25T10:01:00.000Z","result":"succeeded","resourceChanges":{"same":3}}' "$1"; }
case "$*" in
  *"--page 1") printf '['; i=101; while [ $i -gt 2 ]; do update $i; printf ','; i=$((i - 1)); done; update 2; printf ']' ;;
  *"--page 2") printf '['; update 1; printf ']' ;;
  *"--version 7 "*) echo '{"version":3,"deployment":{"resources":[{"urn":"x","type":"y"}]}}' ;;
  *) echo "error: no such version" >&2; exit 255 ;;
esac
`,
    );
    await withEnvironment({ PULUMI_BACKEND_URL: "https://api.pulumi.com" }, async () => {
      const history = await openHistory(new Pulumi(contextOf(home)));
      const updates = await history.updates();
      assert.deepEqual(
        updates.map(({ version }) => version),
        Array.from({ length: 101 }, (_, index) => index + 1),
      );
      assert.deepEqual(updates[0], {
        version: 1,
        kind: "update",
        result: "succeeded",
        startedAt: "2026-11-25T10:00:00.000Z",
        endedAt: "2026-11-25T10:01:00.000Z",
        changes: { same: 3 },
      });
      assert.deepEqual(await history.state(7), { resources: [{ urn: "x", type: "y" }] });
      assert.equal(await history.state(8), undefined);
    });
  });

  it("names the kinds of backend that can be read, without what a URL may hold of secrets", async () => {
    const home = folders.create();
    await withEnvironment({ PULUMI_BACKEND_URL: "gs://user:planted@states?token=planted" }, () =>
      assert.rejects(openHistory(new Pulumi(contextOf(home))), {
        message:
          "history of stack recorded: its state is at gs://states: it can be read from a folder (file://), an S3 bucket " +
          "(s3://) and Pulumi Cloud (https://)",
      }),
    );
  });
});

describe("a backend's bucket", () => {
  it("is found by the parameters that Pulumi takes", () => {
    assert.deepEqual(parseBucketUrl("s3://states?region=eu-west-1"), {
      bucket: "states",
      prefix: "",
      client: { region: "eu-west-1" },
    });
    assert.deepEqual(
      parseBucketUrl(
        "s3://states/crm/prod?region=us-east-1&endpoint=http%3A%2F%2F127.0.0.1%3A4566&use_path_style=true",
      ),
      {
        bucket: "states",
        prefix: "crm/prod/",
        client: { region: "us-east-1", endpoint: "http://127.0.0.1:4566", forcePathStyle: true },
      },
    );
    assert.deepEqual(
      parseBucketUrl(
        "s3://states?profile=ops&endpoint=minio.local:9000&disableSSL=true&s3ForcePathStyle=true",
      ).client,
      { profile: "ops", endpoint: "http://minio.local:9000", forcePathStyle: true },
    );
  });
});

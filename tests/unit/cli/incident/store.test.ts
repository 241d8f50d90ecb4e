import assert from "node:assert/strict";
import { existsSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DockerHost } from "../../../../cli/docker";
import { UserError } from "../../../../cli/errors";
import { IncidentStore } from "../../../../cli/incident/store";
import type { runInOps } from "../../../../cli/ops";
import type { IncidentEvent } from "../../../../ops/incidents/event";
import { TempFolders } from "../../../support/temp";

const event = (id: string, incident = "20261126t101500z-0001"): IncidentEvent => ({
  incident,
  id,
  at: "2026-11-26T10:15:00.000Z",
  by: "ada@workstation",
  kind: "note",
  step: "detection",
  text: "'; rm -rf / #",
});

/** Ops with a bucket that is a map, and that can be away. */
class Bucket {
  readonly events = new Map<string, IncidentEvent>();
  readonly commandLines: string[] = [];
  isAway = false;

  readonly ask: typeof runInOps = async (_docker, stack, service, args, options = {}) => {
    this.commandLines.push([stack, service, ...args].join(" "));
    if (this.isAway) {
      throw new UserError("service ops of stack unit does not run");
    }
    if (args[1] === "put") {
      const put = JSON.parse(options.input ?? "") as IncidentEvent;
      this.events.set(put.id, put);
      return { id: put.id };
    }
    return [...this.events.values()].filter(({ incident }) => args[2] === undefined || incident === args[2]);
  };
}

describe("events of incidents, kept while everything else is away", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  function stage(): { store: IncidentStore; bucket: Bucket; outbox: string } {
    const folder = folders.create({});
    const bucket = new Bucket();
    const context = { stack: "unit", home: folder, kind: "local" as const, configFile: "", folder };
    const store = new IncidentStore({ docker: new DockerHost(""), context }, bucket.ask);
    return { store, bucket, outbox: join(folder, "incidents") };
  }

  it("go to the bucket, and leave nothing behind; texts never stand in a command line", async () => {
    const { store, bucket, outbox } = stage();
    assert.equal(await store.add(event("20261126t101500z-000a")), undefined);
    assert.deepEqual([...bucket.events.keys()], ["20261126t101500z-000a"]);
    assert.deepEqual(readdirSync(outbox), []);
    assert.deepEqual(bucket.commandLines, ["unit ops incidents put"]);
  });

  it("wait on this machine, for its user alone, when ops is away, are read meanwhile, and go with the next one", async () => {
    const { store, bucket, outbox } = stage();
    bucket.isAway = true;
    const first = event("20261126t101500z-000a");
    assert.match((await store.add(first)) ?? "", /ops of stack unit does not run/);
    assert.equal(statSync(outbox).mode & 0o777, 0o700);
    assert.deepEqual(await store.read(), {
      events: [first],
      missing: "service ops of stack unit does not run",
    });
    bucket.isAway = false;
    const second = event("20261126t101600z-000b");
    assert.equal(await store.add(second), undefined);
    assert.deepEqual([...bucket.events.values()], [first, second]);
    assert.deepEqual(await store.read(), { events: [first, second] });
    assert.deepEqual(readdirSync(outbox), []);
  });

  it("are read of one incident alone where it is named", async () => {
    const { store, bucket } = stage();
    bucket.isAway = true;
    await store.add(event("20261126t101500z-000a"));
    const other = event("20261126t101500z-000b", "20261126t101500z-0002");
    await store.add(other);
    assert.deepEqual((await store.read(other.incident)).events, [other]);
  });

  it("that somebody has damaged on this machine are named, and not lost", async () => {
    const { store, bucket, outbox } = stage();
    bucket.isAway = true;
    await store.add(event("20261126t101500z-000a"));
    const file = join(outbox, "20261126t101500z-000a.json");
    writeFileSync(file, "{");
    await assert.rejects(store.send(), /000a\.json is no event of an incident: move it away/);
    assert.ok(existsSync(file));
  });
});

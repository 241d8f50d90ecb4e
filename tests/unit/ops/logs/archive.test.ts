import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import fc from "fast-check";
import { type LogArchiveParts, logArchiveWork, SETTLE_MS } from "../../../../ops/logs/archive";
import { GoneError, type LoggedTask } from "../../../../ops/logs/engine";
import { fixed, keyOf, type LogLine, segmentOf } from "../../../../ops/logs/model";
import { SERVICES } from "../../../../serviceNames";
import { TempFolders } from "../../../support/temp";

const T0 = Date.parse("2026-11-26T05:20:00Z");
const DAY = 86_400_000;

/** An engine, a bucket and a clock, all of them obedient. */
class World {
  now = T0;
  readonly tasks = new Map<string, LoggedTask[]>();
  readonly logs = new Map<string, LogLine[]>();
  readonly objects = new Map<string, string>();
  readonly asked: string[] = [];
  /** What goes wrong next; each once. */
  faults: ("lines" | "put" | "after put" | "read")[] = [];
  readonly #folders = new TempFolders();
  readonly scratch = join(this.#folders.create(), "logs");

  write(service: string, at: number, line: string, task = `${service}1`): void {
    const tasks = this.tasks.get(service) ?? [];
    if (!tasks.some(({ id }) => id === task)) tasks.push({ id: task, active: true });
    this.tasks.set(service, tasks);
    const lines = this.logs.get(task) ?? [];
    lines.push({ time: fixed(at), task, stream: "stdout", line });
    this.logs.set(task, lines);
  }

  #fails(fault: World["faults"][number]): boolean {
    if (this.faults[0] !== fault) return false;
    this.faults.shift();
    return true;
  }

  parts(): LogArchiveParts {
    const sumOf = (content: string) => ({
      bytes: Buffer.byteLength(content),
      sha256: createHash("sha256").update(content).digest("hex"),
    });
    const world = this;
    return {
      stack: "unit",
      pauseMs: 0,
      scratch: this.scratch,
      source: {
        now: async () => new Date(this.now),
        tasks: async (service) => {
          this.asked.push(service);
          return this.tasks.get(service.replace(/^fitnesscrm-unit-/, "")) ?? [];
        },
        async *lines(task, since) {
          if (world.#fails("lines")) throw new Error("the engine was silent for 20 s");
          const lines = world.logs.get(task);
          if (lines === undefined) throw new GoneError("the engine answered 404");
          // The engine's own choice is coarser than ours.
          yield* lines.filter(({ time }) => time >= fixed(Math.max(0, since - 1000)));
        },
      },
      pack: async (lines, file) => {
        const content = await text(lines);
        await writeFile(file, content, { flag: "wx" });
        return sumOf(content);
      },
      bucket: {
        keys: async () => [...this.objects.keys(), "something/else"],
        put: async (key, file) => {
          if (this.#fails("put")) throw new Error("S3 is away");
          this.objects.set(key, await readFile(file, "utf8"));
          if (this.#fails("after put")) throw new Error("killed");
        },
        read: async (key) => {
          const found = sumOf(this.objects.get(key) ?? "");
          return this.#fails("read") ? { ...found, sha256: "0" } : found;
        },
      },
    };
  }

  async run(signal = new AbortController().signal): Promise<{ reason: string; details?: object }> {
    return logArchiveWork(this.parts())({ signal, log: () => undefined });
  }

  /** Lines in the bucket by service, in the order of their objects. */
  archived(service: string): string[] {
    return [...this.objects.keys()]
      .filter((key) => segmentOf(key)?.service === service)
      .sort()
      .flatMap((key) => (this.objects.get(key) ?? "").split("\n").filter((line) => line !== ""))
      .map((line) => (JSON.parse(line) as LogLine).line);
  }

  remove(): void {
    this.#folders.remove();
  }
}

describe("the daily archive of logs (M55)", () => {
  let world: World;
  beforeEach(() => {
    world = new World();
  });
  afterEach(() => world.remove());

  it("has what every service wrote, one object each, and none for one that wrote nothing", async () => {
    world.write("backend", T0 - DAY, "one");
    world.write("backend", T0 - DAY + 1, "two", "backend2");
    world.write("db", T0 - 60_000, "three");
    const { reason, details } = await world.run();
    assert.match(reason, /^3 lines of 2 services, 0 KiB in S3$/);
    assert.deepEqual(details, {
      services: 2,
      lines: 3,
      bytes: [...world.objects.values()].join("").length,
      gone: 0,
      until: new Date(T0 - SETTLE_MS).toISOString(),
    });
    assert.deepEqual(
      [...world.objects.keys()].sort(),
      (["backend", "db"] as const).map((service) => keyOf({ service, from: 0, to: T0 - SETTLE_MS })),
    );
    assert.deepEqual(world.archived("backend"), ["one", "two"]);
    assert.deepEqual(world.asked.sort(), SERVICES.map((service) => `fitnesscrm-unit-${service}`).sort());
    assert.equal(existsSync(world.scratch), false);
  });

  it("leaves the last seconds to the next run, and takes each line once", async () => {
    world.write("db", T0 - SETTLE_MS - 1, "before");
    world.write("db", T0 - SETTLE_MS, "at the seam");
    world.write("db", T0 - 1, "after");
    await world.run();
    assert.deepEqual(world.archived("db"), ["before"]);
    world.now += DAY;
    await world.run();
    assert.deepEqual(world.archived("db"), ["before", "at the seam", "after"]);
    assert.match((await world.run()).reason, /^0 lines of 0 services/);
  });

  it("fails while a clock that was set back has not come to where the archive ends, and archives nothing twice", async () => {
    world.write("db", T0 - DAY, "x");
    await world.run();
    world.now -= 3_600_000;
    world.asked.length = 0;
    world.write("db", world.now - 60_000, "in the hour that comes twice");
    await assert.rejects(
      world.run(),
      /^Error: 1 of 9 logs are not archived \(db: archived until \S+, which is still to come: the machine's clock was ahead then/,
    );
    assert.ok(!world.asked.includes("fitnesscrm-unit-db"));
    assert.deepEqual(world.archived("db"), ["x"]);
  });

  it("reads a log again that failed, and sends nothing of the half one", async () => {
    world.write("db", T0 - DAY, "x");
    world.faults = ["lines", "lines"];
    await world.run();
    assert.deepEqual(world.archived("db"), ["x"]);
  });

  it("archives the other services, fails with the name of one that cannot be read, and makes up for it", async () => {
    world.write("db", T0 - DAY, "x");
    world.write("redis", T0 - DAY, "y");
    world.faults = ["lines", "lines", "lines"];
    await assert.rejects(
      world.run(),
      /^Error: 1 of 9 logs are not archived \(db: the log of task db1: the engine was silent for 20 s\); 1 lines of 1 services/,
    );
    assert.deepEqual([world.archived("db"), world.archived("redis")], [[], ["y"]]);
    world.now += DAY;
    await world.run();
    assert.deepEqual(world.archived("db"), ["x"]);
  });

  it("does without the log of an ended task that the engine has no more, and says so; never without a running one's", async () => {
    world.write("db", T0 - DAY, "x", "new");
    world.tasks.set("db", [
      { id: "old", active: false },
      { id: "new", active: true },
    ]);
    assert.match((await world.run()).reason, /^1 lines .*; of 1 ended tasks the engine has no log any more$/);
    world.now += DAY;
    world.write("db", world.now - 60_000, "y", "new");
    world.faults = ["lines", "lines", "lines"];
    world.tasks.set("db", [{ id: "new", active: true }]);
    await assert.rejects(world.run(), /db: the log of task new/);
  });

  it("fails where S3 is away, or gives back something else", async () => {
    world.write("db", T0 - DAY, "x");
    world.faults = ["put"];
    await assert.rejects(world.run(), /db: S3 is away/);
    assert.equal(world.objects.size, 0);
    world.faults = ["read", "read", "read"];
    await assert.rejects(world.run(), /db: 2026\/11\/26\/db-\S+ came back from S3/);
  });

  it("writes over what came back from S3 as something else", async () => {
    world.write("db", T0 - DAY, "x");
    world.faults = ["read"];
    await world.run();
    assert.deepEqual(world.archived("db"), ["x"]);
  });

  it("ends when it is told to, and leaves no file", async () => {
    world.write("db", T0 - DAY, "x");
    const stop = new AbortController();
    const parts = world.parts();
    const work = logArchiveWork({
      ...parts,
      pack: async (lines, file, signal) => {
        const sum = await parts.pack(lines, file, signal);
        assert.deepEqual(await readdir(world.scratch), ["db-1"]);
        stop.abort(new Error("the container stops"));
        signal.throwIfAborted();
        return sum;
      },
    });
    await assert.rejects(work({ signal: stop.signal, log: () => undefined }), /^Error: the container stops$/);
    assert.equal(existsSync(world.scratch), false);
    assert.equal(world.objects.size, 0);
  });

  it("has every line once, whenever runs come and wherever they break", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 0, max: 10 * DAY }), { maxLength: 60 }),
        fc.array(
          fc.record({
            at: fc.integer({ min: 0, max: 10 * DAY }),
            fault: fc.constantFrom(undefined, "lines", "put", "after put", "read"),
          }),
          { maxLength: 8 },
        ),
        async (written, runs) => {
          const one = new World();
          try {
            const moments = [...written].sort((a, b) => a - b);
            const all = [...runs.sort((a, b) => a.at - b.at), { at: 11 * DAY, fault: undefined }];
            for (const { at, fault } of all) {
              while (moments[0] !== undefined && moments[0] <= at) {
                const moment = moments.shift() ?? 0;
                one.write("db", T0 + moment, String(moment));
              }
              one.now = T0 + at;
              one.faults = fault === undefined ? [] : [fault];
              await one.run().catch(() => undefined);
            }
            assert.deepEqual(one.archived("db"), [...written].sort((a, b) => a - b).map(String));
          } finally {
            one.remove();
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

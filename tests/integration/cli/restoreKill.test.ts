import assert from "node:assert/strict";
import { UserError } from "../../../cli/errors";
import { parseNote } from "../../../cli/restore/journal";
import type { Request } from "../../../cli/restore/plan";
import { restore } from "../../../cli/restore/restore";
import { TempFolders } from "../../support/temp";
import { contents, Killed, liveDatabase, NOW, World } from "../../unit/cli/restore/world";

const LATEST: Request = { what: "restore", choice: { latest: true }, from: "any", dryRun: false };
const DRY_RUN: Request = { ...LATEST, dryRun: true };
const UNDO: Request = { what: "undo" };
const SETTLE: Request = { what: "settle" };

interface Case {
  name: string;
  request: Request;
  /** Content of the live database before and after. */
  before: "old" | "new";
  after: "old" | "new";
  prepare(world: World): Promise<unknown>;
}

const CASES: Case[] = [
  { name: "a restore", request: LATEST, before: "old", after: "new", prepare: async () => {} },
  { name: "a dry run", request: DRY_RUN, before: "old", after: "old", prepare: async () => {} },
  {
    name: "an undo",
    request: UNDO,
    before: "new",
    after: "old",
    prepare: (world) => restore(world.tools(), LATEST),
  },
];

describe("a restore that ends in the middle", () => {
  const folders = new TempFolders();
  afterEach(() => folders.remove());

  for (const { name, request, before, after, prepare } of CASES) {
    async function prepared(): Promise<World> {
      const world = new World(folders.create());
      await prepare(world);
      world.log.length = 0;
      world.moments = 0;
      world.calls = 0;
      return world;
    }

    /** Kills the process after `moments`; false when it has ended before. */
    async function killed(world: World, moments: number): Promise<boolean> {
      world.killAfter = moments;
      try {
        await restore(world.tools(), request);
        return false;
      } catch (error) {
        assert.ok(error instanceof Killed, `${error}`);
        return true;
      } finally {
        world.revive();
      }
    }

    it(`leaves ${name} to the next run, wherever it was killed`, async function () {
      this.timeout(300_000);
      const ends = new Set<string>();
      let moments = 0;
      for (; ; moments++) {
        const world = await prepared();
        if (!(await killed(world, moments))) {
          assert.equal(content(world), after);
          break;
        }
        await restore(world.tools(), SETTLE).catch((error: unknown) => {
          // Nothing was begun, or all was done.
          assert.match(String(error), /say what to restore/, `after ${moments} moments`);
        });
        ends.add(content(world));
        assertConsistent(world, request, before, `after ${moments} moments`);
      }
      assert.deepEqual([...ends].sort(), [...new Set([before, after])].sort());
      assert.ok(moments > 25, `${moments} moments`);
    });

    it(`puts ${name} right from another machine, by the databases' comments`, async function () {
      this.timeout(300_000);
      for (let moments = 0; ; moments++) {
        const world = await prepared();
        if (!(await killed(world, moments))) {
          break;
        }
        world.stored = undefined;
        world.now = new Date(NOW.getTime() + 25 * 3_600_000);
        const started = world.replicas;
        await restore(world.tools(), SETTLE).catch((error: unknown) => {
          assert.match(String(error), /say what to restore/);
        });
        const where = `after ${moments} moments`;
        assert.equal(world.replicas, 2, `${where}, ${started} before`);
        assert.equal(world.server.databases.get("fitnesscrm")?.allowConnections, true, where);
        assert.deepEqual(world.uploads(), uploadsOf(content(world)), where);
      }
    });

    it(`leaves nothing to the next run when one command of ${name} fails`, async function () {
      this.timeout(300_000);
      for (let calls = 0; ; calls++) {
        const world = await prepared();
        world.failAfter = calls;
        const outcome = await restore(world.tools(), request).catch((error: unknown) => error);
        if (world.failed === undefined) {
          break;
        }
        assertConsistent(world, request, before, `where it failed: ${world.failed}`);
        if (outcome instanceof Error) {
          assert.ok(outcome instanceof UserError, `${outcome.stack}`);
          assert.doesNotMatch(outcome.message, /\n/);
        }
      }
    });
  }

  it("says in one line what it has put right, and goes on with what was asked", async () => {
    const world = new World(folders.create());
    world.stored = undefined;
    world.killAfter = 40;
    await assert.rejects(restore(world.tools(), LATEST), Killed);
    const step = world.stored as { step: string } | undefined;
    world.revive();
    world.now = new Date(NOW.getTime() + 60_000);
    await restore(world.tools(), LATEST);
    assert.ok(step !== undefined);
    assert.equal(world.said.length, 1);
    assert.match(
      world.said[0] ?? "",
      /^restore: the restore to 20250131T070000Z-1a2b that was ended (before|after) the swap was /,
    );
    assert.equal(content(world), "new");
  });

  it("asks for another look before it undoes or drops anything after a killed one", async () => {
    for (const what of ["undo", "confirm"] as const) {
      const world = new World(folders.create());
      world.killAfter = 40;
      await assert.rejects(restore(world.tools(), LATEST), Killed);
      world.revive();
      await assert.rejects(restore(world.tools(), { what }), {
        message: `restore --${what}: a restore that had not ended was put right first: look at the stack, then run this again`,
      });
      assert.deepEqual(world.questions.length, 1);
    }
  });

  it("does not touch what another machine has begun a moment ago", async () => {
    const world = new World(folders.create());
    let moments = 0;
    do {
      world.killAfter = ++moments + world.moments;
      await restore(world.tools(), LATEST).catch(() => undefined);
      world.revive();
    } while (world.replicas !== 0);
    world.stored = undefined;
    await assert.rejects(restore(world.tools(), SETTLE), {
      message:
        "stack unit is being restored from another machine since 2025-01-31T10:00:00.000Z: wait for it to end; 15 minutes " +
        "after that time this command takes it for ended and puts right what it left",
    });
    assert.equal(world.replicas, 0);
  });

  it("calls off a swap that reaches the server after the restore was reversed", async () => {
    const world = new World(folders.create());
    let late: string | undefined;
    const psql = world.server.psql.bind(world.server);
    world.server.psql = (database, sql) => {
      if (sql.includes("RENAME TO")) {
        late = sql;
        return { code: 1, stdout: "", stderr: "the connection was lost" };
      }
      return psql(database, sql);
    };
    await assert.rejects(
      restore(world.tools(), LATEST),
      /the connection was lost: the restore to .* was reversed/,
    );
    assert.ok(late !== undefined);
    assert.match(psql("postgres", late).stderr, /the swap was called off/);
    assertConsistent(world, LATEST, "old", "after the late swap");
    assert.equal(content(world), "old");
  });
});

function content(world: World): string {
  return world.server.databases.get("fitnesscrm")?.content ?? "missing";
}

function uploadsOf(state: string): Record<string, string> {
  return state === "old"
    ? { "photo.jpg": "old photo", "-rf": "old dash", ".hidden": "old hidden", "sub/deep.txt": "uploads deep" }
    : { "photo.jpg": "new photo", "only new.txt": "new file", "sub/deep.txt": "backup deep" };
}

function assertConsistent(world: World, request: Request, before: string, where: string): void {
  const { content: state, rows: _, ...outside } = world.server.databases.get("fitnesscrm") ?? liveDatabase();
  const { content: __, rows: ___, ...wanted } = liveDatabase();
  assert.deepEqual(outside, wanted, where);
  assert.deepEqual(world.uploads(), uploadsOf(state), where);
  assert.equal(world.replicas, 2, where);
  assert.equal(world.stored, undefined, where);
  const others = [...world.server.databases].filter(([name]) => name !== "fitnesscrm" && name !== "postgres");
  const replaced = request.what === "undo" || state !== before ? 1 : 0;
  assert.equal(others.length, replaced, `${where}: ${others.map(([name]) => name)}`);
  assert.equal(world.ours().length, replaced, `${where}: ${world.ours()}`);
  for (const [name, { comment, connectionLimit, content: kept }] of others) {
    const note = parseNote(comment);
    assert.equal(note?.unfinished, null, where);
    assert.equal(name, `fitnesscrm_replaced_${note?.stamp}`, where);
    assert.deepEqual(world.ours(), [`.replaced-${note?.stamp}`], where);
    assert.equal(connectionLimit, 0, where);
    assert.notEqual(kept, state, where);
    assert.deepEqual(contents(`${world.volume}/.replaced-${note?.stamp}`), uploadsOf(kept), where);
  }
}

import assert from "node:assert/strict";
import type { WindowOverview } from "../../cli/window";
import { sql } from "./support/docker";
import { mustOnStack } from "./support/launcher";
import { ensureStack } from "./support/stack";

const STEPS = [
  "backup",
  "health",
  "images",
  "vacuum",
  "indexes",
  "archive",
  "certificates",
  "verification",
  "notices",
];

async function overview(): Promise<WindowOverview> {
  return JSON.parse((await mustOnStack("window", "--json")).stdout) as WindowOverview;
}

describe("the maintenance window of a stack", function () {
  this.timeout(300_000);

  before(() => ensureStack());

  it("is known to the stack, with the time at which users are told", async () => {
    const { next } = await overview();
    assert.equal(next.length, 3);
    for (const { notice, from, to } of next) {
      assert.equal(Date.parse(from) - Date.parse(notice), 48 * 3_600_000);
      assert.equal(Date.parse(to) - Date.parse(from), 2 * 3_600_000);
    }
    const tasks = (await mustOnStack("tasks")).stdout;
    assert.match(tasks, /^maintenance-window +ops/m);
    assert.match(tasks, /^maintenance-notice +ops/m);
  });

  it("can be rehearsed: every step passes or has nothing to do, and the database is vacuumed by a role that owns nothing", async () => {
    const vacuums = async (): Promise<number> =>
      Number(await sql("select coalesce(sum(vacuum_count), 0) from pg_stat_user_tables"));
    const before = await vacuums();
    const { stdout, stderr } = await mustOnStack("window", "run");
    assert.match(stdout, /^maintenance-window: ok after .*: 6 steps passed, 3 had nothing to do$/m);
    assert.match(stderr, /vacuum: begins/, "progress is shown");

    const { last } = await overview();
    assert.equal(last?.state, "done");
    assert.equal(last?.rehearsal, true);
    assert.deepEqual(
      last?.steps.map(({ name }) => name),
      STEPS,
    );
    const results = Object.fromEntries(last?.steps.map(({ name, result }) => [name, result]) ?? []);
    for (const name of STEPS) {
      const isIdle = ["archive", "certificates", "notices"].includes(name);
      assert.equal(results[name], isIdle ? "skipped" : "passed", name);
    }
    assert.ok((await vacuums()) > before);
    const backups = JSON.parse((await mustOnStack("backups", "--json")).stdout) as {
      label: string | null;
      verifiedAt: string | null;
    }[];
    assert.equal(backups[0]?.label, "maintenance window");
    assert.notEqual(backups[0]?.verifiedAt, null);
  });
});

/**
 * `npm run bench:window`: how long a maintenance window takes, by step, on a database of about 1 GB, and what ops holds of memory idle
 * and at work. A rehearsal takes the same steps as a window. There is something to do in each: old rows are archived, and indexes are
 * mostly empty.
 *
 * Brings up a stack of its own and removes it. Takes about ten minutes, and 5 GB of disk.
 */
import { setTimeout as sleep } from "node:timers/promises";
import Docker from "dockerode";
import { run } from "../../cli/exec";
import type { WindowOverview } from "../../cli/window";
import { BenchStack } from "./deployStack";

const MIB = 1024 ** 2;
const SAMPLE_MS = 500;
const IDLE_SECONDS = 20;
/** Some 1 GB; a twelfth of the log is older than the rule allows, and of the clients one in three is left. */
const FILL = `
  INSERT INTO activity_log (action, email, ip_address, details, created_at)
    SELECT (ARRAY['login', 'view', 'update', 'create'])[1 + n % 4], 'client' || n % 50000 || '@example.com',
      '10.0.0.0'::inet + n % 60000, jsonb_build_object('path', '/api/clients/' || n, 'agent', md5(n::text), 'ms', n % 900),
      now() - (n % 400) * interval '1 day'
    FROM generate_series(1, 4000000) n;
  INSERT INTO clients (name, email, notes)
    SELECT md5(n::text), 'client' || n || '@example.com', repeat(md5(n::text), 4) FROM generate_series(1, 300000) n;
  DELETE FROM clients WHERE id % 3 > 0;`;
const RULE = 'maintenance.archive=[{"table":"activity_log","olderThanDays":365}]';

interface Stats {
  memory_stats: { stats?: Record<string, number> };
}

async function containerOf(stack: BenchStack, service: string): Promise<string> {
  const filters = [`label=fitnesscrm.stack=${stack.name}`, `label=fitnesscrm.service=${service}`];
  const args = filters.flatMap((filter) => ["--filter", filter]);
  return (await run("docker", ["container", "ls", "--quiet", ...args])).stdout.trim();
}

/** Bytes that processes hold, the page cache not counted. */
async function memoryOf(container: string): Promise<number> {
  const found = (await new Docker()
    .getContainer(container)
    .stats({ stream: false, "one-shot": true })) as Stats;
  const held = found.memory_stats.stats ?? {};
  return held.total_rss ?? held.rss ?? held.anon ?? 0;
}

/** The most of all samples taken while `work` goes on. */
async function peak(container: string, work: Promise<unknown>): Promise<number> {
  let most = 0;
  let isOver = false;
  const ending = work.finally(() => {
    isOver = true;
  });
  // Waited for below, perhaps after it has failed.
  ending.catch(() => undefined);
  while (!isOver) {
    most = Math.max(most, await memoryOf(container));
    await sleep(SAMPLE_MS);
  }
  await ending;
  return most;
}

async function sql(stack: BenchStack, text: string): Promise<string> {
  const db = await containerOf(stack, "db");
  const args = ["exec", "--user=postgres", db, "psql", "-XAtq", "-v", "ON_ERROR_STOP=1"];
  const { code, stdout, stderr } = await run("docker", [...args, "-c", text, "fitnesscrm"], {
    timeoutSeconds: 1800,
  });
  if (code !== 0) {
    throw new Error(`the database was not filled: ${stderr}`);
  }
  return stdout.trim();
}

async function measure(stack: BenchStack): Promise<void> {
  const ops = await containerOf(stack, "ops");
  const idle = await peak(ops, sleep(IDLE_SECONDS * 1000));
  await sql(stack, FILL);
  const bytes = Number(await sql(stack, "SELECT pg_database_size(current_database())"));
  console.log(`database: ${(bytes / MIB).toFixed(0)} MiB`);
  const atWork = await peak(ops, stack.run("window", "run"));
  const { last } = JSON.parse(await stack.run("window", "--json")) as WindowOverview;
  for (const { name, startedAt, endedAt, result, detail } of last?.steps ?? []) {
    const seconds = (Date.parse(endedAt ?? startedAt) - Date.parse(startedAt)) / 1000;
    console.log(`${name.padEnd(14)}${seconds.toFixed(1).padStart(8)} s  ${result}: ${detail}`);
  }
  console.log(
    `ops: ${(idle / MIB).toFixed(0)} MiB idle, ${(atWork / MIB).toFixed(0)} MiB at most in the window`,
  );
}

async function main(): Promise<void> {
  const stack = await BenchStack.start(RULE);
  try {
    await measure(stack);
  } finally {
    await stack.remove();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
});

/**
 * `npm run bench:backup`: the manual's backup and restore (`pg_dump --clean --if-exists | gzip`, `gunzip | psql`) beside ours, on
 * the same data in the same run, at a quarter and at the full size, which is about 1.4 GB. Needs the emulator's image and some
 * 10 GB of disk; `--scale 0.1` makes both smaller.
 *
 * Ours includes checksums, encryption, the upload to S3 and reading the copy back; its restore comes from S3 and compares every
 * table. The floor is `pg_dump -Fc -Z0` to /dev/null. Processor seconds are those of the database, the tools and, shown apart,
 * the emulator, which stands on this machine and would not with S3. Memory is the peak of what the tools' processes hold.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import Docker from "dockerode";
import type { BackupResult } from "../../ops/backup/backup";
import type { Loaded } from "../../ops/restore/load";
import { Stage } from "../integration/backup/stage";
import { exec, tryDocker } from "../integration/images/sandbox";

const SIZES = [0.25, 1];
const SAMPLE_MS = 200;
/** Backup at least this much faster than the manual's, restore that much (issue: 4 and 3). */
const TARGETS = { backup: 4, restore: 3 };

interface Measurement {
  readonly seconds: number;
  /** Processor seconds of database and tools together. */
  readonly processor: number;
  readonly emulator: number;
  /** Bytes held by the tools' processes at their peak, page cache not counted. */
  readonly memory: number;
}

const engine = new Docker();

interface Stats {
  cpu_stats: { cpu_usage: { total_usage: number } };
  memory_stats: { stats?: Record<string, number> };
}

async function stats(container: string): Promise<{ processor: number; memory: number }> {
  // One sample: the engine would otherwise wait a second for another to compare it with.
  const found = (await engine.getContainer(container).stats({ stream: false, "one-shot": true })) as Stats;
  const held = found.memory_stats.stats ?? {};
  return {
    processor: found.cpu_stats.cpu_usage.total_usage / 1e9,
    memory: held.total_rss ?? held.rss ?? held.anon ?? 0,
  };
}

async function measure(stage: Stage, work: () => Promise<unknown>): Promise<Measurement> {
  const before = await Promise.all([stage.database, stage.ops, stage.emulator].map(stats));
  let memory = 0;
  let sampling = true;
  const sampler = (async () => {
    while (sampling) {
      memory = Math.max(memory, (await stats(stage.ops)).memory - (before[1]?.memory ?? 0));
      await new Promise((next) => setTimeout(next, SAMPLE_MS));
    }
  })();
  const started = performance.now();
  try {
    await work();
  } finally {
    sampling = false;
  }
  const seconds = (performance.now() - started) / 1000;
  await sampler;
  const after = await Promise.all([stage.database, stage.ops, stage.emulator].map(stats));
  const spent = after.map((each, at) => each.processor - (before[at]?.processor ?? 0));
  return { seconds, processor: (spent[0] ?? 0) + (spent[1] ?? 0), emulator: spent[2] ?? 0, memory };
}

async function shell(container: string, script: string): Promise<string> {
  const { code, stdout, stderr } = await tryDocker(
    ["exec", container, "bash", "-c", `set -euo pipefail; url=$(cat /run/secrets/superuser_url); ${script}`],
    3_600_000,
  );
  if (code !== 0) throw new Error(`${script} ended with ${code}: ${stderr.trim()}`);
  return stdout.trim();
}

function line(name: string, { seconds, processor, emulator, memory }: Measurement, size?: number): void {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(0)} MB`.padStart(8);
  console.log(
    `  ${name.padEnd(34)} ${seconds.toFixed(1).padStart(6)} s  ${processor.toFixed(1).padStart(6)} s CPU` +
      `  ${emulator.toFixed(1).padStart(5)} s emulator  ${mb(memory)} memory${size === undefined ? "" : `  ${mb(size)}`}`,
  );
}

async function bench(scale: number): Promise<boolean> {
  const schema = readFileSync(join(__dirname, "backup.sql"), "utf8").replaceAll(":scale", String(scale));
  const stage = new Stage({
    schema,
    direct: true,
    server: { shared_buffers: "256MB", max_wal_size: "2GB", maintenance_work_mem: "128MB" },
  });
  try {
    await stage.open();
    const size = Number(await stage.script("SELECT pg_database_size(current_database())"));
    console.log(`\nDatabase of ${(size / 1e6).toFixed(0)} MB`);
    await stage.script("VACUUM ANALYZE; CHECKPOINT");

    const floor = await measure(stage, () => shell(stage.ops, 'pg_dump -Fc -Z0 "$url" > /dev/null'));
    line("floor: pg_dump -Fc -Z0 > /dev/null", floor);

    const manual = await measure(stage, () =>
      shell(stage.ops, 'pg_dump --clean --if-exists "$url" | gzip > /backups/manual.sql.gz'),
    );
    const manualSize = Number(await exec(stage.ops, "stat", "-c", "%s", "/backups/manual.sql.gz"));
    line("manual: pg_dump | gzip", manual, manualSize);

    let made: BackupResult | undefined;
    const ours = await measure(stage, async () => {
      made = await stage.ask<BackupResult>(stage.ops, "run", "60000");
    });
    if (made === undefined) throw new Error("no backup was made");
    line("ours, to S3 and read back", ours, made.details.bytes);
    const { id } = made.details;
    const local = await shell(
      stage.ops,
      `node -e 'const m = JSON.parse(require("fs").readFileSync("/backups/${id}/manifest.json")); console.log((Date.parse(m.finishedAt) - Date.parse(m.createdAt)) / 1000)'`,
    );
    console.log(`    of which until it is complete on this machine, encrypted and checksummed: ${local} s`);

    await stage.script("DROP DATABASE fitnesscrm WITH (FORCE)", "postgres");
    await stage.script("CREATE DATABASE fitnesscrm TEMPLATE template0; CHECKPOINT", "postgres");
    const manualRestore = await measure(stage, () =>
      shell(
        stage.ops,
        'gunzip --stdout /backups/manual.sql.gz | psql --quiet -v ON_ERROR_STOP=1 "$url" > /dev/null',
      ),
    );
    line("manual: gunzip | psql", manualRestore);

    await stage.script("CHECKPOINT", "postgres");
    let loaded: Loaded | undefined;
    const restore = await measure(stage, async () => {
      loaded = await stage.ask<Loaded>(stage.ops, "load", id, "fitnesscrm_restore_bench");
    });
    line("ours, from S3 and compared", restore);
    console.log(`    ${JSON.stringify(loaded?.timings)}`);

    const faster = {
      backup: manual.seconds / ours.seconds,
      restore: manualRestore.seconds / restore.seconds,
    };
    const smaller = made.details.bytes / manualSize;
    console.log(
      `  backup ${faster.backup.toFixed(1)} times faster (target ${TARGETS.backup}), size ${smaller.toFixed(2)} of the manual's; restore ${faster.restore.toFixed(1)} times faster (target ${TARGETS.restore})`,
    );
    return faster.backup >= TARGETS.backup && smaller <= 1;
  } finally {
    await stage.close();
  }
}

async function main(): Promise<void> {
  const at = process.argv.indexOf("--scale");
  const scale = at === -1 ? 1 : Number(process.argv[at + 1]);
  if (!(scale > 0)) throw new Error("--scale is a number above 0");
  let reached = true;
  for (const size of SIZES) reached = await bench(size * scale);
  // Smaller than it is meant to be, the targets say nothing.
  if (scale >= 1 && !reached) process.exitCode = 1;
}

main().catch((error: unknown) => {
  console.error(`bench:backup: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
});

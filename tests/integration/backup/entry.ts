/**
 * What the suite runs inside the ops image: the backup as a task would start it, and a restore that checks every promise of the
 * manifest. Results are JSON on stdout, progress goes to stderr, a failure ends with `ops: REASON`.
 */
import { mkdir, readFile, rm } from "node:fs/promises";
import { pipeline } from "node:stream/promises";
import { setTimeout } from "node:timers/promises";
import { Client } from "pg";
import { listBackups, runBackup } from "../../../ops/backup/backup";
import { decrypt } from "../../../ops/backup/crypt";
import { compareTables, parseManifest } from "../../../ops/backup/manifest";
import { compareObjects, countObjects, readSequences } from "../../../ops/backup/objects";
import { start } from "../../../ops/backup/process";
import type { Waits } from "../../../ops/backup/s3";
import { readSettings } from "../../../ops/backup/settings";
import { countTables } from "../../../ops/backup/tables";
import { listingOfTar } from "../../../ops/backup/uploads";
import { load } from "../../../ops/restore/load";
import { restorePlaces } from "../../../ops/restore/source";

const IDENTITY = "/run/secrets/backup_identity";
const log = (line: string) => void process.stderr.write(`${line}\n`);

async function differences(database: string, id: string): Promise<string[]> {
  const url = new URL(await readFile("/run/secrets/superuser_url", "utf8"));
  url.pathname = `/${database}`;
  const client = new Client({ connectionString: url.href });
  await client.connect();
  try {
    await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    const manifest = parseManifest(await readFile(`/backups/${id}/manifest.json`, "utf8"));
    const tables = compareTables(manifest.tables, await countTables(client));
    const objects = { ...(await countObjects(client)), sequences: await readSequences(client) };
    return [...tables, ...compareObjects(manifest, objects)];
  } finally {
    await client.end();
  }
}

/** Restores a backup from its local folder into an empty database. */
async function restore(id: string, database: string): Promise<void> {
  const work = `/backups/.restored-${id}`;
  const url = new URL(await readFile("/run/secrets/superuser_url", "utf8"));
  await mkdir(work, { recursive: true });
  try {
    // It would otherwise leave at the archive's mark of its end, before the pipe's.
    const tar = start("tar", ["-x", "--ignore-zeros", "-f", "-", "-C", work], {
      stdio: ["pipe", "ignore", "pipe"],
    });
    if (tar.process.stdin === null) throw new Error("tar has no input");
    await pipeline(decrypt(IDENTITY, `/backups/${id}/database.tar.age`), tar.process.stdin);
    await tar.done;
    const env = { ...process.env, PGPASSWORD: url.password };
    const args = ["-h", url.hostname, "-U", "postgres", "-d", database, "-j2", "--exit-on-error", work];
    await start("pg_restore", args, { env }).done;
  } finally {
    await rm(work, { recursive: true });
  }
}

async function listing(id: string): Promise<unknown> {
  const zstd = start("zstd", ["-d", "-c"], { stdio: ["pipe", "pipe", "pipe"] });
  const { stdin, stdout } = zstd.process;
  if (stdin === null || stdout === null) throw new Error("zstd has no pipes");
  const fed = pipeline(decrypt(IDENTITY, `/backups/${id}/uploads.tar.zst.age`), stdin);
  const [found] = await Promise.all([listingOfTar(stdout), fed, zstd.done]);
  return found;
}

async function main(command: string, ...args: string[]): Promise<unknown> {
  const settings = await readSettings("/fitnesscrm/backup.json");
  switch (command) {
    case "run": {
      const [patienceMs, label, lockWaitMs, speed] = args;
      const controller = new AbortController();
      process.once("SIGTERM", () => controller.abort(new Error("the run was ended")));
      return runBackup(
        settings,
        { signal: controller.signal, log, label: label || undefined },
        {
          patienceMs: Number(patienceMs ?? 30_000),
          ...(lockWaitMs !== undefined && { lockWaitMs: Number(lockWaitMs) }),
          ...(speed !== undefined && { waits: faster(Number(speed)) }),
        },
      );
    }
    case "list":
      return listBackups(settings, { log });
    case "restore":
      return restore(args[0] ?? "", args[1] ?? "");
    case "differences":
      return differences(args[1] ?? "", args[0] ?? "");
    case "load": {
      const { hostname, port, password } = new URL(await readFile("/run/secrets/superuser_url", "utf8"));
      const [id, target = ""] = args;
      return load(
        settings,
        { id, from: "s3", target, host: hostname, port: Number(port), password },
        { signal: new AbortController().signal, log },
        restorePlaces(),
      );
    }
    case "listing":
      return listing(args[0] ?? "");
    case "decrypt": {
      const bytes: Buffer[] = [];
      for await (const part of decrypt(args[0] ?? "", args[1] ?? "")) bytes.push(part as Buffer);
      return Buffer.concat(bytes).length;
    }
    case "relay":
      return relay();
    default:
      throw new Error(`${command} is no command`);
  }
}

/** A clock on which `speed` seconds pass in one. */
function faster(speed: number): Waits {
  return {
    now: () => performance.now() * speed,
    pause: (milliseconds, signal) => setTimeout(milliseconds / speed, undefined, { signal }),
  };
}

/**
 * A way to S3 that the suite can break: /tmp/relay holds `open`, `closed`, `cut N`, once, after N more bytes, `sever N`, which
 * leaves it closed, or `hold N`: after
 * N more bytes nothing passes while it is `held`.
 */
async function relay(): Promise<never> {
  const { createServer, connect } = await import("node:net");
  const { readFileSync, writeFileSync, existsSync } = await import("node:fs");
  const mode = () => (existsSync("/tmp/relay") ? readFileSync("/tmp/relay", "utf8").trim() : "open");
  let passed = 0;
  createServer((client) => {
    if (mode() === "closed") {
      client.destroy();
      return;
    }
    const server = connect(4566, "emulator");
    const end = () => {
      client.destroy();
      server.destroy();
    };
    client.on("data", (chunk: Buffer) => {
      const [kind, limit] = mode().split(" ");
      passed = kind === "cut" || kind === "sever" || kind === "hold" ? passed + chunk.length : 0;
      if (kind === "closed") end();
      if (kind === "hold" && passed > Number(limit)) writeFileSync("/tmp/relay", "held");
      if (mode() === "held") {
        client.unpipe(server).pause();
        const timer = setInterval(() => {
          if (mode() === "held") return;
          clearInterval(timer);
          if (!client.destroyed) client.pipe(server);
        }, 50);
      }
      if ((kind === "cut" || kind === "sever") && passed > Number(limit)) {
        writeFileSync("/tmp/relay", kind === "cut" ? "open" : "closed");
        log("relay: cut");
        end();
      }
    });
    for (const socket of [client, server]) socket.on("error", end).on("close", end);
    client.pipe(server).pipe(client);
  }).listen(4566, () => log("relay: listening"));
  return new Promise(() => undefined);
}

const [command = "", ...args] = process.argv.slice(2);
main(command, ...args).then(
  (result) => process.stdout.write(`${JSON.stringify(result ?? null)}\n`),
  (error: unknown) => {
    process.stderr.write(`ops: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  },
);

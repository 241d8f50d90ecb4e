import { rm } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { escapeIdentifier } from "pg";
import { FILES, fileOf, type Manifest } from "../backup/manifest";
import { start } from "../backup/process";
import type { BackupSettings } from "../backup/settings";
import { withLock } from "../lock";
import type { TaskContext } from "../tasks/runner";
import { recover } from "./recovery";
import { rolesIn } from "./roles";
import { checkRoom, onDisk, removeLeftovers, withFolder } from "./scratch";
import { type RestorePlaces, type Source, withSource } from "./source";
import { connectTo, type ServerAddress, TargetDatabase, withClient } from "./target";
import { timer } from "./timer";
import { unpackDump } from "./unpack";
import { compareUploads } from "./uploads";
import { refuseNewerBackup } from "./version";

export interface DrillResult {
  readonly id: string;
  readonly ok: true;
  /** ISO time of the data. */
  readonly createdAt: string;
  readonly tables: number;
  readonly rows: number;
  readonly seconds: number;
  readonly timings: Record<string, number>;
}

const FOLDER = ".drill-";

/**
 * Restores the newest backup in S3 into a temporary server in this container, compares every table and upload with the manifest,
 * and takes the time (M14, M45). Nothing is left of it, nor of one that was killed.
 *
 * @throws Error of one line: the reason why this backup would not have come back.
 */
export async function drill(
  settings: BackupSettings,
  context: Pick<TaskContext, "signal" | "log">,
  places: RestorePlaces,
): Promise<DrillResult> {
  return withLock(
    join(places.scratch, `${FOLDER}lock`),
    async (lost) => {
      const own = { ...context, signal: AbortSignal.any([context.signal, lost]) };
      await removeLeftovers(places.scratch, FOLDER, context.log);
      return withSource(settings, { from: "s3" }, places, own, (source) =>
        withFolder(places.scratch, FOLDER, (folder) =>
          onDisk(places.scratch, () => rehearse(source, folder, places, own)),
        ),
      );
    },
    { what: "a restore drill" },
  );
}

async function rehearse(
  source: Source,
  folder: string,
  places: RestorePlaces,
  context: Pick<TaskContext, "signal" | "log">,
): Promise<DrillResult> {
  const { signal, log } = context;
  const identity = join(places.secrets, "backup_identity");
  const time = timer(["fetch", "decrypt", "server", "restore", "compare", "uploads"], log);
  const { manifest } = source;
  const bytes = (name: string) => fileOf(manifest, name).bytes;
  const needed = 2 * bytes(FILES.database) + bytes(FILES.uploads) + 2 * manifest.database.bytes;
  await checkRoom(places.scratch, needed);

  const file = await time("fetch", `fetching backup ${manifest.id} from S3`, () =>
    source.fetch(FILES.database, folder),
  );
  const dump = join(folder, "dump");
  await time("decrypt", "opening it", () => unpackDump(identity, file, dump, signal));
  await rm(file);
  const server = await time("server", "starting a temporary server", () => startServer(folder, signal, log));
  try {
    const address: ServerAddress = { host: server.socket, port: 5432, user: "postgres" };
    const target = new TargetDatabase(address, "drill", signal);
    await time("restore", "restoring into it", async () => {
      await prepare(address, manifest, await rolesOf(dump, signal));
      await target.create("postgres");
      await target.restore(dump);
    });
    await time("compare", "comparing every table", () => target.compare(manifest));
  } finally {
    await server.stop();
  }
  await time("uploads", "comparing every upload", async () =>
    compareUploads(manifest, identity, await source.fetch(FILES.uploads, folder), signal),
  );
  return {
    id: manifest.id,
    ok: true,
    createdAt: manifest.createdAt,
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
    seconds: time.total(),
    timings: time.timings,
  };
}

/** Restoring is all that this server does, and nothing of it outlives the drill. */
const TUNING: Readonly<Record<string, string>> = {
  wal_level: "minimal",
  max_wal_senders: "0",
  synchronous_commit: "off",
  maintenance_work_mem: "128MB",
  checkpoint_timeout: "1h",
  max_connections: "20",
};

async function startServer(folder: string, signal: AbortSignal, log: (line: string) => void) {
  await start(
    "initdb",
    [
      `--pgdata=${join(folder, "data")}`,
      "--username=postgres",
      "--encoding=UTF8",
      // As the stack's server: what sorts in another order is not the same database.
      ...["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C.UTF-8"],
      ...["--auth=trust", "--no-sync", "--no-instructions"],
      ...Object.entries(TUNING).map(([name, value]) => `--set=${name}=${value}`),
    ],
    { signal, stdio: ["ignore", "ignore", "pipe"] },
  ).done;
  return recover(folder, { signal, log, onEnd: () => undefined });
}

async function rolesOf(dump: string, signal: AbortSignal): Promise<string[]> {
  const schema = start("pg_restore", ["--schema-only", "--file=-", dump], { signal });
  if (schema.process.stdout === null) throw new Error("pg_restore has no output");
  const [sql] = await Promise.all([text(schema.process.stdout), schema.done]);
  return rolesIn(sql);
}

/** The roles that a stack's server has; without a login, since nobody comes. */
async function prepare(server: ServerAddress, manifest: Manifest, roles: readonly string[]): Promise<void> {
  await withClient(connectTo(server, "postgres"), async (client) => {
    const { rows } = await client.query<{ number: string; text: string }>(
      "SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS text",
    );
    refuseNewerBackup(manifest, { text: rows[0]?.text ?? "", number: Number(rows[0]?.number) });
    for (const role of roles) {
      if (role !== "postgres") await client.query(`CREATE ROLE ${escapeIdentifier(role)} NOLOGIN`);
    }
  });
}

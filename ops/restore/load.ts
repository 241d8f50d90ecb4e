import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { FILES, fileOf, type Manifest } from "../backup/manifest";
import type { BackupSettings } from "../backup/settings";
import { reasonOf } from "../health";
import { withLock } from "../lock";
import type { TaskContext } from "../tasks/runner";
import { checkRoom, onDisk, removeLeftovers, withFolder } from "./scratch";
import { type From, type RestorePlaces, type Source, withSource } from "./source";
import {
  connectTo,
  dropUnfinished,
  type ServerAddress,
  TargetDatabase,
  targetPrefix,
  withClient,
} from "./target";
import { timer } from "./timer";
import { unpackDump } from "./unpack";
import { refuseNewerBackup } from "./version";

export interface LoadRequest {
  /** The newest one when left out. */
  readonly id?: string;
  readonly from: From;
  /** Database that is created; the live one is not touched. */
  readonly target: string;
  readonly host: string;
  readonly port: number;
  /** The superuser's, whose role is postgres. */
  readonly password: string;
}

export interface Loaded {
  readonly id: string;
  /** ISO time of the data. */
  readonly createdAt: string;
  readonly target: string;
  readonly tables: number;
  readonly rows: number;
  readonly seconds: number;
  readonly timings: Record<string, number>;
}

/** What a killed run left begins so. */
const FOLDER = ".load-";
const MEMORY_FOLDER = "load-";

/**
 * Restores a backup into a new database of a running server and compares every table with the manifest (M7, M47). On failure
 * nothing is left, neither here nor on the server; what a killed run left goes with the next, here and there.
 *
 * @throws Error of one line: no such backup, a copy that is damaged, the wrong key, an older server, a difference.
 */
export async function load(
  settings: BackupSettings,
  request: LoadRequest,
  context: Pick<TaskContext, "signal" | "log">,
  places: RestorePlaces,
): Promise<Loaded> {
  const prefix = targetPrefix(settings.database.name);
  if (!request.target.startsWith(prefix)) {
    throw new Error(
      `the target ${request.target} is not one of a restore: its name must begin with ${prefix}`,
    );
  }
  return withLock(
    join(places.scratch, `${FOLDER}lock`),
    async (lost) => {
      const own = { ...context, signal: AbortSignal.any([context.signal, lost]) };
      await removeLeftovers(places.scratch, FOLDER, context.log);
      await removeLeftovers(places.memory, MEMORY_FOLDER, context.log);
      return withFolder(places.memory, MEMORY_FOLDER, async (memory) => {
        const passwordFile = join(memory, "pgpass");
        const quoted = request.password.replace(/[\\:]/g, "\\$&");
        await writeFile(passwordFile, `*:*:*:postgres:${quoted}\n`, { mode: 0o600 });
        const { host, port, password } = request;
        const server: ServerAddress = { host, port, user: "postgres", password, passwordFile };
        await dropUnfinished(server, settings.database.name, context.log).catch((error: unknown) => {
          throw new Error(`the server at ${host}:${port} cannot be used: ${reasonOf(error)}`, {
            cause: error,
          });
        });
        return withSource(settings, request, places, own, (source) =>
          withFolder(places.scratch, FOLDER, (folder) =>
            loadInto({ settings, request, server, source, folder, places }, own),
          ),
        );
      });
    },
    { what: "a restore" },
  );
}

interface Load {
  readonly settings: BackupSettings;
  readonly request: LoadRequest;
  readonly server: ServerAddress;
  readonly source: Source;
  readonly folder: string;
  readonly places: RestorePlaces;
}

async function loadInto(
  { settings, request, server, source, folder, places }: Load,
  { signal, log }: Pick<TaskContext, "signal" | "log">,
): Promise<Loaded> {
  const time = timer(["fetch", "decrypt", "restore", "compare"], log);
  const { manifest } = source;
  await refuseOnServer(server, manifest);
  const { scratch, secrets } = places;
  await checkRoom(scratch, source.fetchedBytes(FILES.database) + fileOf(manifest, FILES.database).bytes);
  const dump = join(folder, "dump");
  await onDisk(scratch, async () => {
    const file = await time("fetch", `fetching backup ${manifest.id} (${source.from})`, () =>
      source.fetch(FILES.database, folder),
    );
    await time("decrypt", "opening it", () =>
      unpackDump(join(secrets, "backup_identity"), file, dump, signal),
    );
  });
  const target = new TargetDatabase(server, request.target, signal);
  await target.create(`${settings.database.name}_app`);
  try {
    await time("restore", `loading it into ${request.target}`, () => target.restore(dump));
    await time("compare", "comparing every table", () => target.compare(manifest));
  } catch (error) {
    await target.drop().catch((problem: unknown) => {
      log(
        `the unfinished database ${request.target} could not be dropped, the next restore does it: ${reasonOf(problem)}`,
      );
    });
    throw error;
  }
  return {
    id: manifest.id,
    createdAt: manifest.createdAt,
    target: request.target,
    tables: manifest.tables.length,
    rows: manifest.tables.reduce((sum, { rows }) => sum + rows, 0),
    seconds: time.total(),
    timings: time.timings,
  };
}

async function refuseOnServer(server: ServerAddress, manifest: Manifest): Promise<void> {
  const { rows } = await withClient(connectTo(server, "postgres"), (client) =>
    client.query<{ number: string; text: string }>(
      "SELECT current_setting('server_version_num') AS number, current_setting('server_version') AS text",
    ),
  );
  const [found] = rows;
  if (found === undefined) throw new Error("the server does not say its version");
  refuseNewerBackup(manifest, { text: found.text, number: Number(found.number) });
}

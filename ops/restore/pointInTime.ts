import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { TableSum } from "../backup/manifest";
import { start } from "../backup/process";
import type { BackupSettings } from "../backup/settings";
import { countTables } from "../backup/tables";
import { reasonOf } from "../health";
import { withLock } from "../lock";
import type { TaskContext } from "../tasks/runner";
import {
  type ArchiveTools,
  type BaseBackup,
  chooseBase,
  endOf,
  isReplaced,
  newestStored,
  pgbackrest,
  readArchive,
} from "./archive";
import { type RecoveryLog, recover, scratchServer } from "./recovery";
import { removeLeftovers } from "./scratch";
import { connectTo, dropUnfinished, type ServerAddress, TargetDatabase, withClient } from "./target";
import { timer } from "./timer";

export interface PointInTime {
  /** ISO time with its zone, or `latest` for all that is in S3. What was committed up to it is there, nothing later. */
  readonly toTime: string;
  /** Database that is created; the live one is not touched. */
  readonly target: string;
  readonly host: string;
  readonly port: number;
  /** The superuser's, whose role is postgres. */
  readonly password: string;
}

export interface LoadedPointInTime {
  readonly id: null;
  /** The time that was reached, ISO; that of the last commit where the log was replayed to its end. */
  readonly createdAt: string;
  readonly target: string;
  readonly tables: number;
  readonly rows: number;
  readonly seconds: number;
  /** Seconds. */
  readonly timings: Record<Step, number>;
}

/** Where things are, which only tests change. */
export interface Places {
  readonly config?: string;
  /** Volume with room for a copy of the cluster and a dump of it. */
  readonly scratch?: string;
  /** In memory: for a password. */
  readonly memory?: string;
}

const STEPS = ["fetch", "replay", "dump", "restore", "compare"] as const;
type Step = (typeof STEPS)[number];

/** What a killed run left begins so. */
const FOLDER = ".recovery-";
const MEMORY_FOLDER = "recovery-";
const JOBS = 2;
/** Behind the newest segment's storing nothing can have been committed, but for clocks that differ. */
const CLOCKS_DIFFER_MS = 60_000;

/**
 * Restores the database as it was at a time into the new database `target` of a running server: a physical backup and the log
 * after it become a temporary cluster, whose database is dumped, loaded and compared table by table (M46).
 *
 * On failure nothing is left, neither here nor on the server; what a killed run left here goes with the next.
 *
 * @throws Error of one line: the time is before the first backup, in the future, or after the newest log in S3; S3 is away;
 *   the passphrase is another one; or what failed on the way.
 */
export async function loadToTime(
  settings: Pick<BackupSettings, "database" | "wal">,
  request: PointInTime,
  context: Pick<TaskContext, "signal" | "log">,
  places: Places = {},
): Promise<LoadedPointInTime> {
  const { config = "/run/secrets/pgbackrest_conf", scratch = "/var/lib/restore", memory = "/tmp" } = places;
  if (settings.wal === undefined) {
    throw new Error("this stack keeps no log of its database: restore a daily backup");
  }
  const toTime = parseTime(request.toTime, new Date());
  const { stanza } = settings.wal;
  return withLock(
    join(scratch, `${FOLDER}lock`),
    async (lost) => {
      const signal = AbortSignal.any([context.signal, lost]);
      await removeLeftovers(scratch, FOLDER, context.log);
      await removeLeftovers(memory, MEMORY_FOLDER, context.log);
      const folder = await mkdtemp(join(scratch, FOLDER));
      const secrets = await mkdtemp(join(memory, MEMORY_FOLDER));
      try {
        const { host, port, password } = request;
        const passwordFile = join(secrets, "pgpass");
        const quoted = password.replace(/[\\:]/g, "\\$&");
        await writeFile(passwordFile, `*:*:*:postgres:${quoted}\n`, { mode: 0o600 });
        const server: ServerAddress = { host, port, user: "postgres", password, passwordFile };
        await dropUnfinished(server, settings.database.name, context.log);
        const run = new Run(
          { config, stanza, signal },
          settings.database.name,
          request.target,
          server,
          folder,
          context.log,
        );
        return await run.load(toTime);
      } finally {
        await rm(secrets, { recursive: true, force: true });
        await removeFolder(folder);
      }
    },
    { what: "a restore to a point in time" },
  );
}

/** @throws Error of one line when this is no time with a zone, or one that is still to come. */
export function parseTime(text: string, now: Date): Date | "latest" {
  if (text === "latest") return text;
  const time = new Date(text);
  if (Number.isNaN(time.getTime()) || !/(Z|[+-]\d\d:?\d\d)$/i.test(text.trim())) {
    throw new Error(
      `"${text}" is not a time with its zone: an ISO time such as 2026-03-01T14:30:00Z is expected`,
    );
  }
  if (time > now) {
    throw new Error(`${time.toISOString()} is in the future: it is ${now.toISOString()} now`);
  }
  return time;
}

/** The newest time at which a restore can end, when the last commit of the log is `lastCommit`: the whole second before it. */
export function newestTime(lastCommit: Date): Date {
  return new Date(Math.floor((lastCommit.getTime() - 1) / 1000) * 1000);
}

/** pgBackRest's process that fetches ahead may still write when everything else has ended; it gives up then. */
function removeFolder(folder: string): Promise<void> {
  return rm(folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
}

class Run {
  constructor(
    private readonly tools: ArchiveTools,
    private readonly database: string,
    private readonly target: string,
    private readonly server: ServerAddress,
    private readonly folder: string,
    private readonly log: (line: string) => void,
  ) {}

  async load(toTime: Date | "latest"): Promise<LoadedPointInTime> {
    const { signal } = this.tools;
    const time = timer(STEPS, this.log);
    const { base, replaced, wanted } = await this.#plan(toTime);
    const recoverTo = async (end: Date | "latest") => {
      await time("fetch", `fetching backup ${base.label} of the cluster`, () => this.#fetch(base, end));
      return time("replay", "replaying the log", () =>
        recover(this.folder, { signal, log: this.log, onEnd: (log) => endedEarly(log, end) }),
      );
    };
    const recovered = await recoverTo(wanted).catch(async (error: unknown) => {
      if (!(error instanceof AfterTheEnd) || !replaced) throw error;
      this.log("the log of the lost cluster ends before that time: all of it is taken");
      await removeFolder(this.folder);
      await mkdir(this.folder, { mode: 0o700 });
      return recoverTo("latest");
    });
    const dump = join(this.folder, "dump");
    let expected: TableSum[];
    try {
      expected = await time("dump", "dumping the database of that time", () =>
        this.#dump(recovered.socket, dump),
      );
    } finally {
      await recovered.stop();
    }
    // The dump's copy on the server needs the room.
    await removeFolder(join(this.folder, "data"));

    const target = new TargetDatabase(this.server, this.target, signal);
    await target.create(`${this.database}_app`);
    try {
      await time("restore", `loading it into ${this.target}`, () => target.restore(dump));
      await time("compare", "comparing every table", () => target.compare({ tables: expected }));
    } catch (error) {
      await target.drop().catch((problem: unknown) => {
        this.log(`the unfinished database ${this.target} could not be dropped: ${reasonOf(problem)}`);
      });
      throw error;
    }
    const reached = recovered.log.toTheEnd ? recovered.log.lastCommit : toTime;
    return {
      id: null,
      createdAt: (reached instanceof Date ? reached : base.usableFrom).toISOString(),
      target: this.target,
      tables: expected.length,
      rows: expected.reduce((sum, { rows }) => sum + rows, 0),
      seconds: time.total(),
      timings: time.timings,
    };
  }

  /**
   * Where to start and where to end. A cluster that another one has replaced writes nothing any more: a time after its end means
   * all that it left. The same time of the present cluster means that its log is late, which is no reason to lose what is in it.
   */
  async #plan(
    toTime: Date | "latest",
  ): Promise<{ base: BaseBackup; replaced: boolean; wanted: Date | "latest" }> {
    const archive = await readArchive(this.tools);
    const base = chooseBase(archive, toTime);
    const replaced = isReplaced(archive, base);
    const end = endOf(archive, base);
    const stored = end === undefined ? undefined : await newestStored(this.tools, end);
    if (toTime === "latest" || stored === undefined) return { base, replaced, wanted: toTime };
    if (toTime.getTime() <= stored.getTime() + CLOCKS_DIFFER_MS) return { base, replaced, wanted: toTime };
    if (replaced) return { base, replaced, wanted: "latest" };
    throw new Error(
      `${toTime.toISOString()} is after the newest log in S3, which was stored at ${stored.toISOString()}: ask for a time some minutes before that`,
    );
  }

  async #fetch(base: BaseBackup, toTime: Date | "latest"): Promise<void> {
    await mkdir(join(this.folder, "data"), { mode: 0o700 });
    await pgbackrest(this.tools, [
      `--pg1-path=${join(this.folder, "data")}`,
      `--lock-path=${join(this.folder, "lock")}`,
      `--spool-path=${join(this.folder, "spool")}`,
      `--set=${base.label}`,
      "--archive-mode=off",
      ...(toTime === "latest"
        ? ["--type=default"]
        : [
            "--type=time",
            `--target=${toTime.toISOString().replace("T", " ").replace("Z", "+00")}`,
            "--target-action=promote",
          ]),
      "restore",
    ]);
  }

  async #dump(socket: string, folder: string): Promise<TableSum[]> {
    const { signal } = this.tools;
    await start(
      "pg_dump",
      [
        "--format=directory",
        `--jobs=${JOBS}`,
        "--compress=lz4",
        "--no-sync",
        `--file=${folder}`,
        `--host=${socket}`,
        "--username=postgres",
        `--dbname=${this.database}`,
      ],
      { signal },
    ).done;
    return withClient(connectTo(scratchServer(socket), this.database), countTables);
  }
}

/** The wanted time is after the last commit of the log. */
class AfterTheEnd extends Error {}

/** Why the replay ended before the wanted time, when it did. */
function endedEarly({ tooFar, lastCommit }: RecoveryLog, toTime: Date | "latest"): Error | undefined {
  if (!tooFar || toTime === "latest") return undefined;
  return new AfterTheEnd(
    `${toTime.toISOString()} is after the last commit in S3: ${
      lastCommit === undefined
        ? "nothing was committed since the backup before it"
        : `the newest time that can be restored is ${newestTime(lastCommit).toISOString()}`
    }`,
  );
}

/** The database's log in S3 as pgBackRest sees it: which backups it starts from and how far it goes. */
import { readFile } from "node:fs/promises";
import { connect } from "node:net";
import { z } from "zod";
import { complaint, start } from "../backup/process";

export interface ArchiveTools {
  /** File with pgBackRest's configuration. */
  readonly config: string;
  readonly stanza: string;
  readonly signal: AbortSignal;
}

/** A physical backup that the log can be applied to. */
export interface BaseBackup {
  readonly label: string;
  /** Which cluster it is of; a replaced volume brings a new one. */
  readonly cluster: number;
  /** From here on every time can be reached. Whole seconds, rounded up. */
  readonly usableFrom: Date;
}

/** How far the log of a cluster goes. */
export interface LogEnd {
  readonly cluster: number;
  /** Folder below `archive/STANZA`, e.g. `17-1`. */
  readonly folder: string;
  /** Name of the newest segment, 24 hex digits. */
  readonly segment: string;
}

export interface Archive {
  /** Oldest first. */
  readonly backups: readonly BaseBackup[];
  readonly ends: readonly LogEnd[];
}

/** Codes that `pgbackrest info` gives a stanza. */
const STATUS = { ok: 0, missing: 1, noBackup: 2 } as const;
const CONNECT_MS = 10_000;

const infoSchema = z
  .array(
    z.object({
      status: z.object({ code: z.number(), message: z.string() }),
      repo: z.array(z.object({ status: z.object({ message: z.string() }) })).optional(),
      archive: z
        .array(
          z.object({
            id: z.string(),
            max: z.string().nullish(),
            database: z.object({ id: z.number() }),
          }),
        )
        .optional(),
      backup: z
        .array(
          z.object({
            label: z.string(),
            database: z.object({ id: z.number() }),
            timestamp: z.object({ stop: z.number() }),
          }),
        )
        .optional(),
    }),
  )
  .min(1);

/** @throws Error of one line: no archive yet, S3 refused, or the passphrase does not open it. */
export function parseInfo(text: string): Archive {
  // Where it quotes a file that it could not decrypt, its JSON is none.
  const stanza = infoSchema.parse(JSON.parse(text.replace(/[\0-\x1f]/g, " ")))[0];
  if (stanza === undefined) throw new Error("pgBackRest told nothing about the archive");
  const { code } = stanza.status;
  if (code === STATUS.missing || code === STATUS.noBackup) {
    throw new Error("the database's log in S3 has no backup to start from yet: restore a daily backup");
  }
  if (code !== STATUS.ok) {
    throw new Error(archiveTrouble(stanza.repo?.[0]?.status.message ?? stanza.status.message));
  }
  return {
    backups: (stanza.backup ?? [])
      .map(({ label, database, timestamp }) => ({
        label,
        cluster: database.id,
        usableFrom: new Date((timestamp.stop + 1) * 1000),
      }))
      .sort((a, b) => a.usableFrom.getTime() - b.usableFrom.getTime()),
    ends: (stanza.archive ?? []).flatMap(({ id, max, database }) =>
      typeof max === "string" ? [{ cluster: database.id, folder: id, segment: max }] : [],
    ),
  };
}

/** What pgBackRest says about an archive that it cannot read, for people. What it quotes of a file may be bytes. */
export function archiveTrouble(message: string): string {
  // The first bytes of a file tell pgBackRest nothing about the key; what comes out is no configuration file.
  if (/FormatError|CryptoError|cipher/.test(message)) {
    return "the database's log in S3 cannot be opened: it was encrypted with another passphrase than this stack's";
  }
  const first = message.split("\n", 1)[0] ?? "";
  const readable = first
    .replace(/[^\x20-\x7e]/g, "?")
    .replace(/^P\d+\s+ERROR:\s*/, "")
    .slice(0, 300);
  return `the database's log in S3 cannot be read: ${readable}`;
}

/**
 * The newest backup from which `toTime` can be reached.
 *
 * @throws Error of one line when even the oldest one is later.
 */
export function chooseBase({ backups }: Archive, toTime: Date | "latest"): BaseBackup {
  const [oldest] = backups;
  if (oldest === undefined) throw new Error("the database's log in S3 has no backup to start from yet");
  const fit = backups.filter(({ usableFrom }) => toTime === "latest" || usableFrom <= toTime).at(-1);
  if (fit === undefined && toTime !== "latest") {
    throw new Error(
      `${toTime.toISOString()} is before the first backup: the earliest time that can be restored is ` +
        oldest.usableFrom.toISOString(),
    );
  }
  return fit ?? oldest;
}

/** The log's end for a backup's cluster, the newest where an upgrade of pgBackRest's records has split it. */
export function endOf({ ends }: Archive, { cluster }: BaseBackup): LogEnd | undefined {
  return ends.filter((end) => end.cluster === cluster).at(-1);
}

/** Whether another cluster archives now. */
export function isReplaced({ backups, ends }: Archive, { cluster }: BaseBackup): boolean {
  return [...backups, ...ends].some((other) => other.cluster > cluster);
}

/** @throws Error of one line when S3 does not answer; pgBackRest itself would try for minutes. */
export async function reachStorage(config: string, signal: AbortSignal): Promise<void> {
  const text = await readFile(config, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(
      `the secret ${config} is ${error.code === "ENOENT" ? "missing" : `not readable (${error.code})`}`,
    );
  });
  const option = (name: string) => new RegExp(`^${name}=(.*)$`, "m").exec(text)?.[1];
  const host = option("repo1-s3-endpoint");
  if (host === undefined) return;
  const port = Number(option("repo1-storage-port") ?? 443);
  await new Promise<void>((resolve, reject) => {
    const socket = connect({ host, port, signal, timeout: CONNECT_MS });
    const fail = (why: string) => {
      socket.destroy();
      reject(signal.aborted ? signal.reason : new Error(`S3 at ${host}:${port} cannot be reached: ${why}`));
    };
    socket.once("connect", () => {
      socket.destroy();
      resolve();
    });
    socket.once("timeout", () => fail(`no answer within ${CONNECT_MS / 1000} s`));
    socket.once("error", (error) => fail(error.message));
  });
}

function commonArguments({ config, stanza }: ArchiveTools): string[] {
  return [`--config=${config}`, `--stanza=${stanza}`, "--log-level-console=off", "--log-level-stderr=error"];
}

/** Runs pgBackRest and resolves with what it printed; rejects with one line. */
export async function pgbackrest(tools: ArchiveTools, args: readonly string[]): Promise<string> {
  const child = start("pgbackrest", [...commonArguments(tools), ...args], { signal: tools.signal });
  let output = "";
  let trouble = "";
  child.process.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
  });
  child.process.stderr?.on("data", (text: string) => {
    trouble = (trouble + text).slice(0, 8192);
  });
  try {
    await child.done;
  } catch (error) {
    if (tools.signal.aborted || trouble === "") throw error;
    throw new Error(archiveTrouble(complaint(trouble)));
  }
  return output;
}

/** @throws Error of one line, see {@link parseInfo} and {@link reachStorage}. */
export async function readArchive(tools: ArchiveTools): Promise<Archive> {
  await reachStorage(tools.config, tools.signal);
  return parseInfo(await pgbackrest(tools, ["info", "--output=json"]));
}

const listingSchema = z.record(z.string(), z.object({ type: z.string(), time: z.number().optional() }));

/** When the newest segment of a log was stored; undefined when the listing does not have it. */
export function storedAt(listing: string, { segment }: LogEnd): Date | undefined {
  const files = Object.entries(listingSchema.parse(JSON.parse(listing)));
  const time = files.find(([name]) => name.startsWith(`${segment}-`))?.[1].time;
  return time === undefined ? undefined : new Date(time * 1000);
}

export async function newestStored(tools: ArchiveTools, end: LogEnd): Promise<Date | undefined> {
  // Segments lie in folders of 256, named by the first 16 digits.
  const folder = `archive/${tools.stanza}/${end.folder}/${end.segment.slice(0, 16)}`;
  return storedAt(await pgbackrest(tools, ["repo-ls", "--output=json", folder]), end);
}

/** A temporary server that replays the database's log up to a moment, reachable by a socket in its own folder only. */
import type { ChildProcess } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type Child, start } from "../backup/process";
import { connectTo, type ServerAddress, withClient } from "./target";

/** Nothing said for this long: the log cannot be fetched any more. */
const STALLED_MS = 10 * 60_000;
const STOP_MS = 30_000;
const REPORT_EVERY = 100;

/** What a server's log says of its recovery. */
export class RecoveryLog {
  /** Commit time of the last transaction that was replayed. */
  lastCommit: Date | undefined;
  /** The wanted time lies behind the log's end. */
  tooFar = false;
  /** All of the log was replayed, no time stopped it. */
  toTheEnd = true;
  segments = 0;
  /** The server's own reason for ending. */
  fatal: string | undefined;

  read(line: string): void {
    const commit = /last completed transaction was at log time (\S+ \S+?)\.?$/i.exec(line)?.[1];
    if (commit !== undefined)
      this.lastCommit = new Date(commit.replace(" ", "T").replace(/([+-]\d\d)$/, "$1:00"));
    if (/ LOG: {2}recovery stopping /.test(line)) this.toTheEnd = false;
    if (/ LOG: {2}restored log file /.test(line)) this.segments += 1;
    const fatal = / (?:FATAL|PANIC): {2}(.*)$/.exec(line)?.[1];
    // Who asks whether it is ready yet is turned away with this.
    if (fatal === undefined || /not (yet )?accepting connections|starting up/.test(fatal)) return;
    if (/recovery ended before configured recovery target/.test(fatal)) this.tooFar = true;
    this.fatal ??= fatal;
  }
}

export interface Recovered {
  /** Folder of the socket; the role is postgres, without a password. */
  readonly socket: string;
  readonly log: RecoveryLog;
  stop(): Promise<void>;
}

/**
 * Starts a server on a cluster that `pgbackrest restore` laid down in `folder`/data, and waits until it has replayed its log and
 * takes statements.
 *
 * @throws Error with the server's own reason, also when the log's end came before the wanted time: see `onEnd`.
 */
export async function recover(
  folder: string,
  options: { signal: AbortSignal; log(line: string): void; onEnd(log: RecoveryLog): Error | undefined },
): Promise<Recovered> {
  const socket = join(folder, "socket");
  await mkdir(socket, { mode: 0o700 });
  const rules = join(folder, "pg_hba.conf");
  await writeFile(rules, "local all all trust\n");
  const settings: Record<string, string> = {
    listen_addresses: "",
    unix_socket_directories: socket,
    hba_file: rules,
    external_pid_file: "",
    // Otherwise it insists on the sizes that the lost server had, e.g. of max_connections.
    hot_standby: "off",
    archive_mode: "off",
    // What is lost by a crash is made anew.
    fsync: "off",
    full_page_writes: "off",
    shared_buffers: "128MB",
    max_wal_size: "4GB",
    autovacuum: "off",
    shared_preload_libraries: "",
    log_destination: "stderr",
    logging_collector: "off",
    log_min_messages: "log",
    log_timezone: "UTC",
    log_line_prefix: "%m [%p] ",
  };
  const args = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = start("postgres", ["-D", join(folder, "data"), ...args], {
    signal: options.signal,
    env: { ...process.env, LC_MESSAGES: "C" },
  });
  const log = new RecoveryLog();
  const watch = follow(child.process, log, options.log);
  let ended: unknown;
  child.done.then(
    () => {
      ended = new Error("the temporary server ended by itself");
    },
    (error: unknown) => {
      ended = error;
    },
  );
  while (!(await answers(socket))) {
    if (ended !== undefined) {
      options.signal.throwIfAborted();
      const why = log.fatal ?? (ended instanceof Error ? ended.message : String(ended));
      throw options.onEnd(log) ?? new Error(`the database's log could not be replayed: ${why}`);
    }
    if (performance.now() - watch.lastHeard > STALLED_MS) {
      await stop(child);
      throw new Error(
        `the database's log could not be replayed: nothing moved for ${STALLED_MS / 60_000} minutes after ${log.segments} segments`,
      );
    }
    await delay(200);
  }
  return { socket, log, stop: () => stop(child) };
}

function follow(
  server: ChildProcess,
  log: RecoveryLog,
  report: (line: string) => void,
): { lastHeard: number } {
  const watch = { lastHeard: performance.now() };
  let rest = "";
  let reported = 0;
  server.stderr?.on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) {
      // Our own asking is in the log, too.
      if (!/accepting connections|Hot standby mode is disabled/.test(line))
        watch.lastHeard = performance.now();
      log.read(line);
    }
    if (log.segments >= reported + REPORT_EVERY) {
      reported = log.segments;
      report(`${log.segments} segments of the log are replayed`);
    }
  });
  return watch;
}

async function answers(socket: string): Promise<boolean> {
  try {
    return await withClient(connectTo(scratchServer(socket), "postgres"), async (client) => {
      const { rows } = await client.query<{ done: boolean }>("SELECT NOT pg_is_in_recovery() AS done");
      return rows[0]?.done === true;
    });
  } catch {
    return false;
  }
}

/** How the temporary server is reached: by whoever sees its socket. */
export function scratchServer(socket: string): ServerAddress {
  return { host: socket, port: 5432, user: "postgres" };
}

/** Ends a server at once; its data is thrown away. */
async function stop({ process: server, done }: Child): Promise<void> {
  const timer = setTimeout(() => server.kill("SIGKILL"), STOP_MS);
  server.kill("SIGQUIT");
  await done.catch(() => undefined);
  clearTimeout(timer);
}

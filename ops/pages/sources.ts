import { join } from "node:path";
import { onCallAt } from "../../rota";
import { localBackups } from "../backup/folder";
import { cloudWatch } from "../cloudWatch";
import type { HealthMonitor } from "../health";
import { type OnCallSettings, rotaSettings } from "../onCallSettings";
import type { Program } from "../program";
import { taskRecord } from "../tasks/records";
import { PageKeeper } from "./keeper";
import { openAlarms } from "./openAlarms";
import type { LastDrill, StatusData } from "./statusPage";
import { PAGES_FOLDER } from "./write";

export interface PageSources {
  readonly program: Program;
  readonly monitor: HealthMonitor;
  readonly onCall: OnCallSettings;
  /** A key that may list alarms. */
  readonly credentials: () => Promise<{ accessKeyId: string; secretAccessKey: string }>;
  /** When the database's log was last sent to S3; null when that is not known. */
  readonly archivedAt: () => Promise<Date | null>;
  /** Where the container that makes the drills answers. */
  readonly restoreUrl: string;
  /** Folder of the tasks' records. */
  readonly records: string;
  readonly log: (line: string) => void;
}

const TIMEOUT_MS = 5_000;

/** The keeper of the pages, with where it has everything from. */
export function pageKeeper(sources: PageSources): PageKeeper {
  const { program, monitor, onCall, records, log } = sources;
  return new PageKeeper({
    zone: program.settings.timeZone,
    checks: () => monitor.report().components,
    backup: () => newestBackup(program.places.backups, sources.archivedAt),
    drill: () => lastDrill(sources.restoreUrl),
    alarms: () => alarms(sources),
    duty: (now) => onCallAt(now, rotaSettings(onCall)),
    windows: join(records, "..", ".windows"),
    uptimeFile: join(records, "..", ".uptime.json"),
    folder: PAGES_FOLDER,
    everySeconds: onCall.everySeconds,
    log,
  });
}

async function newestBackup(
  folder: string,
  archivedAt: () => Promise<Date | null>,
): Promise<StatusData["backup"]> {
  const newest = (await localBackups(folder, () => undefined))
    .filter(({ status }) => status.verifiedAt !== null)
    .at(-1);
  if (newest === undefined) {
    return null;
  }
  const dumpAt = new Date(newest.manifest.createdAt);
  const logAt = await archivedAt();
  return { dumpAt, restorableTo: logAt !== null && logAt > dumpAt ? logAt : dumpAt };
}

/** @throws Error when the container that makes the drills does not say. */
export async function lastDrill(restoreUrl: string): Promise<LastDrill | null> {
  const answer = await fetch(`${restoreUrl}/tasks`, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  const tasks = (await answer.json()) as { name: string; last: unknown }[];
  const last = tasks.find(({ name }) => name === "restore-drill")?.last ?? null;
  if (last === null) {
    return null;
  }
  const { startedAt, endedAt, result } = taskRecord.parse(last);
  return {
    endedAt: new Date(endedAt),
    passed: result === "ok",
    milliseconds: Date.parse(endedAt) - Date.parse(startedAt),
  };
}

async function alarms({ program: { settings }, credentials }: PageSources) {
  const { stack, region, endpoint } = settings;
  const client = cloudWatch({ region, endpoint, credentials });
  try {
    return await openAlarms(client, stack);
  } finally {
    client.destroy();
  }
}

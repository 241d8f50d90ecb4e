/** What the containers of ops and restore are made of: the settings, the tasks and their work, by role. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { listBackups, runBackup } from "./backup/backup";
import { type BackupSettings, readSettings } from "./backup/settings";
import { certificateParts } from "./certificates/open";
import { readCertificateSettings } from "./certificates/settings";
import { type CertificateParts, certificateWork } from "./certificates/work";
import { logArchiveWork } from "./logs/archive";
import { logArchiveParts } from "./logs/bucket";
import { openMailer } from "./mail/mailer";
import { REPORT_KINDS, taskOf } from "./reports/model";
import { type ReportPlaces, reportPlaces, reportTask } from "./reports/open";
import { drill } from "./restore/drill";
import { type RestorePlaces, restorePlaces } from "./restore/source";
import { systemClock } from "./tasks/clock";
import { parseCalendar, TASK_SERVICES, type TaskCalendar, type TaskService } from "./tasks/definitions";
import type { TaskWork } from "./tasks/runner";
import { Scheduler } from "./tasks/scheduler";
import { noticeWork } from "./window/notify";
import { readWindowSettings, type WindowSettings } from "./window/settings";
import { windowSteps } from "./window/steps";
import { windowWork } from "./window/task";
import { activeUsers } from "./window/users";

export interface Program {
  readonly role: TaskService;
  readonly settings: BackupSettings;
  readonly calendar: TaskCalendar;
  readonly places: RestorePlaces;
  readonly scheduler: Scheduler;
  /** Folder of the windows' journals. */
  readonly windows: string;
  /** Known to ops alone. */
  readonly windowSettings: WindowSettings | undefined;
  /** There where ops looks after a certificate. */
  readonly certificates: CertificateParts | undefined;
}

/**
 * Reads the container's files.
 *
 * @throws Error of one line for what is missing or wrong.
 */
export async function program(environment: NodeJS.ProcessEnv = process.env): Promise<Program> {
  const role = TASK_SERVICES.find((service) => service === (environment.OPS_ROLE ?? "ops"));
  if (role === undefined) {
    throw new Error(`OPS_ROLE is "${environment.OPS_ROLE}": must be one of ${TASK_SERVICES.join(", ")}`);
  }
  const files = environment.OPS_FILES ?? "/fitnesscrm";
  const records = environment.OPS_RECORDS;
  if (records === undefined) {
    throw new Error("OPS_RECORDS is not set: the folder of the tasks' records is expected");
  }
  const settings = await readSettings(join(files, "backup.json"));
  const calendarFile = join(files, "tasks.json");
  const calendar = parseCalendar(await readFile(calendarFile, "utf8"), calendarFile);
  const places = restorePlaces(environment);
  const windowSettings =
    role === "ops" ? await readWindowSettings(join(files, "maintenance.json")) : undefined;
  const windows = join(records, "..", ".windows");
  const keepsCertificate = calendar.tasks.some(
    ({ name, service }) => name === "certificates" && service === role,
  );
  const certificates = keepsCertificate
    ? certificateParts(await readCertificateSettings(join(files, "certificates.json")), environment)
    : undefined;
  const scheduler: Scheduler = new Scheduler({
    definitions: calendar.tasks,
    zone: calendar.timeZone,
    role,
    recordsFolder: records,
    works: {
      ...works(settings, places, reportPlaces(environment)),
      ...(certificates !== undefined && { certificates: certificateWork(certificates) }),
      ...windowWorks({
        backup: settings,
        window: windowSettings,
        places,
        folder: windows,
        files,
        renewsCertificate: keepsCertificate,
        scheduler: () => scheduler,
      }),
    },
  });
  return { role, settings, calendar, places, scheduler, windows, windowSettings, certificates };
}

function works(
  settings: BackupSettings,
  places: RestorePlaces,
  reports: ReportPlaces,
): Record<string, TaskWork> {
  return {
    backup: (context) => runBackup(settings, context),
    "log-archive": logArchiveWork(logArchiveParts(settings, places)),
    "restore-drill": async (context) => {
      const result = await drill(settings, context, places);
      return {
        reason: `backup ${result.id} came back with ${result.tables} tables and ${result.rows} rows in ${result.seconds} s`,
        details: result,
      };
    },
    ...Object.fromEntries(REPORT_KINDS.map((kind) => [taskOf(kind), reportTask(kind, settings, reports)])),
  };
}

interface WindowWorkParts {
  backup: BackupSettings;
  window: WindowSettings | undefined;
  places: RestorePlaces;
  /** Of the windows' journals. */
  folder: string;
  files: string;
  renewsCertificate: boolean;
  scheduler(): Scheduler;
}

function windowWorks({
  backup,
  window,
  places: { secrets, backups: scratch },
  folder,
  files,
  renewsCertificate,
  scheduler,
}: WindowWorkParts): Record<string, TaskWork> {
  if (window === undefined) {
    return {};
  }
  const clock = systemClock;
  const runTask = async (
    task: string,
    label: { label?: string },
    log: (line: string) => void,
  ): Promise<string> => {
    const { result, reason } = await scheduler().runNow(task, { by: "schedule", ...label }, log);
    if (result !== "ok") {
      throw new Error(reason);
    }
    return reason;
  };
  const steps = windowSteps({
    backup,
    window,
    secrets,
    scratch,
    backups: {
      madeSince: async (moment) =>
        (await listBackups(backup)).find(
          ({ createdAt, verifiedAt }) => verifiedAt !== null && new Date(createdAt) >= moment,
        )?.id,
      make: (log) => runTask("backup", { label: "maintenance window" }, log),
    },
    ...(renewsCertificate && {
      renewCertificate: (log: (line: string) => void) => runTask("certificates", {}, log),
    }),
    backendUrl: process.env.OPS_BACKEND_URL ?? "http://backend:5000/api/health",
    edgeUrl: process.env.OPS_EDGE_URL ?? "http://nginx",
    clock,
  });
  return {
    "maintenance-window": windowWork({ timeZone: window.timeZone, folder, steps, clock }),
    "maintenance-notice": noticeWork({
      timeZone: window.timeZone,
      publicUrl: window.publicUrl,
      mail: window.noticeMail,
      folder,
      clock,
      users: () => activeUsers(join(secrets, "backup_database_url")),
      mailer: () => openMailer(backup, { files, secrets }),
    }),
  };
}

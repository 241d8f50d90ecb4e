/** What the containers of ops and restore are made of: the settings, the tasks and their work, by role. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { runBackup } from "./backup/backup";
import { type BackupSettings, readSettings } from "./backup/settings";
import { drill } from "./restore/drill";
import { type RestorePlaces, restorePlaces } from "./restore/source";
import { parseCalendar, TASK_SERVICES, type TaskCalendar, type TaskService } from "./tasks/definitions";
import type { TaskWork } from "./tasks/runner";
import { Scheduler } from "./tasks/scheduler";

export interface Program {
  readonly role: TaskService;
  readonly settings: BackupSettings;
  readonly calendar: TaskCalendar;
  readonly places: RestorePlaces;
  readonly scheduler: Scheduler;
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
  const scheduler = new Scheduler({
    definitions: calendar.tasks,
    zone: calendar.timeZone,
    role,
    recordsFolder: records,
    works: works(settings, places),
  });
  return { role, settings, calendar, places, scheduler };
}

function works(settings: BackupSettings, places: RestorePlaces): Record<string, TaskWork> {
  return {
    backup: (context) => runBackup(settings, context),
    "restore-drill": async (context) => {
      const result = await drill(settings, context, places);
      return {
        reason: `backup ${result.id} came back with ${result.tables} tables and ${result.rows} rows in ${result.seconds} s`,
        details: result,
      };
    },
  };
}

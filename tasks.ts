import { MANUAL } from "./manual";
import type { TaskDefinition } from "./ops/tasks/definitions";

/**
 * What the operations containers run, and when: the manual's daily backup (M42), and a restore drill each month, since a
 * backup that nobody has restored is a hope (M14, M44). Times are of the stack's time zone.
 */
export function taskDefinitions(): TaskDefinition[] {
  const { backup } = MANUAL;
  const [hour, minute] = backup.dailyAt.split(":").map(Number);
  return [
    {
      name: "backup",
      service: "ops",
      cron: `${minute} ${hour} * * *`,
      limitMinutes: 120,
      missed: "run",
      failure:
        `P1: no verified dump of this day; the alarm follows ${backup.dumpAgeHours} hours after the last one. ` +
        "Archived WAL still covers the time since, where it is on",
    },
    {
      name: "restore-drill",
      service: "restore",
      cron: "30 4 1 * *",
      // Longer than the objective: a drill that misses it is measured to its end, and the alarm tells by how much.
      limitMinutes: 3 * backup.recoveryTimeObjectiveHours * 60,
      missed: "skip",
      failure:
        "P0: the newest backup could not be restored and compared, so that a loss now may be for good: look at once",
    },
  ];
}

import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

interface ScheduleOptions {
  stack: string;
  json?: boolean;
  from?: string;
  count: string;
}

export function register(program: Command): void {
  program
    .command("schedule")
    .description(
      "show when each task runs next (M42, M14) and the maintenance windows (M37); nothing needs to be deployed",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .option("--from <time>", "show the runs after this time, ISO 8601 (default: now)")
    .option("--count <runs>", "how many runs of each task", "3")
    .addHelpText("after", example("schedule", "schedule --json --from 2026-03-07T12:00:00Z --count 5"))
    .action(async (options: ScheduleOptions) => {
      const {
        formatSchedule,
        formatWindows,
        parseCount,
        parseTime,
        schedule,
        stackHas,
        stackZone,
        windowTimes,
      } = await import("../schedule");
      const zone = stackZone(options.stack);
      const from = options.from === undefined ? new Date() : parseTime(options.from, zone, "--from");
      const count = parseCount(options.count);
      const tasks = schedule(zone, from, count, stackHas(options.stack));
      const windows = windowTimes(zone, from, count);
      process.stdout.write(
        options.json
          ? `${JSON.stringify(tasks, null, 2)}\n`
          : `${formatSchedule(tasks)}\n${formatWindows(zone, windows)}\n`,
      );
    });
}

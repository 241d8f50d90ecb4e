import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

interface RunOptions {
  stack: string;
  json?: boolean;
  label?: string;
}

export function register(program: Command): void {
  const tasks = program
    .command("tasks")
    .description("show the scheduled tasks: when they run next, and how the last run ended (M42, M14)")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("tasks", "tasks --json", "tasks run backup --label before-upgrade"))
    .action(async (options: { stack: string; json?: boolean }) => {
      const { openSession } = await import("../session");
      const { UserError } = await import("../errors");
      const { formatTasks, taskOverview } = await import("../tasks");
      const { tasks: found, problems } = await taskOverview(openSession(options.stack).docker, options.stack);
      if (options.json || found.length > 0) {
        process.stdout.write(`${options.json ? JSON.stringify(found, null, 2) : formatTasks(found)}\n`);
      }
      if (problems.length > 0) {
        throw new UserError(problems.join("; "));
      }
    });

  tasks
    .command("run <name>")
    .description("run a task now, and wait for its end; interrupting this leaves it running in its container")
    .addOption(stackOption())
    .addOption(jsonOption())
    .option("-l, --label <text>", "name of the backup that is made")
    .addHelpText("after", example("tasks run backup --label before-upgrade", "tasks run restore-drill"))
    .action(async (name: string, options: RunOptions) => {
      const { openSession } = await import("../session");
      const { formatRecord, runTaskNow } = await import("../tasks");
      const record = await runTaskNow(openSession(options.stack).docker, options.stack, name, {
        label: options.label,
        onLine: (line) => process.stderr.write(`${line}\n`),
      });
      process.stdout.write(`${options.json ? JSON.stringify(record, null, 2) : formatRecord(record)}\n`);
    });
}

import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

interface WindowOptions {
  stack: string;
  json?: boolean;
}

export function register(program: Command): void {
  const window = program
    .command("window")
    .description(
      "show the maintenance windows that come next, and how the last one went, step by step (M37 to M41)",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("window", "window --json", "window run"))
    .action(async (options: WindowOptions) => {
      const { openSession } = await import("../session");
      const { stackZone } = await import("../schedule");
      const { formatWindow, windowOverview } = await import("../window");
      const { UserError } = await import("../errors");
      const { docker } = openSession(options.stack);
      const zone = stackZone(options.stack);
      const now = new Date();
      const { overview, problem } = await windowOverview(docker, options.stack, zone, now);
      process.stdout.write(
        `${options.json ? JSON.stringify(overview, null, 2) : formatWindow(overview, now)}\n`,
      );
      if (problem !== undefined) {
        throw new UserError(problem);
      }
    });

  window
    .command("run")
    .description(
      "rehearse a window now: all of its steps, and no notice to users; interrupting this leaves it running in its container",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("window run", "window run --json"))
    .action(async (options: WindowOptions) => {
      const { openSession } = await import("../session");
      const { formatRecord, runTaskNow } = await import("../tasks");
      const { docker } = openSession(options.stack);
      const record = await runTaskNow(docker, options.stack, "maintenance-window", {
        onLine: (line) => process.stderr.write(`${line}\n`),
      });
      process.stdout.write(`${options.json ? JSON.stringify(record, null, 2) : formatRecord(record)}\n`);
    });
}

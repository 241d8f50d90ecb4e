import type { Command } from "commander";
import { example, stackOption } from "../options";

interface LogsOptions {
  stack: string;
  follow?: boolean;
  tail: string;
}

export function register(program: Command): void {
  program
    .command("logs [service]")
    .description("show the logs of one service, or of all (M3)")
    .addOption(stackOption())
    .option("-f, --follow", "go on with new lines as they come")
    .option("-n, --tail <lines>", "how many of the last lines, or `all`", "100")
    .addHelpText("after", example("logs backend --tail 50", "logs -f"))
    .action(async (service: string | undefined, options: LogsOptions) => {
      const { openSession } = await import("../session");
      const { showLogs } = await import("../logs");
      await showLogs(openSession(options.stack), service, options);
    });
}

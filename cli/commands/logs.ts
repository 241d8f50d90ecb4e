import type { Command } from "commander";
import type { LogsOptions } from "../logs";
import { example, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("logs [service]")
    .description(
      "show the logs of one service, or of all; of times that the engine no longer holds, out of the archive (M3, M55)",
    )
    .addOption(stackOption())
    .option("-f, --follow", "go on with new lines as they come")
    .option(
      "-n, --tail <lines>",
      "how many of the last lines, or `all`; 100, and all with --since or --grep, unless given",
    )
    .option("--since <time>", "only lines since then: 15m, 2h, 3d ago, or 2026-11-26T10:00Z")
    .option("--until <time>", "only lines before then, in the same words")
    .option("--grep <expression>", "only lines that match this regular expression")
    .addHelpText(
      "after",
      example(
        "logs backend --tail 50",
        "logs -f",
        "logs backend --since 2h --grep 'ERROR|Traceback'",
        "logs nginx --since 30d --until 29d",
      ),
    )
    .action(async (service: string | undefined, options: LogsOptions & { stack: string }) => {
      const { openSession } = await import("../session");
      const { showLogs } = await import("../logs");
      await showLogs(openSession(options.stack), service, options);
    });
}

import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("stats")
    .description("show CPU and memory of every container against its limits, restarts and OOM kills (M35)")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("stats"))
    .action(async (options: { stack: string; json?: boolean }) => {
      const { showStats } = await import("../stats");
      await showStats(options);
    });
}

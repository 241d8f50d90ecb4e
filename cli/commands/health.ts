import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("health")
    .description("check every part of the stack, one line each; exit code 1 when one is unwell (M5)")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("health", "health --json"))
    .action(async (options: { stack: string; json?: boolean }) => {
      const { openSession } = await import("../session");
      const { checkHealth, formatHealth } = await import("../health");
      const { watchedTargets } = await import("../healthTargets");
      const health = await checkHealth(watchedTargets(openSession(options.stack)));
      process.stdout.write(`${options.json ? JSON.stringify(health, null, 2) : formatHealth(health)}\n`);
      process.exitCode = health.healthy ? 0 : 1;
    });
}

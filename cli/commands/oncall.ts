import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("oncall")
    .description("say who is on call, and who hears of it when nobody responds (M57 to M61)")
    .addOption(stackOption())
    .option("--at <time>", "at another moment than now, ISO 8601 with its zone")
    .addOption(jsonOption())
    .addHelpText("after", example("oncall", "oncall --at 2026-12-25T09:00-05:00 --json"))
    .action(async (options: { stack: string; at?: string; json?: boolean }) => {
      const { showOnCall } = await import("../monitoring/onCall");
      await showOnCall(options);
    });
}

import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("ack <alarm>")
    .description("acknowledge an alarm: nobody else hears of it until it is over (M59, M61)")
    .addOption(stackOption())
    .option("--by <name>", "who responds; the user of this machine by default")
    .addOption(jsonOption())
    .addHelpText("after", example("ack cpu", 'ack service-down --by "Ada Engineer"'))
    .action(async (alarm: string, options: { stack: string; by?: string; json?: boolean }) => {
      const { acknowledge } = await import("../monitoring/acknowledge");
      await acknowledge(alarm, options);
    });
}

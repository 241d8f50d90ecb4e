import { type Command, Option } from "commander";
import { SEVERITIES, type Severity } from "../../manual";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("alarms")
    .description("list the alarms with their state, those that are on first (M22 to M27, M60)")
    .addOption(stackOption())
    .addOption(new Option("--severity <severity>", "only those of one severity").choices(SEVERITIES))
    .addOption(jsonOption())
    .addHelpText("after", example("alarms", "alarms --severity P0 --json"))
    .action(async (options: { stack: string; severity?: Severity; json?: boolean }) => {
      const { listAlarms } = await import("../monitoring/alarms");
      await listAlarms(options);
    });
}

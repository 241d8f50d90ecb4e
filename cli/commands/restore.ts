import { type Command, Option } from "commander";
import { example, jsonOption, stackOption, yesOption } from "../options";
import type { RestoreOptions } from "../restore/plan";

export function register(program: Command): void {
  program
    .command("restore")
    .description(
      "bring the application's data back: load a backup beside it, compare, swap; what was replaced is kept (M7, M47)",
    )
    .addOption(stackOption())
    .option("--latest", "the newest backup")
    .option("--id <id>", "this backup, see ./fitnesscrm backups")
    .addOption(new Option("--from <place>", "take the backup from there only: s3 or local"))
    .option("--to-time <time>", "to a point in time, such as 2025-01-31T14:05:00Z")
    .option("--dry-run", "load, compare and say what would be lost, and swap nothing")
    .option("--undo", "go back to what the last restore has replaced")
    .option("--confirm", "drop for good what restores have replaced")
    .addOption(yesOption("restore, undo or drop"))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      `${example("restore --latest", "restore --latest --dry-run", "restore --to-time 2025-01-31T14:05:00Z", "restore --undo")}\n\n` +
        "Without any of these it puts right what a killed restore has left; every other one does that first.",
    )
    .action(async (options: RestoreOptions) => {
      const { restore } = await import("../restore");
      await restore(options);
    });
}

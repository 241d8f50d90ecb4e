import type { Command } from "commander";
import { example, jsonOption, stackOption, yesOption } from "../options";
import type { RollbackOptions } from "../releases/rollback";

export function register(program: Command): void {
  program
    .command("rollback")
    .description(
      "bring an earlier release back, without building: shows the difference, then an ordinary update; held until unpin (M20)",
    )
    .addOption(stackOption())
    .option(
      "--to <version>",
      "this release, see ./fitnesscrm releases (default: the last good one before what runs)",
    )
    .option(
      "--restore-database",
      "bring back the backup made before the first deployment that is undone, too (M21)",
    )
    .addOption(yesOption("roll back"))
    .addOption(jsonOption())
    .addHelpText("after", example("rollback", "rollback --to 12 --restore-database"))
    .action(async (options: RollbackOptions) => {
      const { rollback } = await import("../releases/rollback");
      await rollback(options);
    });
}

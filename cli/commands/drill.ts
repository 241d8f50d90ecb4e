import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  const drill = program.command("drill").description("prove that what is for emergencies works");
  drill
    .command("restore")
    .description(
      "restore the newest S3 copy into a temporary server and compare every table and upload (M44, M47)",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("drill restore"))
    .action(async (options: { stack: string; json?: boolean }) => {
      const { drillRestore } = await import("../backup");
      await drillRestore(options);
    });
}

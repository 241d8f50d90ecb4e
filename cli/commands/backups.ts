import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("backups")
    .description("list the backups on this machine and in S3, newest first (M43)")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("backups"))
    .action(async (options: { stack: string; json?: boolean }) => {
      const { listBackups } = await import("../backup");
      await listBackups(options);
    });
}

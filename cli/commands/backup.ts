import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export interface BackupOptions {
  stack: string;
  label?: string;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command("backup")
    .description(
      "make a backup now, of the database and the uploads, encrypted, and read its S3 copy back (M6, M42)",
    )
    .addOption(stackOption())
    .option("--label <text>", "say what it is for, such as before-migration")
    .addOption(jsonOption())
    .addHelpText("after", example("backup", "backup --label before-migration"))
    .action(async (options: BackupOptions) => {
      const { backup } = await import("../backup");
      await backup(options);
    });
}

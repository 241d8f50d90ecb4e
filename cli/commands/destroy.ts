import type { Command } from "commander";
import { example, stackOption } from "../options";

export interface DestroyOptions {
  stack: string;
  deleteData?: string;
  withoutBackup?: boolean;
}

export function register(program: Command): void {
  program
    .command("destroy")
    .description(
      "remove the stack; refuses while it holds protected data, unless told so by the stack's name",
    )
    .addOption(stackOption())
    .option(
      "--delete-data <stack>",
      "remove database, cache and uploads too, after a last backup: give the stack's name",
    )
    .option("--without-backup", "make no last backup")
    .addHelpText("after", example("destroy --delete-data local"))
    .action(async (options: DestroyOptions) => {
      const { destroy } = await import("../destroy");
      await destroy(options);
    });
}

import type { Command } from "commander";
import { example, stackOption } from "../options";

export interface DestroyOptions {
  stack: string;
  deleteData?: string;
}

export function register(program: Command): void {
  program
    .command("destroy")
    .description(
      "remove the stack; refuses while it holds protected data, unless told so by the stack's name",
    )
    .addOption(stackOption())
    .option("--delete-data <stack>", "remove database, cache, uploads and backups too: give the stack's name")
    .addHelpText("after", example("destroy --delete-data local"))
    .action(async (options: DestroyOptions) => {
      const { destroy } = await import("../destroy");
      await destroy(options);
    });
}

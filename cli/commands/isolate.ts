import type { Command } from "commander";
import type { IsolateOptions } from "../isolate/isolate";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("isolate [service]")
    .description(
      "take backend or frontend off the edge while it still runs, to contain an incident (M52); without a service: what is off",
    )
    .option("--undo", "put it back")
    .option("--reason <text>", "why, for whoever finds it")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      example('isolate backend --reason "somebody reads all clients"', "isolate backend --undo"),
    )
    .action(async (service: string | undefined, options: IsolateOptions) => {
      const { isolate } = await import("../isolate/isolate");
      await isolate(service, options);
    });
}

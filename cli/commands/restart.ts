import type { Command } from "commander";
import { example, jsonOption, stackOption, yesOption } from "../options";

export interface RestartOptions {
  stack: string;
  yes?: boolean;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command("restart <service>")
    .description(
      "replace the tasks of one service by new ones; backend and frontend roll without a failed request (M4)",
    )
    .addOption(stackOption())
    .addOption(yesOption("restart what interrupts something"))
    .addOption(jsonOption())
    .addHelpText("after", example("restart backend", "restart db --yes"))
    .action(async (service: string, options: RestartOptions) => {
      const { restart } = await import("../restart");
      await restart(service, options);
    });
}

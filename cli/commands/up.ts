import type { Command } from "commander";
import { example, jsonOption, stackOption, yesOption } from "../options";

export interface UpOptions {
  stack: string;
  set: string[];
  yes?: boolean;
  refresh?: boolean;
  json?: boolean;
}

export function register(program: Command): void {
  program
    .command("up")
    .description(
      "bring the stack up, or up to date: tools, settings, images, `pulumi up` with the policy pack, health",
    )
    .addOption(stackOption())
    .option(
      "--set <key=value>",
      "change a setting and keep it, e.g. http.port=8081 (repeatable)",
      collect,
      [],
    )
    .option("--refresh", "read what really exists first, e.g. after something was lost or changed by hand")
    .addOption(yesOption("deploy to a remote stack"))
    .addOption(jsonOption())
    .addHelpText("after", example("up", "up --set app.source=../FitnessCRM", "up --stack prod"))
    .action(async (options: UpOptions) => {
      const { up } = await import("../up");
      await up(options);
    });
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

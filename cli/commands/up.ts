import type { Command } from "commander";
import { example, jsonOption, stackOption, yesOption } from "../options";

export interface UpOptions {
  stack: string;
  set: string[];
  yes?: boolean;
  refresh?: boolean;
  json?: boolean;
  /** Change everything but the release that a rollback holds. */
  keepPin?: boolean;
  /** Why the deployment goes on despite an unhealthy stack, a missing backup or downtime outside of the window. */
  despite?: string;
  /** For a command that deploys in the course of its own work: why the stack may be unwell before. Its report is the caller's. */
  within?: string;
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
      "change a setting and keep it, e.g. http.port=8081; KEY=null takes it out again (repeatable)",
      collect,
      [],
    )
    .option("--keep-pin", "deploy everything but the release, which a rollback holds")
    .option(
      "--despite <reason>",
      "go on although the stack is unhealthy, cannot be backed up, or would be down outside of the window; the reason is recorded",
    )
    .option("--refresh", "read what really exists first, e.g. after something was lost or changed by hand")
    .addOption(yesOption("deploy to a remote stack"))
    .addOption(jsonOption())
    .addHelpText(
      "after",
      example(
        "up",
        "up --set app.source=../FitnessCRM",
        "up --stack prod",
        'up --despite "the deployment is the repair"',
      ),
    )
    .action(async (options: UpOptions) => {
      const { up } = await import("../up");
      await up(options);
    });
}

function collect(value: string, previous: string[]): string[] {
  return [...previous, value];
}

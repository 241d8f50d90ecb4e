import type { Command } from "commander";
import { example, stackOption, yesOption } from "../options";

export function register(program: Command): void {
  program
    .command("scale <service> <tasks>")
    .description("set how many tasks of backend or frontend run, and keep it")
    .addOption(stackOption())
    .addOption(yesOption("deploy to a remote stack"))
    .addHelpText("after", example("scale backend 3"))
    .action(async (service: string, tasks: string, { stack, yes }: { stack: string; yes?: boolean }) => {
      const { UserError } = await import("../errors");
      if (service !== "backend" && service !== "frontend") {
        throw new UserError(
          `scale ${service}: must be backend or frontend; what holds data or a port of the host runs once`,
          2,
        );
      }
      const { up } = await import("../up");
      // Through the settings and Pulumi, so that the next preview does not want it undone.
      await up({ stack, set: [`replicas.${service}=${tasks}`], yes });
    });
}

import type { Command } from "commander";
import { example } from "../options";

export function register(program: Command): void {
  program
    .command("gate <stage>", { hidden: true })
    .description("before, migrate or after: one gate of a deployment, run by `pulumi up` (M16, M18)")
    .addHelpText("after", example("up        runs all of them"))
    .action(async (stage: string) => {
      const { runGate } = await import("../deploy/gate");
      process.stdout.write(`${JSON.stringify(await runGate(stage, process.env))}\n`);
    });
}

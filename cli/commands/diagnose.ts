import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("diagnose [service]")
    .description(
      "go through the manual's troubleshooting, and say which check fails and what to do (M32 to M36); exit code 1 when one does",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("diagnose", "diagnose backend", "diagnose --json"))
    .action(async (service: string | undefined, options: { stack: string; json?: boolean }) => {
      const { showDiagnosis } = await import("../diagnose/diagnose");
      await showDiagnosis(service, options);
    });
}

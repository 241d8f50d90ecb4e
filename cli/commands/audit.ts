import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("audit")
    .description("have Lighthouse judge pages of the running stack, and keep the scores (M15)")
    .addOption(stackOption())
    .option("--page <paths...>", "other pages than / and /status")
    .addOption(jsonOption())
    .addHelpText("after", example("audit", "audit --page / /status /login --json"))
    .action(async (options: { stack: string; page?: string[]; json?: boolean }) => {
      const { showAudit } = await import("../audit/audit");
      await showAudit(options);
    });
}

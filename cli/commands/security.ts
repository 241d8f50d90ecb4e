import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  const security = program.command("security").description("look for what strangers could use");
  security
    .command("scan")
    .description(
      "known fixes that images and npm packages lack, and secrets over their limit of age; exit code 1 when there are any, or an archive is away",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("security scan", "security scan --json"))
    .action(async (options: { stack: string; json?: boolean }) => {
      const { showScan } = await import("../security/scan");
      await showScan(options);
    });
}

import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  const images = program.command("images").description("work on the images that the stack builds");
  images
    .command("refresh")
    .description(
      "have the next deployment build them from today's packages; changes the stack's settings only (M13)",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("images refresh", "images refresh --stack prod"))
    .action(async (options: { stack: string; json?: boolean }) => {
      const { refreshImages } = await import("../images/refresh");
      await refreshImages(options);
    });
}

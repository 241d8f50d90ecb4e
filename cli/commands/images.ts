import type { Command } from "commander";
import type { CleanOptions } from "../images/clean";
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
  images
    .command("clean")
    .description(
      "remove images of old releases that no rollback needs any more; done after each successful up as well (M55)",
    )
    .addOption(stackOption())
    .option("--dry-run", "say what would go and how much that frees; nothing is removed")
    .option("--older-than <time>", "only what was built before then: 15m, 2h, 3d ago", "1h")
    .option("--build-cache", "also what the builder did not use for ten days, whoever has built it")
    .addOption(jsonOption())
    .addHelpText("after", example("images clean --dry-run", "images clean --stack prod --build-cache"))
    .action(async (options: CleanOptions) => {
      const { cleanImages } = await import("../images/clean");
      await cleanImages(options);
    });
}

import type { Command } from "commander";
import type { CacheOptions } from "../cache/cache";
import { example, jsonOption, stackOption, yesOption } from "../options";

export function register(program: Command): void {
  const group = program.command("cache").description("look into the cache, and clear it (M54)");
  group
    .command("stats")
    .description("show hit rate, memory against its maximum, evictions, and keys that never expire")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("cache stats", "cache stats --json"))
    .action(async (options: CacheOptions) => {
      const { showCache } = await import("../cache/cache");
      await showCache(options);
    });
  group
    .command("clear")
    .description("delete keys: those of a pattern in small batches, or everything")
    .option("--pattern <glob>", "keys whose names match, such as 'clients:*'")
    .option("--everything <stack>", "all keys; takes the stack's name, since users notice it")
    .addOption(yesOption("delete the keys of the pattern"))
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText(
      "after",
      example("cache clear --pattern 'clients:*' --yes", "cache clear --everything local"),
    )
    .action(async (options: CacheOptions & { pattern?: string; everything?: string; yes?: boolean }) => {
      const { clearCache } = await import("../cache/cache");
      await clearCache(options);
    });
}

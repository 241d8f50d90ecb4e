import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";
import type { ReleasesOptions } from "../releases/releases";

interface ShowOptions {
  stack: string;
  json?: boolean;
}

export function register(program: Command): void {
  const releases = program
    .command("releases")
    .description("list what was deployed, newest first, from the history of the stack's state (M19)")
    .addOption(stackOption())
    .option("--limit <releases>", "how many, each of them costs a look into an old state", "50")
    .addOption(jsonOption())
    .addHelpText("after", example("releases", "releases show 12"))
    .action(async (options: ReleasesOptions) => {
      const { listReleases } = await import("../releases/releases");
      await listReleases(options);
    });
  releases
    .command("show <release>")
    .description(
      "everything about one release, by its number or its attempt's id: images, settings, gates (M56)",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("releases show 12", "releases show 20261125t231502z-3f9a --json"))
    .action(async (release: string, options: ShowOptions, command: Command) => {
      const { showRelease } = await import("../releases/releases");
      // `releases --stack prod show 12` means prod as well.
      const isGiven = command.getOptionValueSource("stack") !== "default";
      await showRelease(release, {
        stack: isGiven ? options.stack : releases.opts<ReleasesOptions>().stack,
        json: options.json ?? releases.opts<ReleasesOptions>().json,
      });
    });
}

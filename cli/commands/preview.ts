import { type Command, Option } from "commander";
import { example, stackOption } from "../options";
import type { PreviewOptions } from "../preview/preview";

export function register(program: Command): void {
  program
    .command("preview")
    .description("show what `up` would change, judged by the policy pack; changes nothing")
    .addOption(stackOption())
    .option("--refresh", "compare with what really exists, not with the state")
    .addOption(new Option("--diff", "show every property that changes").conflicts(["comment", "json"]))
    .addOption(
      new Option("--json", "print the preview's steps as JSON").conflicts(["comment", "refuseRisky"]),
    )
    .option("--expect-no-changes", "fail when anything would change")
    .option(
      "--comment [file]",
      "write what a reviewer needs as Markdown: dangers first, no values; to standard output without a file",
    )
    .option(
      "--refuse-risky",
      "fail when data would be replaced or deleted, or database and cache stopped outside of the window",
    )
    .addOption(
      new Option("--despite <reason>", "with --refuse-risky: let it pass for this reason").implies({
        refuseRisky: true,
      }),
    )
    .addHelpText(
      "after",
      example(
        "preview --diff",
        "preview --stack prod --refresh --expect-no-changes",
        "preview --stack prod --comment comment.md",
      ),
    )
    .action(async (options: PreviewOptions) => {
      const { preview } = await import("../preview/preview");
      await preview(options);
    });
}

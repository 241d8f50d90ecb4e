import type { Command } from "commander";
import { example, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("preview")
    .description("show what `up` would change, judged by the policy pack; changes nothing")
    .addOption(stackOption())
    .option("--refresh", "compare with what really exists, not with the state")
    .option("--diff", "show every property that changes")
    .option("--json", "print the preview's steps as JSON")
    .option("--expect-no-changes", "fail when anything would change")
    .addHelpText("after", example("preview --diff", "preview --stack prod --refresh --expect-no-changes"))
    .action(async (options: PreviewOptions) => {
      const { openSession, policyArguments } = await import("../session");
      const { UserError } = await import("../errors");
      const { pulumi, context } = openSession(options.stack);
      const flags = [
        ...(options.refresh ? ["--refresh"] : []),
        ...(options.diff ? ["--diff"] : []),
        ...(options.json ? ["--json"] : []),
        ...(options.expectNoChanges ? ["--expect-no-changes"] : []),
      ];
      const code = await pulumi.runAttached([
        "preview",
        "--stack",
        context.stack,
        "--non-interactive",
        ...policyArguments(),
        ...flags,
      ]);
      if (code !== 0) {
        const why = options.expectNoChanges ? "it failed, or something would change" : "it failed";
        throw new UserError(`preview: ${why} (pulumi's exit code ${code}): what it said stands above`);
      }
    });
}

interface PreviewOptions {
  stack: string;
  refresh?: boolean;
  diff?: boolean;
  json?: boolean;
  expectNoChanges?: boolean;
}

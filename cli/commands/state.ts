import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

interface PrepareFlags {
  stack: string;
  bucket?: string;
  json?: true;
}

export function register(program: Command): void {
  const state = program.command("state").description("work on the place of Pulumi's state");
  state
    .command("prepare")
    .description("make the S3 bucket for Pulumi's state, or bring it up to standard; nothing is ever deleted")
    .addOption(stackOption())
    .option("--bucket <name>", "the bucket's name (default: fitnesscrm-STACK-state-ACCOUNT)")
    .addOption(jsonOption())
    .addHelpText(
      "after",
      "\nCredentials come from where the AWS command line finds them (environment, ~/.aws, SSO, the machine's role).\n" +
        example("state prepare --stack prod"),
    )
    .action(async (flags: PrepareFlags) => {
      const { prepareState } = await import("../state/prepare");
      await prepareState(flags);
    });
}

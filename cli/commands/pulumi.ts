import type { Command } from "commander";
import { example, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("pulumi [arguments...]")
    .description("run any `pulumi` command on the stack, with its state, settings and tools")
    .addOption(stackOption())
    .allowUnknownOption()
    .helpOption(false)
    .passThroughOptions()
    .addHelpText("after", example("pulumi stack output --json", "pulumi --stack prod stack history"))
    .action(async (args: string[], { stack }: { stack: string }) => {
      const { openSession } = await import("../session");
      process.exitCode = await openSession(stack).pulumi.runAttached(args);
    });
}

import type { Command } from "commander";
import { example, stackOption } from "../options";

export function register(program: Command): void {
  const secrets = program.command("secrets").description("work on the stack's generated passwords and keys");
  secrets
    .command("show <name>")
    .description("print one secret, and nothing else")
    .addOption(stackOption())
    .addHelpText("after", example("secrets show adminPassword"))
    .action(async (name: string, { stack }: { stack: string }) => {
      const { openSession } = await import("../session");
      const { readSecrets } = await import("../secrets");
      const { UserError } = await import("../errors");
      const { SECRETS } = await import("../../config");
      const value = (await readSecrets(openSession(stack).pulumi))[name];
      if (value === undefined) {
        throw new UserError(
          `secret ${JSON.stringify(name)} does not exist: must be one of ${SECRETS.join(", ")}`,
          2,
        );
      }
      process.stdout.write(`${value}\n`);
    });
}

import { type Command, InvalidArgumentError } from "commander";
import { example, jsonOption, stackOption, yesOption } from "../options";

export function register(program: Command): void {
  const secrets = program.command("secrets").description("work on the stack's passwords, keys and tokens");
  secrets
    .command("list")
    .description("show how old each secret is, and whether it can be rotated; no values")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("secrets list", "secrets list --json"))
    .action(async (options: { stack: string; json?: boolean }) => {
      const { listSecrets } = await import("../rotation/rotate");
      listSecrets(options);
    });
  secrets
    .command("rotate [name]")
    .description("replace a secret by a new one while users are served; sessions end with a new secretKey")
    .addOption(stackOption())
    .option(
      "--all-older-than <days>",
      "every secret that is older than so many days, or of unknown age",
      days,
    )
    .addOption(yesOption("deploy to a remote stack"))
    .addHelpText(
      "after",
      example(
        "secrets rotate appPassword",
        "secrets rotate redisPassword",
        "secrets rotate --all-older-than 180",
      ),
    )
    .action(
      async (name: string | undefined, options: { stack: string; allOlderThan?: number; yes?: boolean }) => {
        const { rotateSecrets } = await import("../rotation/rotate");
        await rotateSecrets(name, options);
      },
    );
  secrets
    .command("set <name>")
    .description("keep a token that others issue, encrypted; it is read from standard input")
    .addOption(stackOption())
    .addHelpText("after", example("secrets set githubToken", "secrets set sentryToken < token"))
    .action(async (name: string, { stack }: { stack: string }) => {
      const { setSecret } = await import("../givenSecrets");
      await setSecret(name, stack);
    });
  secrets
    .command("show <name>")
    .description("print one secret, and nothing else")
    .addOption(stackOption())
    .addHelpText("after", example("secrets show adminPassword"))
    .action(async (name: string, { stack }: { stack: string }) => {
      const { openSession } = await import("../session");
      const { readSecrets } = await import("../secrets");
      const { UserError } = await import("../errors");
      const { ALL_SECRETS } = await import("../../config");
      const value = (await readSecrets(openSession(stack).pulumi))[name];
      if (value === undefined) {
        throw new UserError(
          `secret ${JSON.stringify(name)} does not exist: must be one of ${ALL_SECRETS.join(", ")}`,
          2,
        );
      }
      process.stdout.write(`${value}\n`);
    });
}

function days(text: string): number {
  if (!/^\d{1,5}$/.test(text)) {
    throw new InvalidArgumentError("must be a number of days.");
  }
  return Number(text);
}

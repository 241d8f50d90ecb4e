import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  const policy = program
    .command("policy")
    .description("what the operations manual demands of a stack, as policies")
    .addHelpText("after", example("policy check"));

  policy
    .command("check")
    .description(
      "judge what the stack's state says by the policy pack, one line a violation; changes nothing, exit code 1 on a violation",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("policy check", "policy check --stack prod --json"))
    .action(async (options: { stack: string; json?: boolean }) => {
      const { openSession } = await import("../session");
      const { checkPolicies, formatCheck } = await import("../policyCheck");
      const check = await checkPolicies(openSession(options.stack).pulumi, options.stack);
      process.stdout.write(`${options.json ? JSON.stringify(check, null, 2) : formatCheck(check)}\n`);
      process.exitCode = check.passed ? 0 : 1;
    });
}

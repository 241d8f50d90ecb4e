import type { Command } from "commander";
import { example, jsonOption, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("env")
    .description("print the environment in which plain `pulumi` works on the stack")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", `${example("env --json")}\n  eval "$(./fitnesscrm env)" && pulumi preview`)
    .action(async (options: { stack: string; json?: boolean }) => {
      const { stackContext } = await import("../context");
      const { pulumiEnvironment } = await import("../pulumi");
      const environment = pulumiEnvironment(stackContext(options.stack));
      if (options.json) {
        process.stdout.write(`${JSON.stringify(environment, null, 2)}\n`);
        return;
      }
      for (const [name, value] of Object.entries(environment)) {
        process.stdout.write(`export ${name}=${quote(value)}\n`);
      }
    });
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

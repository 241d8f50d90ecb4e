import type { Command } from "commander";
import { DRILL_NAMES } from "../drills/catalogue";
import { example, jsonOption, stackOption } from "../options";

interface Options {
  stack: string;
  json?: boolean;
  except?: string[];
}

export function register(program: Command): void {
  const drill = program
    .command("drill")
    .description("prove that what is for emergencies works")
    .addHelpText("after", example("drill all --stack test", "drill restore"));
  drill
    .command("restore")
    .description(
      "restore the newest S3 copy into a temporary server and compare every table and upload (M44, M47)",
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("drill restore"))
    .action(async (options: Options) => {
      const { drillRestore } = await import("../backup");
      await drillRestore(options);
    });
  drill
    .command("escalation")
    .description("let pages go unanswered and see each step of the chain hear of them in turn (M59, M61)")
    .addOption(stackOption())
    .addOption(jsonOption())
    .addHelpText("after", example("drill escalation --stack test"))
    .action(async (options: Options) => {
      const { drillEscalation } = await import("../drills/drills");
      await drillEscalation(options);
    });
  for (const name of [...DRILL_NAMES, "all"]) {
    const command = drill
      .command(name)
      .description(
        name === "all"
          ? "every fire drill below, those at once that do not hide each other (M22 to M30, M60)"
          : `make the cause of the alarm for real, wait for its page, remove the cause`,
      )
      .addOption(stackOption())
      .addOption(jsonOption())
      .action(async (options: Options) => {
        const drills = await import("../drills/drills");
        await drills.drill(name, options);
      });
    if (name === "all") {
      command
        .option(
          "--except <names...>",
          "leave these out: an alarm that is on for another reason, such as cpu on a busy machine, cannot be drilled",
        )
        .addHelpText("after", example("drill all --stack test", "drill all --except cpu --stack test"));
    } else {
      command.addHelpText("after", example(`drill ${name} --stack test`));
    }
  }
}

import type { Command } from "commander";
import { REPORT_KINDS } from "../../ops/reports/model";
import { example, jsonOption, stackOption } from "../options";

interface Options {
  stack: string;
  json?: boolean;
  html?: string;
}

export function register(program: Command): void {
  program
    .command("report <name>")
    .description(
      `make a report now and show it; nothing is sent or kept: ${REPORT_KINDS.join(", ")} (M9 to M12, M48 to M51, M53, M54)`,
    )
    .addOption(stackOption())
    .addOption(jsonOption())
    .option("--html <file>", "write it as the HTML that the mail has")
    .addHelpText(
      "after",
      `${example("report morning", "report security --json", "report tables --html tables.html")}\n\n` +
        "The mail that people get is made by a task: ./fitnesscrm tasks run report-morning",
    )
    .action(async (name: string, options: Options) => {
      const { showReport } = await import("../report");
      await showReport(name, options);
    });
}

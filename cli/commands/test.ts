import type { Command } from "commander";
import { example } from "../options";

export function register(program: Command): void {
  program
    .command("test [files...]")
    .description("format, lint and type checks, then every test; starts what it needs and stops only that")
    .option("--quick", "only what needs no containers: under two minutes")
    .addHelpText("after", example("test", "test --quick", "test tests/unit/config/*.test.ts"))
    .action(async (files: string[], options: { quick?: boolean }) => {
      const { runTests } = await import("../test");
      process.exitCode = (await runTests({ files, quick: options.quick ?? false })) ? 0 : 1;
    });
}

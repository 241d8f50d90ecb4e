import type { Command } from "commander";
import { example, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("unpin")
    .description("lift the hold of a rollback, so that the next `up` deploys the checkout again (M20)")
    .addOption(stackOption())
    .addHelpText("after", example("unpin", "unpin --stack prod"))
    .action(async (options: { stack: string }) => {
      const { unpin } = await import("../releases/unpin");
      await unpin(options);
    });
}

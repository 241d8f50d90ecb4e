/** The launcher with the commands that ready what a stack stands on; its errors end as they do in cli/main.ts. */
import { Command, CommanderError } from "commander";
import * as host from "../../../cli/commands/host";
import * as state from "../../../cli/commands/state";
import { messageOf, UserError } from "../../../cli/errors";

const program = new Command("fitnesscrm").exitOverride();
host.register(program);
state.register(program);
program.parseAsync(process.argv).catch((error: unknown) => {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : 2;
    return;
  }
  process.stderr.write(`fitnesscrm: ${messageOf(error)}\n`);
  if (!(error instanceof UserError)) process.stderr.write(`${(error as Error).stack}\n`);
  process.exitCode = error instanceof UserError ? error.exitCode : 1;
});

import { Command, CommanderError, Option } from "commander";
import { ConfigError } from "../config";
import { ToolchainError } from "../toolchain/types";
import * as ack from "./commands/ack";
import * as alarms from "./commands/alarms";
import * as audit from "./commands/audit";
import * as backup from "./commands/backup";
import * as backups from "./commands/backups";
import * as cache from "./commands/cache";
import * as db from "./commands/db";
import * as destroy from "./commands/destroy";
import * as diagnose from "./commands/diagnose";
import * as down from "./commands/down";
import * as drill from "./commands/drill";
import * as env from "./commands/env";
import * as gate from "./commands/gate";
import * as health from "./commands/health";
import * as host from "./commands/host";
import * as images from "./commands/images";
import * as incident from "./commands/incident";
import * as isolate from "./commands/isolate";
import * as logs from "./commands/logs";
import * as oncall from "./commands/oncall";
import * as policy from "./commands/policy";
import * as preview from "./commands/preview";
import * as pulumi from "./commands/pulumi";
import * as releases from "./commands/releases";
import * as report from "./commands/report";
import * as restart from "./commands/restart";
import * as restore from "./commands/restore";
import * as rollback from "./commands/rollback";
import * as scale from "./commands/scale";
import * as schedule from "./commands/schedule";
import * as secrets from "./commands/secrets";
import * as security from "./commands/security";
import * as state from "./commands/state";
import * as stats from "./commands/stats";
import * as tasks from "./commands/tasks";
import * as test from "./commands/test";
import * as unpin from "./commands/unpin";
import * as up from "./commands/up";
import * as window from "./commands/window";
import { PROJECT_FOLDER } from "./context";
import { messageOf, UserError } from "./errors";

/** In the order of the help. A command loads what is heavy only when it runs. */
const COMMANDS = [
  up,
  preview,
  policy,
  down,
  destroy,
  health,
  diagnose,
  incident,
  isolate,
  alarms,
  ack,
  oncall,
  stats,
  db,
  cache,
  logs,
  restart,
  scale,
  releases,
  rollback,
  unpin,
  backup,
  backups,
  restore,
  drill,
  report,
  audit,
  tasks,
  window,
  schedule,
  secrets,
  security,
  images,
  pulumi,
  env,
  host,
  state,
  test,
  gate,
];

async function main(): Promise<void> {
  process.chdir(PROJECT_FOLDER);
  const program = new Command("fitnesscrm")
    .description("FitnessCRM's operations manual, as commands")
    .option("--debug", "show stack traces")
    .configureHelp({ sortSubcommands: false, showGlobalOptions: true })
    // `pulumi` hands its options on, which works only when a command's options stand behind its name.
    .enablePositionalOptions()
    .exitOverride()
    .addHelpText("after", "\nExample:\n  ./fitnesscrm up        bring the whole stack up on this machine");
  for (const { register } of COMMANDS) {
    register(program);
  }
  allowDebugEverywhere(program);
  await program.parseAsync(process.argv);
}

/** `./fitnesscrm up --debug` is what people type first. */
function allowDebugEverywhere(command: Command): void {
  for (const child of command.commands) {
    child.addOption(new Option("--debug").hideHelp());
    allowDebugEverywhere(child);
  }
}

// A promise that never settles lets Node.js end without a word and with exit code 0; a half-made stack is no success.
process.once("beforeExit", () => {
  if (!finished) {
    process.stderr.write(
      "fitnesscrm: ended before its work was done, which was not expected: run it again\n",
    );
    process.exit(1);
  }
});

let finished = false;
main()
  .catch((error: unknown) => {
    if (error instanceof CommanderError) {
      // Commander has said what it had to say; asking for help is no error.
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    const expected =
      error instanceof UserError || error instanceof ConfigError || error instanceof ToolchainError;
    const debug = process.argv.includes("--debug");
    process.stderr.write(`fitnesscrm: ${messageOf(error)}\n`);
    if (debug && error instanceof Error) {
      process.stderr.write(`${error.stack}\n`);
    } else if (!expected) {
      process.stderr.write("This was not expected; run the command again with --debug for the details.\n");
    }
    process.exitCode = error instanceof UserError ? error.exitCode : 1;
  })
  .finally(() => {
    finished = true;
  });

import { type Command, InvalidArgumentError } from "commander";
import { example, jsonOption, stackOption, yesOption } from "../options";

interface PrepareFlags {
  stack: string;
  check?: true;
  json?: true;
  yes?: true;
  swap?: number;
}

export function register(program: Command): void {
  const host = program.command("host").description("work on the server that a stack runs on");
  host
    .command("prepare")
    .description(
      "ready a bare Debian 12, 13 or Ubuntu 22.04, 24.04 server over SSH: engine, Swarm, firewall, updates, swap, clock",
    )
    .addOption(stackOption())
    .option("--check", "change nothing, and exit with 1 when something would change")
    .addOption(jsonOption())
    .addOption(yesOption("change the server"))
    .option(
      "--swap <MiB>",
      "size of the swap file where the server has no swap, 0 for none (default: its memory, up to 2048)",
      parseSize,
    )
    .addHelpText(
      "after",
      "\nThe server is the stack's fitnesscrm:host. Keys, agent and known hosts are your own (~/.ssh, or the ssh_config that " +
        `FITNESSCRM_SSH_CONFIG names).\n${example("host prepare --stack prod --check", "host prepare --stack prod")}`,
    )
    .action(async (flags: PrepareFlags) => {
      const { prepareHost } = await import("../host/prepare");
      process.exitCode = await prepareHost(flags);
    });
}

/** Beyond a tebibyte it is a typing error. */
function parseSize(text: string): number {
  const size = Number(text);
  if (!/^\d+$/.test(text) || size > 1_048_576 || (size > 0 && size < 64)) {
    throw new InvalidArgumentError("must be a whole number of MiB, 64 to 1048576, or 0 for none.");
  }
  return size;
}

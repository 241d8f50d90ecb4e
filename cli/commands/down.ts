import type { Command } from "commander";
import { example, stackOption } from "../options";

export function register(program: Command): void {
  program
    .command("down")
    .description(
      "stop every container of the stack; data, bucket and state stay, and `up` starts it again (M2)",
    )
    .addOption(stackOption())
    .addHelpText("after", example("down"))
    .action(async ({ stack }: { stack: string }) => {
      const { inStep, openSession, progressReporter } = await import("../session");
      const { stopServices } = await import("../upDown");
      const { stopMailbox } = await import("../local/environment");
      const { takeLock } = await import("../lock");
      const { awsClients, awsReason } = await import("../monitoring/aws");
      const { quietAlarms } = await import("../monitoring/quiet");
      const { archiveLogs } = await import("../logs/keep");
      const session = openSession(stack);
      const { docker, config, context } = session;
      const reporter = progressReporter();
      // A stack that stands still is what was asked for; that AWS is out of reach is no reason to let it run.
      const quiet = async (): Promise<void> => {
        try {
          await quietAlarms(awsClients(config.aws).cloudwatch, stack);
        } catch (error) {
          process.stderr.write(
            `warning: the alarms still page, since they could not be quieted: ${awsReason(error)}\n`,
          );
        }
      };
      const release = await takeLock(context.folder, `fitnesscrm down --stack ${stack}`);
      try {
        await archiveLogs(session, reporter);
        const stopped = await inStep(
          reporter,
          `stopping stack ${stack}`,
          (detail) => stopServices(docker, stack, detail, quiet),
          (names) => (names.length === 0 ? "it was stopped already" : names.join(", ")),
        );
        if (context.kind === "local" && stopped.length > 0) {
          await stopMailbox(docker, stack);
        }
      } finally {
        await release();
      }
    });
}

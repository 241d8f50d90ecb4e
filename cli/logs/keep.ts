import type { Reporter } from "../../toolchain";
import { messageOf } from "../errors";
import { runInOps } from "../ops";
import { inStep, type Session } from "../session";

/** An S3 that is away must not hold up what the logs are kept for. */
export const ARCHIVE_SECONDS = 45;

/**
 * Archives what the services have logged until now, before containers go and take it along (M55). That it fails is told in one line, and
 * stops nothing.
 */
export async function archiveLogs(
  { docker, context }: Pick<Session, "docker" | "context">,
  reporter: Reporter,
): Promise<void> {
  const { stack } = context;
  const isRunning = (await docker.services(stack)).some(
    ({ service, replicas = 1 }) => service === "ops" && replicas > 0,
  );
  if (!isRunning) {
    return;
  }
  try {
    await inStep(reporter, "logs to the archive", (detail) =>
      runInOps(docker, stack, "ops", ["run", "log-archive"], {
        timeoutSeconds: ARCHIVE_SECONDS,
        onLine: detail,
      }),
    );
  } catch (error) {
    process.stderr.write(
      `warning: what was logged since the last archive goes with the containers: ${messageOf(error)}\n`,
    );
  }
}

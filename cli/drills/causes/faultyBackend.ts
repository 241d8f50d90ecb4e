import { setTimeout as sleep } from "node:timers/promises";
import { UserError } from "../../errors";
import { CAUSE_SECONDS, type Cause, type CauseContext, command, DRILL_LABEL, imageOf } from "./cause";

/** What is wrong with it. */
type Fault = "slow" | "failing";

const ANSWER_MS = 1200;
const START_SECONDS = 60;

/** The program: well for health checks, as a release with a fault of its own is. */
function program(fault: Fault): string {
  const answer = fault === "slow" ? `setTimeout(() => end(200), ${ANSWER_MS})` : "end(500)";
  return `
const server = require("node:http").createServer((request, response) => {
  const end = (status) => response.writeHead(status, {"content-type": "application/json"}).end('{"drill":"${fault}"}');
  request.resume();
  if (request.url === "/api/health") end(200); else ${answer};
});
server.listen(5000);
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => process.exit(0));
setTimeout(() => process.exit(0), ${CAUSE_SECONDS * 1000});`;
}

/**
 * One backend more, among the real ones: nginx finds it by the name that they all have, so that a part of all requests meets it.
 * It is no part of the application, so that any application can be drilled.
 */
function faultyBackend(drill: string, fault: Fault): Cause {
  const nameOf = (stack: string): string => `fitnesscrm-${stack}-drill-${drill}`;
  return {
    async begin(context) {
      const { docker, stack } = context;
      // For its Node.js.
      const image = await imageOf(context, "ops");
      await command(docker, `service of drill ${drill}`, [
        ...["service", "create", "--detach", "--quiet", "--no-resolve-image", "--name", nameOf(stack)],
        ...["--label", `fitnesscrm.stack=${stack}`, "--label", `${DRILL_LABEL}=${drill}`],
        ...["--network", `name=fitnesscrm-${stack},alias=backend`, "--endpoint-mode", "dnsrr"],
        ...["--limit-cpu", "0.5", "--limit-memory", "96M", "--restart-condition", "none"],
        ...["--read-only", "--cap-drop", "ALL", "--user", "65534:65534", "--no-healthcheck"],
        ...["--entrypoint", "node", image, "-e", program(fault)],
      ]);
      await untilItShows(context, fault);
    },
    async remove({ docker, stack }) {
      const ids = await command(docker, `service of drill ${drill}`, [
        ...["service", "ls", "--quiet", "--filter", `name=${nameOf(stack)}`],
      ]);
      if (ids === "") {
        return false;
      }
      await docker.run(["service", "rm", nameOf(stack)]);
      return true;
    },
  };
}

/** The cause holds once a user has met it. */
async function untilItShows({ load, signal }: CauseContext, fault: Fault): Promise<void> {
  const deadline = Date.now() + START_SECONDS * 1000;
  const shows = (): boolean =>
    load !== undefined &&
    (fault === "slow" ? load.seen.slowestMs >= ANSWER_MS : (load.seen.statuses.get(500) ?? 0) > 0);
  while (!shows()) {
    if (Date.now() > deadline) {
      throw new UserError(
        `no request met the ${fault} backend within ${START_SECONDS} s: ${load?.describe() ?? "there were none"}`,
      );
    }
    await sleep(200, undefined, { signal });
  }
}

export const responseTime: Cause = faultyBackend("response-time", "slow");
export const errorRate: Cause = faultyBackend("error-rate", "failing");

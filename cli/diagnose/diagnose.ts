import { publicUrlOf, SERVICES, type ServiceName } from "../../config";
import { UserError } from "../errors";
import { readSecrets } from "../secrets";
import { inStep, openSession, progressReporter, type Session } from "../session";
import { readStats } from "../stats";
import { type Asked, type Facts, isKnown, type Limits } from "./facts";
import { formatDiagnosis } from "./format";
import { ask } from "./gather/ask";
import { BoundedDockerHost } from "./gather/bounded";
import { gatherDatabase } from "./gather/database";
import { gatherDisks, gatherProcesses, runningContainers } from "./gather/host";
import { timeRequest } from "./gather/request";
import { gatherServices } from "./gather/services";
import { diagnose } from "./judge/judge";

export interface DiagnoseOptions {
  stack: string;
  json?: boolean;
}

/** What a service cannot work without: it is looked at as well when that service is asked for. */
const NEEDS: Readonly<Record<ServiceName, readonly ServiceName[]>> = {
  db: [],
  redis: [],
  backend: ["db", "redis"],
  frontend: [],
  nginx: ["backend", "frontend"],
  ops: ["db", "redis"],
  restore: [],
  engine: [],
  agent: ["db", "redis", "engine"],
};

/**
 * `./fitnesscrm diagnose [service]` (M32 to M36): the checks of the manual's troubleshooting, and which one fails. Exit code 1 when one
 * does. Asks, and changes nothing.
 */
export async function showDiagnosis(service: string | undefined, options: DiagnoseOptions): Promise<void> {
  const names = servicesFor(service);
  const opened = openSession(options.stack);
  const session = { ...opened, docker: new BoundedDockerHost(opened.docker.host) };
  const facts = await inStep(progressReporter(), "Look at the stack", () => gather(session, names));
  const diagnosis = diagnose(facts, limitsOf(session.config));
  const details = {
    requests: facts.requests,
    processes: isKnown(facts.processes) ? facts.processes.answer.slice(0, 10) : [],
  };
  process.stdout.write(
    `${options.json ? JSON.stringify({ ...diagnosis, ...details }, null, 2) : formatDiagnosis(diagnosis, details)}\n`,
  );
  if (!diagnosis.healthy) {
    process.exitCode = 1;
  }
}

/** The services to look at. @throws UserError for one that is none. */
export function servicesFor(service: string | undefined): readonly ServiceName[] {
  if (service === undefined) {
    return SERVICES;
  }
  const found = SERVICES.find((name) => name === service);
  if (found === undefined) {
    throw new UserError(
      `service ${JSON.stringify(service)} is none of the stack: must be one of ${SERVICES.join(", ")}`,
      2,
    );
  }
  return [found, ...NEEDS[found]];
}

function limitsOf({ alarms, database }: Session["config"]): Limits {
  const { thresholds } = alarms;
  return {
    cpuPercent: thresholds.cpu,
    memoryPercent: thresholds.memory,
    diskPercent: thresholds.disk,
    responseMs: thresholds["response-time"],
    statementMs: database.slowStatementMilliseconds,
  };
}

async function gather(session: Session, names: readonly ServiceName[]): Promise<Facts> {
  const { config, context, docker } = session;
  const { stack } = context;
  const faced = names.some((name) => ["backend", "frontend", "nginx"].includes(name));
  const requests = async (): Promise<Facts["requests"]> =>
    faced
      ? Promise.all(["/", "/api/health"].map((path) => timeRequest(`${publicUrlOf(config.http)}${path}`)))
      : [];
  const engineProblem = await docker.problem();
  if (engineProblem !== undefined) {
    const unknown: Asked<never> = { unknown: "not known: the engine does not answer" };
    return {
      engineProblem,
      services: unknown,
      stats: unknown,
      processes: unknown,
      ...(names.includes("db") && { database: unknown }),
      ...(names.includes("redis") && { redis: unknown }),
      disks: await ask(() => gatherDisks(docker, new Map())),
      requests: await requests(),
    };
  }
  const containers = await runningContainers(docker, stack).catch(() => new Map<string, string[]>());
  const wanted = new Map([...containers].filter(([name]) => names.some((one) => one === name)));
  // Best effort: where they cannot be read, what looks like a secret is still hidden.
  const secrets = Object.values(await readSecrets(session.pulumi).catch(() => ({})));
  const [services, stats, processes, database, redis, disks, asked] = await Promise.all([
    ask(() => gatherServices({ docker, stack, names, secrets })),
    ask(async () =>
      (await readStats(docker, stack)).filter(({ service }) => names.some((name) => name === service)),
    ),
    ask(() => gatherProcesses(docker, wanted)),
    names.includes("db") ? ask(() => gatherDatabase(docker, stack, config)) : undefined,
    names.includes("redis") ? ask(() => pingRedis(session, containers.get("redis")?.[0])) : undefined,
    ask(() => gatherDisks(docker, containers)),
    requests(),
  ]);
  return {
    services,
    stats,
    processes,
    ...(database !== undefined && { database }),
    ...(redis !== undefined && { redis }),
    disks,
    requests: asked,
  };
}

/** By the image's own health check, which keeps the password out of every command line. */
async function pingRedis({ docker }: Session, container: string | undefined): Promise<string> {
  if (container === undefined) {
    throw new UserError("redis does not run");
  }
  const { code, stdout, stderr } = await docker.run(["exec", container, "/usr/local/bin/healthcheck"], 10);
  return code === 0 ? "PONG" : (stdout || stderr).trim().split("\n")[0] || `exit code ${code}`;
}

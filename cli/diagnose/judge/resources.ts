import { SUPERUSER_CONNECTIONS } from "../../../config";
import type { ServiceStats } from "../../stats";
import { duration, size } from "../../table";
import {
  type DatabaseFacts,
  type FileSystemFacts,
  type Finding,
  isKnown,
  type Limits,
  type ProcessFacts,
  type RequestFacts,
} from "../facts";

const ok = (part: string, what: string): Finding => ({ level: "ok", part, cause: "ok", what });

const READY: Readonly<Record<number, string>> = {
  0: "accepts connections",
  1: "refuses connections: it starts, stops or recovers",
  2: "does not answer",
};

/** Whether the database takes connections, who holds them and who is refused (M34), and which statements are slow (M36). */
export function judgeDatabase(facts: DatabaseFacts, limits: Limits): Finding[] {
  if (facts.ready !== 0) {
    return [
      {
        level: "fail",
        part: "database",
        cause: "not-ready",
        what: `pg_isready: ${READY[facts.ready] ?? `ended with ${facts.ready}`}${facts.said === "" ? "" : ` (${facts.said})`}`,
        todo: "./fitnesscrm logs db --tail 50; recovery after a crash takes minutes; else ./fitnesscrm restart db --yes",
      },
    ];
  }
  const findings = [...judgeConnections(facts), ...judgeRoles(facts)];
  return [
    ...(findings.length === 0
      ? [ok("database", "accepts connections; none is leaked, no role at its limit")]
      : findings),
    ...judgeStatements(facts, limits),
  ];
}

function judgeConnections({ connections }: DatabaseFacts): Finding[] {
  if (!isKnown(connections)) {
    return [
      { level: "unknown", part: "database", cause: "unknown", what: `connections: ${connections.unknown}` },
    ];
  }
  const { total, alarmAbove, groups, leaks } = connections.answer;
  const evidence = groups.map(
    ({ role, state, count, oldestSeconds }) =>
      `${count} of ${role || "(no role)"} ${state}, the oldest for ${duration(oldestSeconds)}`,
  );
  const [oldest] = leaks;
  return [
    ...(total > alarmAbove
      ? [
          {
            level: "fail" as const,
            part: "database",
            cause: "too-many-connections",
            what: `${total} connections, the limit is ${alarmAbove} (M27)`,
            todo: "fewer tasks (./fitnesscrm scale backend N) or a smaller pool in the application; docs/runbooks/database-connections.md",
            evidence,
          },
        ]
      : []),
    ...(oldest === undefined
      ? []
      : [
          {
            level: "fail" as const,
            part: "database",
            cause: "connection-leak",
            what: `${leaks.length} idle in transaction, the oldest of role ${oldest.role} (PID ${oldest.pid}) for ${duration(oldest.seconds)}: a leak`,
            todo: "./fitnesscrm restart backend ends them without a failed request; then find the code that leaves them",
            evidence: leaks.map(
              ({ pid, role, application, seconds }) =>
                `PID ${pid} of ${role}, ${application || "no application name"}, for ${duration(seconds)}`,
            ),
          },
        ]),
  ];
}

function judgeRoles({ roles, maxConnections }: DatabaseFacts): Finding[] {
  if (!isKnown(roles)) {
    return [{ level: "unknown", part: "database", cause: "unknown", what: `roles: ${roles.unknown}` }];
  }
  const full = roles.answer.filter(({ connections, limit }) => limit !== null && connections >= limit);
  const total = roles.answer.reduce((sum, { connections }) => sum + connections, 0);
  const room = isKnown(maxConnections)
    ? maxConnections.answer - SUPERUSER_CONNECTIONS
    : Number.POSITIVE_INFINITY;
  return [
    ...full.map(({ role, connections, limit }) => ({
      level: "fail" as const,
      part: "database",
      cause: "role-at-limit",
      what: `role ${role} has ${connections} of its ${limit} connections: further ones are refused`,
      todo: "./fitnesscrm db connections shows what they do; ./fitnesscrm restart backend frees the application's",
    })),
    ...(total >= room
      ? [
          {
            level: "fail" as const,
            part: "database",
            cause: "server-full",
            what: `${total} connections, and the server takes ${room} of ordinary roles: everybody else is refused`,
            todo: "./fitnesscrm db connections shows whose they are; database.maxConnections raises the limit",
          },
        ]
      : []),
  ];
}

function judgeStatements({ statements }: DatabaseFacts, { statementMs }: Limits): Finding[] {
  if (!isKnown(statements)) {
    return [{ level: "unknown", part: "statements", cause: "unknown", what: statements.unknown }];
  }
  const slow = statements.answer.filter(({ meanMs }) => meanMs >= statementMs);
  return slow.length === 0
    ? [ok("statements", `none of those that take most time takes ${statementMs} ms on average`)]
    : [
        {
          level: "warn",
          part: "statements",
          cause: "slow-statements",
          what: `${slow.length} take ${statementMs} ms or more on average (M31)`,
          todo: "an index, or another query: ./fitnesscrm db slow shows all of them",
          evidence: slow
            .slice(0, 5)
            .map(({ meanMs, calls, query }) => `${Math.round(meanMs)} ms, ${calls} calls: ${query}`),
        },
      ];
}

export function judgeRedis(answer: string): Finding {
  return answer === "PONG"
    ? ok("redis-answer", "answers a ping")
    : {
        level: "fail",
        part: "redis-answer",
        cause: "not-ready",
        what: `does not answer a ping: ${answer || "nothing was said"}`,
        todo: "./fitnesscrm logs redis --tail 50; while it loads its data, wait; else ./fitnesscrm restart redis --yes",
      };
}

/** Room on the file systems (M24). */
export function judgeDisks(disks: readonly FileSystemFacts[], { diskPercent }: Limits): Finding[] {
  const full = disks.filter(({ usedPercent }) => usedPercent > diskPercent);
  const shown = ({ holds, usedPercent, freeBytes }: FileSystemFacts): string =>
    `${holds}: ${Math.round(usedPercent)} % used, ${size(freeBytes)} free`;
  return full.length === 0
    ? [ok("disk", disks.map(shown).join("; "))]
    : full.map((disk) => ({
        // A database that cannot write stops.
        level: disk.usedPercent >= 98 ? "fail" : "warn",
        part: "disk",
        cause: "disk-full",
        what: `${shown(disk)}; the limit is ${diskPercent} % (M24)`,
        todo: "docs/runbooks/disk.md: old images and logs first",
      }));
}

/** Containers at their limits, with the processes that are to blame (M33, M35). */
export function judgeLoad(
  stats: readonly ServiceStats[],
  processes: readonly ProcessFacts[],
  { cpuPercent, memoryPercent }: Limits,
): Finding[] {
  const findings = stats.flatMap(({ service, containers }) =>
    containers.flatMap((one): Finding[] => {
      const cpu = one.cpuLimit === null ? 0 : one.cpuPercent / one.cpuLimit;
      const memory = one.memoryLimitBytes === null ? 0 : (100 * one.memoryBytes) / one.memoryLimitBytes;
      const own = processes.filter((process) => process.service === service);
      return [
        ...(cpu > cpuPercent
          ? [
              {
                level: "warn" as const,
                part: service,
                cause: "high-cpu",
                what: `container ${one.container} uses ${Math.round(cpu)} % of the ${one.cpuLimit} CPUs that it may (M33)`,
                todo: `slow statements and the newest release first; then ./fitnesscrm scale ${service} N or resources.${service}.cpus`,
                evidence: own.slice(0, 5).map(showProcess),
              },
            ]
          : []),
        ...(memory > memoryPercent
          ? [
              {
                level: "warn" as const,
                part: service,
                cause: "high-memory",
                what: `container ${one.container} uses ${Math.round(memory)} % of the ${size(one.memoryLimitBytes ?? 0)} that it may (M35)`,
                todo: `./fitnesscrm up --set resources.${service}.memoryMiB=MORE, or find the leak: docs/runbooks/memory.md`,
                evidence: byMemory(own).slice(0, 5).map(showProcess),
              },
            ]
          : []),
      ];
    }),
  );
  return findings.length === 0 ? [ok("load", "no container is near its limit of CPU or memory")] : findings;
}

function byMemory(processes: readonly ProcessFacts[]): ProcessFacts[] {
  return [...processes].sort((a, b) => b.memoryBytes - a.memoryBytes);
}

function showProcess({ pid, command, nowPercent, memoryBytes }: ProcessFacts): string {
  return `PID ${pid} ${command}: ${Math.round(nowPercent)} % of a CPU, ${size(memoryBytes)}`;
}

/** What users get, and where its time went (M36). */
export function judgeRequest(request: RequestFacts, { responseMs }: Limits): Finding {
  const { url, status, problem, totalMs, lookupMs, connectMs, tlsMs, waitMs } = request;
  if (problem !== null) {
    const at =
      lookupMs === null
        ? "its name is not found or not asked for"
        : connectMs === null
          ? "no connection"
          : "no answer";
    return {
      level: "fail",
      part: "request",
      cause: "no-answer",
      what: `${url}: ${at}: ${problem}`,
      todo: "nginx has to run and to have its port: see its line above; a firewall or DNS if it does",
    };
  }
  if (status === null || status >= 500) {
    return {
      level: "fail",
      part: "request",
      cause: "server-error",
      what: `${url}: answers ${status}`,
      todo: "./fitnesscrm logs backend --tail 100: the error itself",
    };
  }
  if (totalMs <= responseMs) {
    return ok("request", `${url}: ${status} in ${Math.round(totalMs)} ms`);
  }
  const phases: [string, number | null, string][] = [
    ["the name's look-up", lookupMs, "the resolver of this machine is slow, not the stack"],
    ["the connection", connectMs, "the network, or a server without room for connections"],
    ["TLS", tlsMs, "the server's CPU: ./fitnesscrm stats"],
    [
      "waiting for the answer",
      waitMs,
      "the application: slow statements above, ./fitnesscrm stats for its CPU",
    ],
  ];
  const [longest, milliseconds, todo] = phases.reduce((most, one) =>
    (one[1] ?? 0) > (most[1] ?? 0) ? one : most,
  );
  return {
    level: "warn",
    part: "request",
    cause: "slow-request",
    what: `${url}: ${Math.round(totalMs)} ms, the limit is ${responseMs} ms (M25); most of it ${longest}: ${Math.round(milliseconds ?? 0)} ms`,
    todo,
  };
}

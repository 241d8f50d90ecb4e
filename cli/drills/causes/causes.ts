import type { DrillName } from "../catalogue";
import type { Cause, RemovalContext } from "./cause";
import { connections } from "./connections";
import { cpu, memory, oom } from "./container";
import { disk } from "./disk";
import { failedLogins } from "./failedLogins";
import { errorRate, responseTime } from "./faultyBackend";
import { redisMemory } from "./redisMemory";
import { serviceDown, silence } from "./stopped";

export const CAUSES: Readonly<Record<DrillName, Cause>> = {
  cpu,
  memory,
  disk,
  connections,
  "redis-memory": redisMemory,
  oom,
  "failed-logins": failedLogins,
  "response-time": responseTime,
  "error-rate": errorRate,
  "service-down": serviceDown,
  silence,
};

/** Removes what drills left that were killed. @returns Their names. */
export async function removeLeftovers(context: RemovalContext): Promise<string[]> {
  const found = await Promise.all(
    Object.entries(CAUSES).map(async ([name, cause]) => ((await cause.remove(context)) ? name : undefined)),
  );
  return found.filter((name) => name !== undefined);
}

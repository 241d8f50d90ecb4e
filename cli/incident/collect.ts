import type { IncidentFacts } from "../../ops/incidents/event";
import { readAttempt } from "../deploy/record";
import { type Asked, isKnown } from "../diagnose/facts";
import { ask } from "../diagnose/gather/ask";
import { checkHealth } from "../health";
import { watchedTargets } from "../healthTargets";
import { readAlarms } from "../monitoring/alarms";
import { awsClients } from "../monitoring/aws";
import type { Session } from "../session";

/** What is so now: the release, the alarms that are on, what is unwell. Never throws: what nobody says is a fact as well. */
export async function collectFacts(session: Session): Promise<IncidentFacts> {
  const { config, context, docker } = session;
  const [attempt, alarms, health] = await Promise.all([
    ask(() => readAttempt(docker, context.stack)),
    ask(() => readAlarms(awsClients(config.aws), context.stack)),
    ask(() => checkHealth(watchedTargets(session))),
  ]);
  const live = isKnown(attempt) ? attempt.answer?.live : undefined;
  return {
    release: live === undefined ? null : { attempt: live.attempt, commit: live.commit, images: live.images },
    alarms: isKnown(alarms)
      ? alarms.answer
          .filter(({ state }) => state === "ALARM")
          .map(({ name, severity, since }) => ({ name, severity, since }))
      : [],
    unhealthy: isKnown(health)
      ? health.answer.components
          .filter(({ healthy }) => !healthy)
          .map(({ name, reason }) => ({ name, reason }))
      : [],
    unknown: [...why("release", attempt), ...why("alarms", alarms), ...why("health", health)],
  };
}

function why(what: string, asked: Asked<unknown>): string[] {
  return isKnown(asked) ? [] : [`${what}: ${asked.unknown}`];
}

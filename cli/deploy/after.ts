import { publicUrlOf } from "../../config";
import { messageOf, UserError } from "../errors";
import { checkHealth } from "../health";
import { healthTargets } from "../healthTargets";
import { get } from "../http";
import { metricsArrive } from "../monitoring/arriving";
import { awsClients, awsReason } from "../monitoring/aws";
import type { Session } from "../session";
import { type GateEnvironment, stringsOf } from "./environment";
import { type ErrorLine, errorLines } from "./logs";
import { readAttempt, writeAttempt } from "./record";
import { rememberDeployment } from "./remember";

/** Replaced tasks are healthy when a service counts as updated; the edge follows names a moment later, seconds. */
const HEALTH_SECONDS = 90;
const ENDPOINT_SECONDS = 10;
const POLL_MILLISECONDS = 1000;

export interface AfterReport {
  attempt: string;
  verifiedAt: string;
  notes: string[];
  seconds: number;
}

/**
 * The verification after a deployment (M18): every part healthy, the critical endpoints answer, the first logs show no error
 * burst. Then the attempt is recorded as verified, and the deployment itself in the bucket (M56).
 */
export async function runAfter(
  session: Session,
  handed: GateEnvironment,
  say: (text: string) => void,
): Promise<AfterReport> {
  const started = Date.now();
  const { docker, context } = session;
  const record = await readAttempt(docker, context.stack);
  if (record?.attempt !== handed.attempt) {
    throw new UserError(
      `the deployment that is recorded is ${record?.attempt ?? "none"}, not this one (${handed.attempt}): somebody else ` +
        "deploys this stack, or its record was lost; run ./fitnesscrm up again",
    );
  }
  const notes: string[] = [];
  const note = (text: string): void => {
    notes.push(text);
    say(text);
  };
  const images = stringsOf(handed.json("IMAGES"));
  const verification = { name: "after" as const, notes };
  try {
    await requireHealth(session, note);
    await requireEndpoints(session, note);
    await requireQuietLogs(session, new Date(record.startedAt), note);
    await expectMetrics(session, note);
  } catch (error) {
    await rememberDeployment(session, record, images, messageOf(error), {
      ...verification,
      result: "failed",
      seconds: secondsSince(started),
      // Why the verification failed is what has to be told; that it could not be written down as well is said beside it.
    }).catch((problem: unknown) => say(messageOf(problem)));
    throw error;
  }
  await rememberDeployment(session, record, images, undefined, {
    ...verification,
    result: "passed",
    seconds: secondsSince(started),
  }).catch((error: unknown) => note(messageOf(error)));
  await writeAttempt(docker, context.stack, {
    ...record,
    stage: "verified",
    live: { attempt: record.attempt, commit: record.commit, images, services: record.services },
  });
  return {
    attempt: handed.attempt,
    verifiedAt: new Date().toISOString(),
    notes,
    seconds: secondsSince(started),
  };
}

function secondsSince(started: number): number {
  return (Date.now() - started) / 1000;
}

async function requireHealth(session: Session, note: (text: string) => void): Promise<void> {
  const deadline = Date.now() + HEALTH_SECONDS * 1000;
  for (;;) {
    const { components } = await checkHealth(healthTargets(session));
    const unwell = components.filter(({ healthy }) => !healthy);
    if (unwell.length === 0) {
      note(`health: ${components.length} parts are healthy`);
      return;
    }
    if (Date.now() > deadline) {
      throw new UserError(
        `not healthy: ${unwell.map(({ name, reason }) => `${name}: ${reason}`).join("; ")}`,
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

async function requireEndpoints({ config }: Session, note: (text: string) => void): Promise<void> {
  const { endpoints } = config.deploy;
  for (const path of endpoints) {
    const url = `${publicUrlOf(config.http)}${path}`;
    const answer = await get(url, ENDPOINT_SECONDS).catch((error: unknown) => {
      throw new UserError(`critical endpoint ${url} does not answer: ${messageOf(error)}`);
    });
    if (answer.status < 200 || answer.status > 399) {
      throw new UserError(
        `critical endpoint ${url} answers ${answer.status}, 2xx or 3xx is expected: ${firstWords(answer.body)}`,
      );
    }
  }
  note(`endpoints: ${endpoints.join(", ")} answer`);
}

/** A release is no worse because nobody measures it; who deploys should know, and the alarm on silence tells on-call. */
async function expectMetrics({ config, context }: Session, note: (text: string) => void): Promise<void> {
  try {
    const arrive = await metricsArrive(
      awsClients(config.aws).cloudwatch,
      context.stack,
      config.alarms.periodSeconds,
    );
    note(arrive ? "metrics: they arrive" : "metrics: none arrives, see ./fitnesscrm logs agent");
  } catch (error) {
    note(`metrics: not known whether they arrive: ${awsReason(error)}`);
  }
}

function firstWords(body: string): string {
  return body.trim().slice(0, 160).replaceAll("\n", " ");
}

async function requireQuietLogs(
  { docker, config, context }: Session,
  startedAt: Date,
  note: (text: string) => void,
): Promise<void> {
  const { watchSeconds, maxErrors } = config.deploy;
  const watchedFrom = new Date();
  const until = watchedFrom.getTime() + watchSeconds * 1000;
  for (;;) {
    const errors = await errorLines(docker, context.stack, startedAt, watchedFrom);
    if (errors.length > maxErrors) {
      throw new UserError(
        `the first logs report ${errors.length} errors, ${maxErrors} are allowed (fitnesscrm:deploy.maxErrors): ${show(errors)}`,
      );
    }
    if (Date.now() >= until) {
      note(`first logs: ${errors.length} errors in ${watchSeconds} s, ${maxErrors} are allowed`);
      return;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MILLISECONDS));
  }
}

function show(errors: readonly ErrorLine[]): string {
  const last = errors.at(-1);
  return last === undefined ? "" : `${last.service}: ${last.line.slice(0, 300)}`;
}

import type { DeploymentRecord } from "../../ops/deployments/record";
import { getDeployment } from "../deploy/deploymentRecord";
import { messageOf, UserError } from "../errors";
import { openSession } from "../session";
import { formatRelease, formatReleases, jsonOf } from "./format";
import { type History, openHistory } from "./history";
import { type ReleaseEntry, readReleases, releasesIn } from "./list";

export interface ReleasesOptions {
  stack: string;
  limit: string;
  json?: boolean;
}

/** `./fitnesscrm releases` (M19). */
export async function listReleases({ stack, limit, json }: ReleasesOptions): Promise<void> {
  if (!/^[1-9]\d{0,5}$/.test(limit)) {
    throw new UserError(`--limit ${limit}: must be a number from 1 on`, 2);
  }
  const history = await openHistory(openSession(stack).pulumi);
  const entries = await readReleases(history, Number(limit));
  print(json, entries.map(jsonOf), () => formatReleases(entries, stack));
}

/** `./fitnesscrm releases show` (M19, M56). */
export async function showRelease(
  which: string,
  { stack, json }: { stack: string; json: boolean | undefined },
): Promise<void> {
  const { pulumi, docker } = openSession(stack);
  const entry = await findRelease(await openHistory(pulumi), which, stack);
  const attempt = entry.release?.attempt ?? null;
  let problem = "there is none: deployments before this one was written kept no record";
  let deployment: DeploymentRecord | undefined;
  if (attempt !== null) {
    problem = `there is none of attempt ${attempt}`;
    try {
      deployment = await getDeployment(docker, stack, attempt);
    } catch (error) {
      problem = `cannot be read: ${messageOf(error)}`;
    }
  }
  print(
    json,
    {
      ...jsonOf(entry),
      deployment: deployment ?? null,
      ...(deployment === undefined && { deploymentProblem: problem }),
    },
    () => formatRelease(entry, deployment, problem),
  );
}

/** @param which A number, or the id of an attempt. @throws UserError when there is no such release. */
export async function findRelease(history: History, which: string, stack: string): Promise<ReleaseEntry> {
  const version = /^\d+$/.test(which) ? Number(which) : undefined;
  for await (const entry of releasesIn(history)) {
    if (version === undefined ? entry.release?.attempt === which : entry.version === version) {
      return entry;
    }
  }
  throw new UserError(
    `release ${which} of stack ${stack} is not in the history of its state: ./fitnesscrm releases lists those that are`,
  );
}

function print(json: boolean | undefined, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text()}\n`);
}

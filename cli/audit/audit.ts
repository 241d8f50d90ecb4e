import { z } from "zod";
import { publicUrlOf } from "../../config";
import { type Audit, audit } from "../../ops/audits/audit";
import { messageOf, UserError } from "../errors";
import { runInOps } from "../ops";
import { inStep, openSession, prepareTools, progressReporter, type Session } from "../session";
import { formatAudit } from "./format";
import { type Auditor, auditPage } from "./lighthouse";

export interface AuditOptions {
  stack: string;
  page?: string[];
  json?: boolean;
}

/** What people see first, and what they see when something is wrong. */
const PAGES = ["/", "/status"];
const ANSWER_SECONDS = 60;

/**
 * `./fitnesscrm audit` (M15): Lighthouse looks at pages of the running stack from this machine, in its own browser; the scores go to the
 * backup bucket, by way of ops, and are shown with what has changed since the audit before. Exit code 1 where they could not be kept.
 */
export async function showAudit(options: AuditOptions): Promise<void> {
  const pages = pagesOf(options.page);
  const session = openSession(options.stack);
  const reporter = progressReporter();
  const { lighthouse, chromium } = await prepareTools(reporter, ["chromium", "lighthouse"]);
  if (lighthouse === undefined || chromium === undefined) {
    throw new UserError("audit: a browser and Lighthouse are needed: see the lines above");
  }
  const auditor: Auditor = { lighthouse, chromium };
  const url = publicUrlOf(session.config.http);
  const looked = [];
  for (const path of pages) {
    looked.push(await inStep(reporter, `audit of ${path}`, () => auditPage(auditor, url, path)));
  }
  const made: Audit = {
    at: new Date().toISOString(),
    version: looked[0]?.version ?? "",
    pages: looked.map(({ page }) => page),
  };
  const { before, problem } = await keep(session, made);
  process.stdout.write(
    options.json ? `${JSON.stringify({ ...made, before }, null, 2)}\n` : formatAudit(made, before),
  );
  if (problem !== undefined) {
    throw new UserError(`audit: the scores could not be kept: ${problem}`);
  }
}

/** @throws UserError with exit code 2 for what is no path of a page. */
export function pagesOf(given: readonly string[] | undefined): readonly string[] {
  for (const path of given ?? []) {
    if (!/^\/[^\s]{0,499}$/.test(path)) {
      throw new UserError(
        `audit --page ${path}: must be a path below the stack's address, such as /login`,
        2,
      );
    }
  }
  return given === undefined || given.length === 0 ? PAGES : [...new Set(given)];
}

/** @returns The audit before, where there is one, and why something could not be read or kept. */
async function keep(
  { docker, context }: Session,
  made: Audit,
): Promise<{ before: Audit | undefined; problem: string | undefined }> {
  const ask = (args: string[], input?: string): Promise<unknown> =>
    runInOps(docker, context.stack, "ops", ["audits", ...args], {
      timeoutSeconds: ANSWER_SECONDS,
      ...(input !== undefined && { input }),
    });
  let before: Audit | undefined;
  try {
    before = z
      .array(audit)
      .parse(await ask(["list"]))
      .at(-1);
    await ask(["put"], JSON.stringify(made));
    return { before, problem: undefined };
  } catch (error) {
    return { before, problem: messageOf(error) };
  }
}

import { writeFileSync } from "node:fs";
import { z } from "zod";
import { REPORT_KINDS } from "../ops/reports/model";
import type { DockerHost } from "./docker";
import { UserError } from "./errors";
import { runInOps } from "./ops";
import { openSession } from "./session";

const answer = z.object({ report: z.looseObject({}), text: z.string(), html: z.string() });
export type ShownReport = z.infer<typeof answer>;

/**
 * Has ops make a report now. Nothing of it is sent or kept; the one on tables runs VACUUM ANALYZE, as its task does.
 *
 * @throws UserError for a name that is none, and where ops does not answer.
 */
export async function reportNow(
  docker: DockerHost,
  stack: string,
  name: string,
  onLine: (line: string) => void,
): Promise<ShownReport> {
  if (!REPORT_KINDS.some((kind) => kind === name)) {
    throw new UserError(
      `report ${JSON.stringify(name)} does not exist: must be one of ${REPORT_KINDS.join(", ")}`,
      2,
    );
  }
  const parsed = answer.safeParse(await runInOps(docker, stack, "ops", ["report", name], { onLine }));
  if (!parsed.success) {
    throw new UserError(
      "ops report: its answer is not what this checkout expects: their versions differ, run ./fitnesscrm up",
    );
  }
  return parsed.data;
}

export async function showReport(
  name: string,
  { stack, json, html }: { stack: string; json?: boolean; html?: string },
): Promise<void> {
  const made = await reportNow(openSession(stack).docker, stack, name, (line) =>
    process.stderr.write(`${line}\n`),
  );
  if (html !== undefined) {
    try {
      writeFileSync(html, made.html);
    } catch (error) {
      throw new UserError(`--html ${html}: cannot be written (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  if (json) {
    process.stdout.write(`${JSON.stringify(made.report, null, 2)}\n`);
  } else if (html === undefined) {
    process.stdout.write(made.text);
  }
}

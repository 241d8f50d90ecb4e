import { z } from "zod";
import { type AuditedPage, CATEGORIES } from "../../ops/audits/audit";
import { UserError } from "../errors";
import { lastLine, run } from "../exec";

/** What audits pages: paths of the two programs. */
export interface Auditor {
  readonly lighthouse: string;
  readonly chromium: string;
}

const LIMIT_SECONDS = 180;
/** The browser asks for the audited page and nothing else; as root it has no sandbox. */
const BROWSER = [
  "--headless=new",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const report = z.looseObject({
  lighthouseVersion: z.string(),
  runtimeError: z.looseObject({ code: z.string(), message: z.string() }).optional(),
  categories: z.record(z.string(), z.looseObject({ score: z.number().nullable() })),
  audits: z.record(z.string(), z.looseObject({ numericValue: z.number().optional() })),
});

/** Audits one page (M15). @throws UserError when it cannot be opened, or Lighthouse has no judgement. */
export async function auditPage(
  { lighthouse, chromium }: Auditor,
  url: string,
  path: string,
): Promise<{ version: string; page: AuditedPage }> {
  const flags = [...BROWSER, ...(process.getuid?.() === 0 ? ["--no-sandbox"] : [])];
  const { code, stdout, stderr } = await run(
    process.execPath,
    [
      lighthouse,
      `${url}${path}`,
      "--output=json",
      "--quiet",
      "--no-enable-error-reporting",
      `--only-categories=${CATEGORIES.join(",")}`,
      `--chrome-flags=${flags.join(" ")}`,
    ],
    { env: { ...process.env, CHROME_PATH: chromium }, timeoutSeconds: LIMIT_SECONDS },
  );
  if (code === 124) {
    throw new UserError(
      `audit ${path}: Lighthouse was not done within ${LIMIT_SECONDS} s: is the machine busy?`,
    );
  }
  return judge(stdout, path, code === 0 ? undefined : lastLine(stderr));
}

/**
 * What Lighthouse says of a page.
 *
 * @param failure Why it ended badly, where it did.
 * @throws UserError in one line.
 */
export function judge(
  stdout: string,
  path: string,
  failure?: string,
): { version: string; page: AuditedPage } {
  const parsed = report.safeParse(jsonOf(stdout));
  const problem = parsed.data?.runtimeError;
  if (problem !== undefined) {
    throw new UserError(
      `audit ${path}: the page could not be opened (${problem.code}): ${firstLine(problem.message)}`,
    );
  }
  if (!parsed.success || failure !== undefined) {
    throw new UserError(`audit ${path}: Lighthouse failed: ${failure ?? "it printed no report"}`);
  }
  const { lighthouseVersion, categories, audits } = parsed.data;
  const scores = Object.fromEntries(
    CATEGORIES.map((name) => {
      const score = categories[name]?.score;
      if (score === null || score === undefined) {
        throw new UserError(`audit ${path}: Lighthouse could not judge its ${name}: try again`);
      }
      return [name, Math.round(score * 100)];
    }),
  ) as AuditedPage["scores"];
  const bytes = Math.round(audits["total-byte-weight"]?.numericValue ?? 0);
  return { version: lighthouseVersion, page: { path, scores, bytes } };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0] ?? "";
}

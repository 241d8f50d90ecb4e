/** Known faults of the npm packages that the launcher and ops are made of. */
import { z } from "zod";
import { PROJECT_FOLDER } from "../context";
import { type RunResult, run } from "../exec";

export interface NpmFault {
  readonly name: string;
  /** `info`, `low`, `moderate`, `high` or `critical`. */
  readonly severity: string;
  /** Versions that have it. */
  readonly range: string;
  readonly title: string;
  /** Whether there is a version without it. */
  readonly fixed: boolean;
}

/**
 * What the registry answered. One that keeps no list of faults is `not-looked`, as are machines without npm; one that cannot be
 * reached is `failed`.
 */
export type NpmLook =
  | { readonly state: "looked"; readonly faults: readonly NpmFault[] }
  | { readonly state: "not-looked"; readonly reason: string }
  | { readonly state: "failed"; readonly reason: string };

const SECONDS = 90;

/** Asks npm, which reads package-lock.json and changes nothing. */
export async function lookAtNpm(): Promise<NpmLook> {
  const args = ["audit", "--omit=dev", "--json", "--fetch-retries=0", "--fetch-timeout=30000"];
  return readAudit(await run("npm", args, { cwd: PROJECT_FOLDER, timeoutSeconds: SECONDS }));
}

const answer = z.union([
  z.object({
    vulnerabilities: z.record(
      z.string(),
      z.object({
        severity: z.string(),
        range: z.string().default(""),
        /** What is wrong with it itself, or the names of packages that it brings. */
        via: z.array(z.union([z.string(), z.object({ title: z.string() })])),
        fixAvailable: z.union([z.boolean(), z.object({})]),
      }),
    ),
  }),
  z.object({ message: z.string(), statusCode: z.number().optional() }),
]);

/** @param result Of `npm audit --json`, whose exit code is 1 when it found something and when it could not look. */
export function readAudit({ code, stdout, stderr }: Pick<RunResult, "code" | "stdout" | "stderr">): NpmLook {
  if (code === 127) {
    return { state: "not-looked", reason: "npm is not installed" };
  }
  if (code === 124) {
    return { state: "failed", reason: `npm gave no answer within ${SECONDS} seconds` };
  }
  const parsed = answer.safeParse(jsonIn(stdout));
  if (!parsed.success) {
    const line = stderr.trim().split("\n")[0] ?? "";
    return { state: "failed", reason: withoutAddress(line) || `npm audit ended with exit code ${code}` };
  }
  if ("vulnerabilities" in parsed.data) {
    return {
      state: "looked",
      faults: Object.entries(parsed.data.vulnerabilities).map(
        ([name, { severity, range, via, fixAvailable }]) => ({
          name,
          severity,
          range,
          title: via.map((one) => (typeof one === "string" ? `by ${one}` : one.title)).join("; "),
          fixed: fixAvailable !== false,
        }),
      ),
    };
  }
  const { message, statusCode } = parsed.data;
  return statusCode !== undefined && [404, 405, 501].includes(statusCode)
    ? { state: "not-looked", reason: `the registry keeps no list of faults (${withoutAddress(message)})` }
    : { state: "failed", reason: withoutAddress(message) };
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function withoutAddress(message: string): string {
  const words = message.replace(/ - [A-Z]+ [a-z]+:\/\/\S+/g, "").replace(/\b[a-z]+:\/\/\S+/g, "the registry");
  return words.replace(/\s+/g, " ").trim().slice(0, 200);
}

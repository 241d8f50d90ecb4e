import { writeFileSync } from "node:fs";
import { downtimeMode } from "../../config";
import { readCheckout } from "../../release";
import { PROJECT_FOLDER } from "../context";
import { requireReadableState } from "../damagedState";
import { UserError } from "../errors";
import { isolationNotes } from "../isolate/edge";
import { explainFailure } from "../pulumi";
import { openSession, policyArguments, prepareTools, progressReporter, type Session } from "../session";
import { renderComment } from "./comment";
import { type Preview, PreviewReader } from "./events";
import { judge, refusal } from "./judge";
import { type PreviewEnd, runPreview } from "./run";

export interface PreviewOptions {
  stack: string;
  refresh?: boolean;
  diff?: boolean;
  json?: boolean;
  expectNoChanges?: boolean;
  /** A file, or true for standard output. */
  comment?: string | true;
  refuseRisky?: boolean;
  despite?: string;
}

/** `./fitnesscrm preview`. Changes nothing. */
export async function preview(options: PreviewOptions): Promise<void> {
  const session = openSession(options.stack, { builds: true });
  requireReadableState(session.context);
  // A machine that only reviews, such as a workflow's, has no tools yet.
  await prepareTools(progressReporter(), ["pulumi"]);
  if (options.comment !== undefined || options.refuseRisky) {
    await previewAsComment(session, options);
  } else {
    await previewAsText(session, options);
  }
  for (const note of await isolationNotes(session.docker, session.context.stack)) {
    process.stderr.write(`isolated: ${note}\n`);
  }
}

function argumentsOf({ context }: Session, options: PreviewOptions, ...more: string[]): string[] {
  return [
    "preview",
    "--stack",
    context.stack,
    "--non-interactive",
    ...policyArguments(),
    ...(options.refresh ? ["--refresh"] : []),
    ...(options.diff ? ["--diff"] : []),
    ...(options.expectNoChanges ? ["--expect-no-changes"] : []),
    ...more,
  ];
}

async function previewAsText(session: Session, options: PreviewOptions): Promise<void> {
  const colour = process.stdout.isTTY === true ? ["--color", "always"] : [];
  const { code, hung } = await runPreview({
    args: argumentsOf(session, options, ...(options.json ? ["--json"] : colour)),
    environment: session.pulumi.environment,
    onLine: (line) => process.stdout.write(`${line}\n`),
    onErrorLine: (line) => process.stderr.write(`${line}\n`),
    errorIn: (line) => /\berror: (.+)$/.exec(line)?.[1]?.trim(),
    isIdle: (line) => /^@ previewing update\.*$/.test(line),
  });
  if (hung !== undefined) {
    throw new UserError(`preview: ${hung}`);
  }
  if (code !== 0) {
    const why = options.expectNoChanges ? "it failed, or something would change" : "it failed";
    throw new UserError(`preview: ${why} (pulumi's exit code ${code}): what it said stands above`);
  }
}

/** Renders what the engine streams for a reviewer, and ends as badly as the preview does. */
async function previewAsComment(session: Session, options: PreviewOptions): Promise<void> {
  const { context, config } = session;
  const reader = new PreviewReader();
  const other: string[] = [];
  const end = await runPreview({
    args: argumentsOf(session, options, "--json", "--color", "never"),
    environment: { ...session.pulumi.environment, PULUMI_ENABLE_STREAMING_JSON_PREVIEW: "true" },
    onLine: (line) => {
      if (!reader.add(line)) {
        other.push(line);
      }
    },
    onErrorLine: (line) => other.push(line),
    errorIn: (line) => (/"severity":"error"/.test(line) ? errorOf(line) : undefined),
  });
  const { preview: found } = reader;
  const { despite } = options;
  const judgement = judge(found, {
    at: new Date(),
    zone: config.timeZone,
    mode: downtimeMode(config),
    ...(despite !== undefined && { despite }),
  });
  const failure = failureOf(found, end, other.join("\n"));
  const commit = process.env.FITNESSCRM_PREVIEW_COMMIT || readCheckout(PROJECT_FOLDER).commit;
  const comment = renderComment({
    stack: context.stack,
    preview: found,
    judgement,
    ...(failure !== undefined && { failure }),
    ...(commit && { commit }),
    ...(config.pin !== undefined && { pinnedVersion: config.pin.version }),
  });
  if (typeof options.comment === "string") {
    writeFileSync(options.comment, comment);
  } else if (options.comment === true) {
    process.stdout.write(comment);
  }
  complain(options, found, failure, options.refuseRisky ? refusal(judgement, despite) : undefined);
}

function complain(
  options: PreviewOptions,
  { changes, violations, problems, succeeded }: Preview,
  failure: string | undefined,
  refused: string | undefined,
): void {
  const mandatory = violations.filter((violation) => violation.mandatory);
  const reason =
    failure ??
    (mandatory.length > 0
      ? `refused by ${[...new Set(mandatory.map(({ policy }) => policy))].join(", ")}`
      : undefined) ??
    (succeeded
      ? undefined
      : (problems.find(({ severity }) => severity === "error")?.message ?? "it failed")) ??
    (options.expectNoChanges && changes.length > 0
      ? `${changes.length === 1 ? "1 change" : `${changes.length} changes`}, and none was expected`
      : undefined) ??
    refused;
  if (reason !== undefined) {
    throw new UserError(`preview: ${reason.replace(/\s+/g, " ")}`);
  }
}

/** Why a preview is not whole; undefined for one that came to its end, be it a bad one. */
function failureOf(found: Preview, { code, hung }: PreviewEnd, output: string): string | undefined {
  if (hung !== undefined) {
    return hung;
  }
  const isExplained =
    found.succeeded ||
    found.violations.length > 0 ||
    found.problems.some(({ severity }) => severity === "error");
  return isExplained ? undefined : explainFailure({ code, stdout: "", stderr: output });
}

function errorOf(line: string): string {
  const reader = new PreviewReader();
  reader.add(line);
  return reader.preview.problems[0]?.message ?? "an error";
}

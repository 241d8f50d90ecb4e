import { reasonOf } from "../health";
import type { Mail } from "../mail/mailer";
import { REPORTS } from "./catalogue";
import { hoursBefore, type ReportContext } from "./context";
import { renderHtml } from "./html";
import { concernsOf, failuresOf, figuresOf, REPORT_TITLES, type Report, type ReportKind } from "./model";
import { assemble } from "./parts";
import type { Remembered } from "./store";
import { renderText } from "./text";

/** What a report's parts may ask, but for what the report itself knows. */
export type Asked = Omit<ReportContext, "now" | "from" | "before" | "remember">;

export interface MadeReport {
  readonly report: Report;
  readonly text: string;
  readonly html: string;
  readonly remembered: Remembered;
}

/** Makes a report. Parts that fail say so in their places. @throws The signal's reason. */
export async function makeReport(
  kind: ReportKind,
  asked: Asked,
  before: Remembered | undefined,
  signal: AbortSignal,
  now = new Date(),
): Promise<MadeReport> {
  const { hours, parts } = REPORTS[kind];
  const from = hoursBefore(now, hours);
  const lists: Record<string, readonly string[]> = {};
  const context: ReportContext = {
    ...asked,
    now,
    from,
    before,
    remember: (name, list) => {
      lists[name] = [...list].sort();
    },
  };
  const sections = await assemble(parts(context), signal);
  const report: Report = {
    kind,
    title: REPORT_TITLES[kind],
    stack: asked.stack,
    from: from.toISOString(),
    until: now.toISOString(),
    timeZone: asked.timeZone,
    since: before?.at ?? null,
    sections,
    before: before?.figures ?? {},
  };
  return {
    report,
    text: renderText(report),
    html: renderHtml(report),
    // What a part that failed would have kept is kept from the report before.
    remembered: {
      at: now.toISOString(),
      figures: { ...(failuresOf(report).length > 0 && before?.figures), ...figuresOf(report) },
      lists: { ...before?.lists, ...lists },
    },
  };
}

/** The mail's subject says whether it must be read now. */
export function mailOf({ report, text, html }: MadeReport, to: readonly string[]): Mail {
  const missing = failuresOf(report).length;
  const concerns = concernsOf(report).length;
  const state = [
    concerns === 0 ? undefined : `${concerns} to look at`,
    missing === 0 ? undefined : `${missing} of ${report.sections.length} parts missing`,
  ].filter((part) => part !== undefined);
  return {
    to,
    subject: `[FitnessCRM ${report.stack}] ${report.title}: ${state.length === 0 ? "nothing to look at" : state.join(", ")}`,
    text,
    html,
  };
}

export interface Delivery {
  /** The report before; rejects when it cannot be read. */
  last(): Promise<Remembered | undefined>;
  send(mail: Mail): Promise<void>;
  keep(made: MadeReport): Promise<void>;
}

/**
 * Makes a report, sends it and keeps it.
 *
 * @returns What was done, in one line. @throws Error when it was not sent, or not kept, or nothing of it could be made.
 */
export async function deliverReport(
  kind: ReportKind,
  asked: Asked,
  to: readonly string[],
  delivery: Delivery,
  { signal, log }: { signal: AbortSignal; log(line: string): void },
): Promise<{ reason: string; details: object }> {
  const before = await delivery.last().catch((error: unknown) => {
    signal.throwIfAborted();
    log(`nothing to compare with: ${reasonOf(error)}`);
    return undefined;
  });
  const made = await makeReport(kind, asked, before, signal);
  const failures = failuresOf(made.report);
  for (const failure of failures) {
    log(`a part could not be made: ${failure}`);
  }
  await delivery.send(mailOf(made, to));
  await delivery.keep(made).catch((error: unknown) => {
    throw new Error(`sent, but not kept for the next one: ${reasonOf(error)}`);
  });
  if (failures.length === made.report.sections.length) {
    throw new Error(`sent, but no part of it could be made: ${failures.join("; ")}`);
  }
  return {
    reason: [
      `sent to ${to.join(", ")}`,
      ...(failures.length === 0 ? [] : [`without ${failures.length} of its parts: ${failures.join("; ")}`]),
    ].join(", "),
    details: { recipients: to, concerns: concernsOf(made.report), failures },
  };
}

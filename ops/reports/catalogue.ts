import type { MakeParts } from "./context";
import { errors } from "./kinds/errors";
import { morning } from "./kinds/morning";
import { performance } from "./kinds/performance";
import { security } from "./kinds/security";
import { tables } from "./kinds/tables";
import type { ReportKind } from "./model";

export interface ReportSpec {
  /** What it covers, hours back from when it is made. */
  readonly hours: number;
  readonly parts: MakeParts;
}

const DAY = 24;

/** Every report: what time it covers and what is in it. When each is made stands in `tasks.ts`. */
export const REPORTS: Readonly<Record<ReportKind, ReportSpec>> = {
  morning: { hours: DAY, parts: morning },
  tables: { hours: 7 * DAY, parts: tables },
  performance: { hours: 7 * DAY, parts: performance },
  security: { hours: DAY, parts: security },
  errors: { hours: 7 * DAY, parts: errors },
};

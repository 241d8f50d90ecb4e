import { nextWindow } from "../../maintenanceWindow";
import { noticeAt } from "../../ops/pages/notice";
import type { OperatorsData } from "../../ops/pages/operatorsPage";
import type { StatusData } from "../../ops/pages/statusPage";
import type { DayOfPart } from "../../ops/pages/uptime";
import type { WindowJournal } from "../../ops/window/journal";

export const ZONE = "America/New_York";
const HOUR = 3_600_000;
const AS_OF = new Date("2026-12-04T15:42:10Z");

/** Ninety days: nothing known of the first twelve, then some short interruptions and a long one. */
export function someDays(seed: number): DayOfPart[] {
  return Array.from({ length: 90 }, (_, index) => {
    const date = new Date(AS_OF.getTime() - (89 - index) * 24 * HOUR).toISOString().slice(0, 10);
    const down = (index * 7 + seed) % 31 === 0 ? 240_000 : index === 50 + seed ? 5 * HOUR : 0;
    return index < 12 ? { date, up: 0, down: 0 } : { date, up: 24 * HOUR - down, down };
  });
}

export const ALL_WELL: StatusData = {
  asOf: AS_OF,
  zone: ZONE,
  parts: ["Application", "Database", "Cache"].map((title, index) => ({
    title,
    state: "up",
    days: someDays(index * 3),
  })),
  backup: { dumpAt: new Date("2026-12-04T07:04:00Z"), restorableTo: new Date("2026-12-04T15:41:20Z") },
  drill: { endedAt: new Date("2026-12-01T09:31:00Z"), passed: true, milliseconds: 61_000 },
  alarms: [],
  nextWindow: nextWindow(AS_OF, ZONE),
  notice: null,
  journal: null,
};

const JOURNAL: WindowJournal = {
  window: { from: "2026-12-06T07:00:00.000Z", to: "2026-12-06T09:00:00.000Z" },
  state: "running",
  rehearsal: false,
  reason: "",
  steps: [
    {
      name: "backup",
      startedAt: "2026-12-06T07:00:01Z",
      endedAt: "2026-12-06T07:01:10Z",
      result: "passed",
      detail: "internal detail",
    },
    { name: "vacuum-analyze", startedAt: "2026-12-06T07:01:12Z", endedAt: null, result: null, detail: "" },
  ],
};
const IN_WINDOW = new Date("2026-12-06T07:04:10Z");

export const IN_TROUBLE: StatusData = {
  ...ALL_WELL,
  asOf: IN_WINDOW,
  parts: ALL_WELL.parts.map((part, index) => ({ ...part, state: index === 0 ? "down" : "up" })),
  backup: { dumpAt: new Date("2026-12-04T07:04:00Z"), restorableTo: new Date("2026-12-04T15:41:20Z") },
  drill: null,
  alarms: [
    { title: "Service down", severity: "P0", since: new Date("2026-12-06T07:02:00Z") },
    { title: "Disk", severity: "P3", since: new Date("2026-12-05T07:02:00Z") },
  ],
  nextWindow: nextWindow(IN_WINDOW, ZONE),
  notice: noticeAt(IN_WINDOW, ZONE, JOURNAL),
  journal: JOURNAL,
};

export const OPERATORS: OperatorsData = {
  asOf: IN_WINDOW,
  zone: ZONE,
  journal: JOURNAL,
  duty: { engineer: "Ada Lovelace", until: new Date("2026-12-11T22:00:00Z"), override: true },
  checks: [
    { name: "database", healthy: true, reason: "ok", checkedAt: "2026-12-06T07:04:02Z" },
    {
      name: "backend",
      healthy: false,
      reason: "connect ECONNREFUSED 10.0.0.3:5000",
      checkedAt: "2026-12-06T07:04:02Z",
    },
  ],
  alarms: [
    {
      title: "Disk",
      severity: "P3",
      since: IN_WINDOW,
      text: "P3 Disk Usage above 85% on local (M24). Clean up logs, old backups.",
    },
  ],
};

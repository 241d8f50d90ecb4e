/** What a report says, before it is mail. Pure. */

export const REPORT_KINDS = ["morning", "tables", "performance", "security", "errors"] as const;
export type ReportKind = (typeof REPORT_KINDS)[number];

/** What each report is called. */
export const REPORT_TITLES: Readonly<Record<ReportKind, string>> = {
  morning: "Morning report",
  tables: "Tables and indexes",
  performance: "Performance of the week",
  security: "Security report",
  errors: "Errors of the week",
};

/** Name of the task that makes and sends a report. */
export function taskOf(kind: ReportKind): `report-${ReportKind}` {
  return `report-${kind}`;
}

export type Unit = "count" | "percent" | "bytes" | "seconds" | "milliseconds";
export type Tone = "good" | "warning" | "bad";

/** A number that is shown with its unit and, where it has a key, with its change since the last report of the kind. */
export interface Figure {
  /** Null where there is none: "no data", which is not 0. */
  readonly value: number | null;
  readonly unit: Unit;
  /** Names the figure in every report of its kind. */
  readonly key?: string;
  readonly tone?: Tone;
}

/** Text as it came from wherever it came: it is escaped where it is shown, and only there. */
export type Cell = string | Figure;

export interface Fact {
  readonly label: string;
  readonly value: Cell;
  readonly tone?: Tone;
  readonly note?: string;
}

export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
  /** What is said where there are no rows. */
  readonly empty: string;
}

/** A small chart: one bar an item, in the order of the items. */
export interface Bars {
  readonly title: string;
  readonly unit: Unit;
  readonly items: readonly { readonly label: string; readonly value: number | null }[];
}

export interface Section {
  readonly title: string;
  /** One line on how to read it. */
  readonly lead?: string;
  readonly facts?: readonly Fact[];
  readonly bars?: readonly Bars[];
  readonly tables?: readonly Table[];
  /** Why this part could not be made: it stands in its place. */
  readonly failure?: string;
}

export interface Report {
  readonly kind: ReportKind;
  readonly title: string;
  readonly stack: string;
  /** ISO times of what it covers. */
  readonly from: string;
  readonly until: string;
  /** IANA zone in which times are shown. */
  readonly timeZone: string;
  /** ISO time of the report that changes are counted from; null for the first one. */
  readonly since: string | null;
  readonly sections: readonly Section[];
  /** Figures by key, of the report before. */
  readonly before: Figures;
}

export type Figures = Readonly<Record<string, number>>;

/** Every figure of a report that has a key and a value. */
export function figuresOf({ sections }: Pick<Report, "sections">): Figures {
  const figures: Record<string, number> = {};
  const keep = (cell: Cell): void => {
    if (typeof cell !== "string" && cell.key !== undefined && cell.value !== null) {
      figures[cell.key] = cell.value;
    }
  };
  for (const { facts = [], tables = [] } of sections) {
    for (const { value } of facts) {
      keep(value);
    }
    for (const cell of tables.flatMap(({ rows }) => rows.flat())) {
      keep(cell);
    }
  }
  return figures;
}

/** What a figure changed by since the report before; undefined where there is nothing to compare. */
export function changeOf({ key, value }: Figure, before: Figures): number | undefined {
  const old = key === undefined || !Object.hasOwn(before, key) ? undefined : before[key];
  return old === undefined || value === null ? undefined : value - old;
}

/** Parts that could not be made, as `title: reason`. */
export function failuresOf({ sections }: Pick<Report, "sections">): string[] {
  return sections.flatMap(({ title, failure }) => (failure === undefined ? [] : [`${title}: ${failure}`]));
}

const WORST: readonly Tone[] = ["bad", "warning"];

/** Labels of the facts that somebody should look at, the worst first. */
export function concernsOf({ sections }: Pick<Report, "sections">): { tone: Tone; label: string }[] {
  const facts = sections.flatMap(({ facts = [] }) => facts);
  return WORST.flatMap((tone) =>
    facts
      .filter(
        (fact) => (fact.tone ?? (typeof fact.value === "string" ? undefined : fact.value.tone)) === tone,
      )
      .map(({ label }) => ({ tone, label })),
  );
}

import { z } from "zod";
import { PREFIXES } from "../../bucketLayout";
import { type BucketPlace, parseKept, withKept } from "../backup/kept";
import type { Figures, ReportKind } from "./model";

/** Mail is sent by then: an S3 that is away is waited for this long only. */
const REPORTS = { prefix: PREFIXES.reports, patienceMs: 30_000 };

/** What the next report of the kind is compared with. */
export interface Remembered {
  /** ISO time at which the report was made. */
  readonly at: string;
  readonly figures: Figures;
  /** Lists that the next report finds changes in, by name; sorted. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
}

const remembered: z.ZodType<Remembered> = z.object({
  at: z.iso.datetime(),
  figures: z.record(z.string(), z.number()),
  lists: z.record(z.string(), z.array(z.string())),
});

/**
 * The newest report of a kind that was kept.
 *
 * @returns undefined when there is none. @throws Error of one line when S3 is away, or what lies there is damaged.
 */
export async function lastReport(place: BucketPlace, kind: ReportKind): Promise<Remembered | undefined> {
  return withKept(place, REPORTS, "backup_reader", async (store) => {
    const objects = await store.list(`${kind}/`);
    const key = objects
      .map((one) => one.key)
      .filter((one) => one.endsWith(".json"))
      .sort()
      .at(-1);
    const text = key === undefined ? undefined : await store.getText(key);
    return text === undefined
      ? undefined
      : parseKept(remembered, `${REPORTS.prefix}${key}`, text, "is no report");
  });
}

/** Keeps a report: as a page to read later, and its figures for the next one. */
export async function keepReport(
  place: BucketPlace,
  kind: ReportKind,
  html: string,
  content: Remembered,
): Promise<void> {
  const name = `${kind}/${content.at.replace(/[-:]|\.\d+/g, "").toLowerCase()}`;
  await withKept(place, REPORTS, "backup_writer", async (store) => {
    await store.putText(`${name}.html`, html);
    // Last: a report whose figures are there is a whole one.
    await store.putText(`${name}.json`, `${JSON.stringify(content)}\n`);
  });
}

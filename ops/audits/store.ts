import type { z } from "zod";
import { PREFIXES } from "../../bucketLayout";
import { type BucketPlace, parseKept, withKept } from "../backup/kept";
import { type Audit, audit } from "./audit";

/** Beside the reports, and kept as long. */
const AUDITS = { prefix: `${PREFIXES.reports}lighthouse/`, patienceMs: 30_000 };
/** How many are read: a year of months. */
const MOST = 12;

/** Keeps an audit. One of the same second is written over. @throws Error of one line when S3 is away. */
export async function putAudit(place: BucketPlace, content: Audit): Promise<void> {
  const name = `${content.at.replace(/[-:]|\.\d+/g, "").toLowerCase()}.json`;
  await withKept(place, AUDITS, "backup_writer", (store) =>
    store.putText(name, `${JSON.stringify(content)}\n`),
  );
}

/** The newest audits, oldest first. @throws Error of one line when S3 is away, or for an object that is no audit. */
export async function readAudits(place: BucketPlace): Promise<Audit[]> {
  return withKept(place, AUDITS, "backup_reader", async (store) => {
    const keys = (await store.list("")).map(({ key }) => key).filter((key) => key.endsWith(".json"));
    return Promise.all(
      keys
        .sort()
        .slice(-MOST)
        .map(async (key) =>
          parseKept(audit, `${AUDITS.prefix}${key}`, await store.getText(key), "is no audit"),
        ),
    );
  });
}

/** `audits put`, with an audit on standard input, and `audits list` (M15). @param read Reads the input. */
export async function audits(
  [verb, ...more]: readonly string[],
  place: BucketPlace,
  read: <T>(schema: z.ZodType<T>) => Promise<T>,
): Promise<unknown> {
  if (verb === "put" && more.length === 0) {
    const content = await read(audit);
    await putAudit(place, content);
    return { at: content.at };
  }
  if (verb === "list" && more.length === 0) {
    return readAudits(place);
  }
  throw new Error("audits takes put with an audit on standard input, or list");
}

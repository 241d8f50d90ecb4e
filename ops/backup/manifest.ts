import { z } from "zod";
import { ID_PATTERN } from "./id";

/** Names of a backup's files, in its local folder and below its id in the bucket. */
export const FILES = {
  database: "database.tar.age",
  uploads: "uploads.tar.zst.age",
  manifest: "manifest.json",
} as const;

const count = z.int().min(0);
const checksum = z.string().regex(/^[0-9a-f]+$/);
/** Of 64 bits: a number of JSON would lose its end. */
const integer = z.string().regex(/^-?\d{1,20}$/, "is not a whole number");
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, "is not a SHA-256 in lower-case hex");

const schema = z.strictObject({
  format: z.literal(1),
  id: z.string().regex(ID_PATTERN, "is not a backup's id"),
  /** The moment of the snapshot: the data is as it was then. ISO 8601, UTC. */
  createdAt: z.iso.datetime(),
  finishedAt: z.iso.datetime(),
  label: z.string().nullable(),
  /** The backend's image of the last deployment that succeeded before this backup. */
  release: z.string(),
  stack: z.string(),
  /** E.g. `17.6 (Debian 17.6-1)`, and 170006. */
  serverVersion: z.string(),
  serverVersionNum: z.int(),
  /** `bytes` is what the database takes on the server's disk. */
  database: z.strictObject({ name: z.string(), bytes: count }),
  /** Every table and leaf partition. The checksum is that of `tables.ts`. */
  tables: z.array(
    z.strictObject({
      schema: z.string(),
      name: z.string(),
      rows: count,
      checksum,
    }),
  ),
  /**
   * What else the database holds, see `objects.ts`; a backup made before these were written down has none of the three. `next` is
   * the number that a sequence gives next, `step` what it adds each time.
   */
  sequences: z
    .array(
      z.strictObject({
        schema: z.string(),
        name: z.string(),
        next: integer,
        step: integer,
        cycles: z.boolean(),
      }),
    )
    .optional(),
  largeObjects: z.strictObject({ count, checksum }).optional(),
  /** `rows` is null for one that was never filled. */
  materializedViews: z
    .array(z.strictObject({ schema: z.string(), name: z.string(), rows: count.nullable() }))
    .optional(),
  /** The application's uploads; `sha256` is that of the listing in `uploads.ts`. */
  uploads: z.strictObject({ files: count, bytes: count, sha256 }),
  /** The encrypted files as they lie in the folder and in the bucket. */
  files: z.array(z.strictObject({ name: z.string(), bytes: count, sha256 })),
});

/** What a backup holds. */
export type Manifest = z.infer<typeof schema>;
export type TableSum = Manifest["tables"][number];

/** @throws Error of one line: not JSON, or what is wrong with which field. */
export function parseManifest(text: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Error("the manifest is not JSON: it is cut or damaged");
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const [first] = parsed.error.issues;
    throw new Error(`the manifest is not valid: ${first?.path.join(".")}: ${first?.message}`);
  }
  const names = parsed.data.files.map((file) => file.name);
  for (const needed of [FILES.database, FILES.uploads]) {
    if (names.filter((name) => name === needed).length !== 1) {
      throw new Error(`the manifest is not valid: files: ${needed} must stand there once`);
    }
  }
  const strange = names.find((name) => name !== FILES.database && name !== FILES.uploads);
  if (strange !== undefined) {
    throw new Error(`the manifest is not valid: files: ${JSON.stringify(strange)} is not part of a backup`);
  }
  return parsed.data;
}

export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, null, 1)}\n`;
}

/** The line of one of the two encrypted files. */
export function fileOf(manifest: Manifest, name: string): Manifest["files"][number] {
  const file = manifest.files.find((each) => each.name === name);
  if (file === undefined) {
    throw new Error(`the manifest of ${manifest.id} does not name ${name}`);
  }
  return file;
}

const fullName = ({ schema, name }: { schema: string; name: string }) => `${schema}.${name}`;

/** Every difference between what a backup holds and what was found, one line each; empty when they are equal. */
export function compareTables(expected: readonly TableSum[], found: readonly TableSum[]): string[] {
  // Quoted names may hold dots: the pair is the key, the joined name only what is shown.
  const key = ({ schema, name }: TableSum) => JSON.stringify([schema, name]);
  const present = new Map(found.map((table) => [key(table), table]));
  const differences: string[] = [];
  for (const table of expected) {
    const other = present.get(key(table));
    present.delete(key(table));
    if (other === undefined) {
      differences.push(`${fullName(table)} is missing (${table.rows} rows expected)`);
    } else if (other.rows !== table.rows) {
      differences.push(`${fullName(table)} has ${other.rows} rows, ${table.rows} are expected`);
    } else if (other.checksum !== table.checksum) {
      differences.push(`${fullName(table)} has ${table.rows} rows as expected, but other content`);
    }
  }
  for (const table of present.values()) {
    differences.push(`${fullName(table)} is not in the backup (${table.rows} rows)`);
  }
  return differences;
}

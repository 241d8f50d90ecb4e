import { readFile } from "node:fs/promises";
import { z } from "zod";

/** An age public key (X25519). */
const RECIPIENT = /^age1[02-9ac-hj-np-z]{58}$/;

const schema = z.strictObject({
  /** The stack's name, part of every manifest. */
  stack: z.string().min(1),
  /** Where the database is. The role and its password are the secret `backup_database_url`. */
  database: z.strictObject({
    host: z.string().min(1),
    port: z.int().min(1).max(65_535),
    name: z.string().min(1),
  }),
  /** IANA zone of the schedule. */
  timeZone: z.string().min(1),
  bucket: z.string().min(1),
  /** What stands before a backup's id in the bucket, with the slash. */
  prefix: z.string().regex(/^([^/]+\/)*$/, "must be empty or end with / and not start with one"),
  region: z.string().min(1),
  /** S3's address where it is not Amazon's; the bucket then stands in the path. */
  endpoint: z.url({ protocol: /^https?$/ }).optional(),
  /** age public keys; each of their private keys can read every backup. */
  recipients: z.array(z.string().regex(RECIPIENT, "is not an age public key (age1…)")).min(1),
  /** Days after which a local copy goes, once a newer one is verified (M43). */
  retentionDaysLocal: z.int().min(1),
  /** CloudWatch namespace of the backup's metrics. */
  metricNamespace: z.string().min(1),
  /** The database's continuous log (pgBackRest), where it is kept. */
  wal: z.strictObject({ stanza: z.string().min(1), prefix: z.string() }).optional(),
});

/** What the backup, the restore and the drill are told: `/fitnesscrm/backup.json`. It holds no secret. */
export type BackupSettings = z.infer<typeof schema>;

/** @throws Error of one line that names the key, what is wrong with it and where. `source` is the file's name. */
export function parseSettings(text: string, source = "backup.json"): BackupSettings {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`${source} is not JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const parsed = schema.safeParse(value);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) =>
      issue.path.length === 0 ? issue.message : `${issue.path.join(".")}: ${issue.message}`,
    );
    throw new Error(`${source} is not valid: ${problems.join("; ")}`);
  }
  return parsed.data;
}

/** @throws Error of one line when the file is missing or not valid. */
export async function readSettings(path: string): Promise<BackupSettings> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw new Error(`the backup settings ${path} cannot be read (${error.code})`);
  });
  return parseSettings(text, path);
}

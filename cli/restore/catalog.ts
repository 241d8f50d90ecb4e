import { z } from "zod";
import { UserError } from "../errors";
import type { DatabaseFacts } from "./swap";

/** Every database of the server, as one JSON document. */
export const CATALOG_SQL = `SELECT coalesce(json_agg(json_build_object(
  'name', d.datname,
  'owner', pg_get_userbyid(d.datdba),
  'allowConnections', d.datallowconn,
  'connectionLimit', d.datconnlimit,
  'comment', shobj_description(d.oid, 'pg_database'),
  'bytes', pg_database_size(d.oid),
  'privileges', CASE WHEN d.datacl IS NOT NULL THEN (
    SELECT coalesce(json_agg(json_build_object(
      'grantee', CASE WHEN a.grantee <> 0 THEN pg_get_userbyid(a.grantee) END,
      'privilege', a.privilege_type,
      'grantable', a.is_grantable)), '[]') FROM aclexplode(d.datacl) a) END,
  'settings', (
    SELECT coalesce(json_agg(json_build_object(
      'role', CASE WHEN s.setrole <> 0 THEN pg_get_userbyid(s.setrole) END,
      'entries', s.setconfig)), '[]') FROM pg_db_role_setting s WHERE s.setdatabase = d.oid)
) ORDER BY d.datname), '[]') FROM pg_database d WHERE NOT d.datistemplate;
`;

/**
 * The rows of every ordinary table of the application, one JSON object a line. What an extension brings is not the
 * application's.
 */
export const ROWS_SQL = `SELECT format(
  'SELECT json_build_object(''schema'', %L::text, ''name'', %L::text, ''rows'', count(*)) FROM ONLY %I.%I',
  n.nspname, c.relname, n.nspname, c.relname)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_depend e WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')
ORDER BY n.nspname, c.relname
\\gexec
`;

const facts = z.object({
  name: z.string(),
  owner: z.string(),
  allowConnections: z.boolean(),
  connectionLimit: z.number().int(),
  comment: z.string().nullable(),
  bytes: z.number(),
  privileges: z
    .array(z.object({ grantee: z.string().nullable(), privilege: z.string(), grantable: z.boolean() }))
    .nullable(),
  settings: z.array(z.object({ role: z.string().nullable(), entries: z.array(z.string()) })),
});

/** Rows of one table. */
export const tableRows = z.object({
  schema: z.string(),
  name: z.string(),
  rows: z.number().int().nonnegative(),
});
export type TableRows = z.infer<typeof tableRows>;

/** @throws UserError when the server answered something else. */
export function parseCatalog(stdout: string): DatabaseFacts[] {
  return parse(z.array(facts), stdout, "the server's catalog");
}

/** @throws UserError when the server answered something else. */
export function parseRows(stdout: string): TableRows[] {
  const lines = stdout.split("\n").filter((line) => line.trim() !== "");
  return lines.map((line) => parse(tableRows, line, "the row counts"));
}

function parse<T>(schema: z.ZodType<T>, text: string, what: string): T {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new UserError(`database server: ${what} came back unreadable: run the command again`);
  }
  const result = schema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw new UserError(
      `database server: ${what} came back wrong at ${issue?.path.join("/")}: ${issue?.message}`,
    );
  }
  return result.data;
}

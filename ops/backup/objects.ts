/** What a database holds beside its tables: numbers that sequences give next, large objects, materialized views. */
import { type Client, escapeIdentifier } from "pg";
import type { Manifest } from "./manifest";
import { checksum } from "./tables";

export type SequenceSum = NonNullable<Manifest["sequences"]>[number];
export type LargeObjectsSum = NonNullable<Manifest["largeObjects"]>;
export type ViewSum = NonNullable<Manifest["materializedViews"]>[number];

/** The part of a manifest that this module makes. One made before it was written there has none of it. */
export type ObjectSums = Pick<Manifest, "sequences" | "largeObjects" | "materializedViews">;

interface Name {
  readonly schema: string;
  readonly name: string;
}

const OURS = `c.relpersistence <> 't' AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
  AND NOT EXISTS (SELECT FROM pg_catalog.pg_depend d
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = c.oid AND d.objsubid = 0 AND d.deptype = 'e')`;

const SEQUENCES_QUERY = `
SELECT n.nspname AS schema, c.relname AS name, s.seqincrement::text AS step, s.seqcycle AS cycles
FROM pg_catalog.pg_sequence s
JOIN pg_catalog.pg_class c ON c.oid = s.seqrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE ${OURS} ORDER BY 1, 2`;

const VIEWS_QUERY = `
SELECT n.nspname AS schema, c.relname AS name, c.relispopulated AS populated
FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'm' AND ${OURS} ORDER BY 1, 2`;

/** Read in pieces of 1 MiB: one large object may be larger than a value can be. Holes in it read as zeros, as a dump does. */
const LARGE_OBJECTS_QUERY = `
SELECT count(DISTINCT o.loid)::text AS count,
  coalesce(pg_catalog.sum(pg_catalog.hash_record_extended(
    ROW(o.loid, piece.start, pg_catalog.lo_get(o.loid, piece.start, 1048576)), 0)), 0)::text AS sum
FROM (
  SELECT m.oid AS loid, coalesce((
    SELECT p.pageno::bigint * (pg_catalog.current_setting('block_size')::int / 4) + pg_catalog.octet_length(p.data)
    FROM pg_catalog.pg_largeobject p WHERE p.loid = m.oid ORDER BY p.pageno DESC LIMIT 1), 0) AS bytes
  FROM pg_catalog.pg_largeobject_metadata m
) o, pg_catalog.generate_series(0::bigint, greatest(o.bytes - 1, 0), 1048576) AS piece(start)`;

const fullName = ({ schema, name }: Name) => `${escapeIdentifier(schema)}.${escapeIdentifier(name)}`;

/**
 * Where every sequence stands. No transaction holds a sequence still: what `nextval` gave out meanwhile is in, also what is
 * rolled back later.
 */
export async function readSequences(client: Client): Promise<SequenceSum[]> {
  const { rows: found } = await client.query<Name & { step: string; cycles: boolean }>(SEQUENCES_QUERY);
  const sums: SequenceSum[] = [];
  for (const sequence of found) {
    const { rows } = await client.query<{ value: string; called: boolean }>(
      `SELECT last_value::text AS value, is_called AS called FROM ${fullName(sequence)}`,
    );
    const [state] = rows;
    if (state === undefined) throw new Error(`${sequence.schema}.${sequence.name} could not be read`);
    const { schema, name, step, cycles } = sequence;
    const next = BigInt(state.value) + (state.called ? BigInt(step) : 0n);
    sums.push({ schema, name, next: String(next), step, cycles });
  }
  return sums;
}

/** Large objects and materialized views as the client's transaction sees them. */
export async function countObjects(client: Client): Promise<Omit<Required<ObjectSums>, "sequences">> {
  const { rows: large } = await client.query<{ count: string; sum: string }>(LARGE_OBJECTS_QUERY);
  const [sum] = large;
  if (sum === undefined) throw new Error("the large objects could not be counted");
  const { rows: found } = await client.query<Name & { populated: boolean }>(VIEWS_QUERY);
  const materializedViews: ViewSum[] = [];
  for (const view of found) {
    const { rows } = view.populated
      ? await client.query<{ rows: string }>(
          `SELECT pg_catalog.count(*)::text AS rows FROM ${fullName(view)}`,
        )
      : { rows: [] };
    const [counted] = rows;
    materializedViews.push({
      schema: view.schema,
      name: view.name,
      rows: counted === undefined ? null : Number(counted.rows),
    });
  }
  return { largeObjects: { count: Number(sum.count), checksum: checksum(sum.sum) }, materializedViews };
}

const key = ({ schema, name }: Name) => JSON.stringify([schema, name]);
const shown = ({ schema, name }: Name) => `${schema}.${name}`;

/** Whether `a` would give numbers that `b` has given out already. One that cycles gives every number again by intention. */
function isBehind(a: SequenceSum, b: SequenceSum): boolean {
  if (b.cycles) return false;
  return BigInt(b.step) > 0n ? BigInt(a.next) < BigInt(b.next) : BigInt(a.next) > BigInt(b.next);
}

/**
 * Two looks at the same sequences, of before and after a dump, as the one that the dump cannot be behind: where one was set back
 * meanwhile, the earlier number counts.
 */
export function leastAdvanced(before: readonly SequenceSum[], after: readonly SequenceSum[]): SequenceSum[] {
  const later = new Map(after.map((each) => [key(each), each]));
  return before.map((each) => {
    const now = later.get(key(each));
    return now !== undefined && isBehind(now, each) ? now : each;
  });
}

/**
 * Every difference that makes a restored database another one than was saved; empty when there is none, and for what the manifest
 * says nothing of. A sequence may be ahead: it went on while the dump was made.
 *
 * A materialized view must be there and filled; its number of rows is not compared, because a restore makes it anew, from tables that
 * were compared, by a query that may ask for the time, or that nobody had refreshed it for.
 */
export function compareObjects(expected: ObjectSums, found: ObjectSums): string[] {
  const differences: string[] = [];
  const sequences = new Map((found.sequences ?? []).map((each) => [key(each), each]));
  for (const sequence of expected.sequences ?? []) {
    const other = sequences.get(key(sequence));
    if (other === undefined) {
      differences.push(`the sequence ${shown(sequence)} is missing (${sequence.next} is its next number)`);
    } else if (isBehind(other, sequence)) {
      differences.push(
        `the sequence ${shown(sequence)} would give ${other.next} next, ${sequence.next} is expected`,
      );
    }
  }
  const large = expected.largeObjects;
  if (large !== undefined) {
    const { count, checksum: sum } = found.largeObjects ?? { count: 0, checksum: "" };
    if (count !== large.count) {
      differences.push(`there are ${count} large objects, ${large.count} are expected`);
    } else if (sum !== large.checksum) {
      differences.push(`there are ${count} large objects as expected, but with other content`);
    }
  }
  const views = new Map((found.materializedViews ?? []).map((each) => [key(each), each]));
  for (const view of expected.materializedViews ?? []) {
    const other = views.get(key(view));
    if (other === undefined) {
      differences.push(`the materialized view ${shown(view)} is missing`);
    } else if (view.rows !== null && other.rows === null) {
      differences.push(`the materialized view ${shown(view)} is not filled (${view.rows} rows were there)`);
    }
  }
  return differences;
}

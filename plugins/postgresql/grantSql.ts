import type { Session } from "./server";
import { roleOid } from "./server";
import { ident, routine } from "./sql";
import type { GrantInputs } from "./types";

/** Object types that a grant may name, as the upstream provider lists them. */
export const GRANT_TYPES = [
  "database",
  "function",
  "procedure",
  "routine",
  "schema",
  "sequence",
  "table",
  "foreign_data_wrapper",
  "foreign_server",
  "column",
] as const;
export type GrantType = (typeof GRANT_TYPES)[number];

/** What a grant is about; `objects` and `columns` are empty where the type has none. */
export interface Target {
  readonly database: string;
  readonly schema: string;
  readonly role: string;
  readonly objectType: GrantType;
  readonly objects: readonly string[];
  readonly columns: readonly string[];
}

export function targetOf(inputs: Omit<GrantInputs, "privileges">): Target {
  return {
    database: inputs.database,
    schema: inputs.schema ?? "",
    role: inputs.role,
    objectType: inputs.objectType as GrantType,
    objects: inputs.objects ?? [],
    columns: inputs.columns ?? [],
  };
}

/** Types whose objects lie in no schema. */
export function hasSchema(objectType: GrantType): boolean {
  return !["database", "foreign_data_wrapper", "foreign_server"].includes(objectType);
}

function isRoutine(objectType: GrantType): boolean {
  return ["function", "procedure", "routine"].includes(objectType);
}

function objectsClause(target: Target): string {
  const { objectType, objects, schema } = target;
  switch (objectType) {
    case "database":
      return `DATABASE ${ident(target.database)}`;
    case "schema":
      return `SCHEMA ${ident(schema)}`;
    case "foreign_data_wrapper":
      return `FOREIGN DATA WRAPPER ${objects.map(ident).join(", ")}`;
    case "foreign_server":
      return `FOREIGN SERVER ${objects.map(ident).join(", ")}`;
    default: {
      const keyword = objectType === "column" ? "TABLE" : objectType.toUpperCase();
      const quote = isRoutine(objectType) ? routine : ident;
      return objects.length === 0
        ? `ALL ${keyword}S IN SCHEMA ${ident(schema)}`
        : `${keyword} ${objects.map((object) => `${ident(schema)}.${quote(object)}`).join(", ")}`;
    }
  }
}

function privilegesClause(target: Target, privileges: readonly string[]): string {
  if (target.objectType !== "column") {
    return privileges.join(", ");
  }
  const columns = target.columns.map(ident).join(", ");
  return privileges.map((privilege) => `${privilege} (${columns})`).join(", ");
}

export function grantStatement(
  target: Target,
  privileges: readonly string[],
  withGrantOption: boolean,
): string {
  const option = withGrantOption ? " WITH GRANT OPTION" : "";
  return `GRANT ${privilegesClause(target, privileges)} ON ${objectsClause(target)} TO ${ident(target.role)}${option}`;
}

/**
 * The statement that takes `privileges` away again, or undefined when there is nothing to take. For named objects only
 * these go, because revoking everything on a table would also revoke what was granted on its columns.
 */
export function revokeStatement(target: Target, privileges: readonly string[]): string | undefined {
  const { objectType, objects } = target;
  if (objectType === "column" && privileges.length === 0) {
    return undefined;
  }
  const listed =
    objectType === "column" || (hasSchema(objectType) && objects.length > 0 && privileges.length > 0);
  const what = listed ? privilegesClause(target, privileges) : "ALL PRIVILEGES";
  return `REVOKE ${what} ON ${objectsClause(target)} FROM ${ident(target.role)}`;
}

/** One object with the privileges that the role has on it directly. */
interface ObjectRow {
  name: string;
  privileges: string[];
}

const PRIVILEGES_OF = (acl: string, oid: number): string =>
  `ARRAY(SELECT DISTINCT acl.privilege_type::text FROM pg_catalog.aclexplode(${acl}) AS acl
         WHERE acl.grantee = ${roleOid(oid)} ORDER BY 1)`;

const IN_SCHEMA = "(SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $2)";

/** The live privileges of the role on every object that the grant is about; objects without any are listed too. */
export async function readObjects(session: Session, target: Target): Promise<ObjectRow[]> {
  const { objectType, role, objects } = target;
  const single = (table: string, name: string, acl: string, value: string | undefined) =>
    session.query<ObjectRow>(
      `SELECT ${name}::text AS name, ${PRIVILEGES_OF(acl, 1)} AS privileges FROM pg_catalog.${table} WHERE ${name} = $2`,
      [role, value],
    );
  switch (objectType) {
    case "database":
      return single("pg_database", "datname", "datacl", target.database);
    case "schema":
      return single("pg_namespace", "nspname", "nspacl", target.schema);
    case "foreign_data_wrapper":
      return single("pg_foreign_data_wrapper", "fdwname", "fdwacl", objects[0]);
    case "foreign_server":
      return single("pg_foreign_server", "srvname", "srvacl", objects[0]);
    case "column":
      return readColumns(session, target);
  }
  const rows = isRoutine(objectType)
    ? await readRoutines(session, target)
    : await readRelations(session, target);
  const names = new Set(
    objects.map((object) => (isRoutine(objectType) ? object.replace(/\(.*$/s, "") : object)),
  );
  return names.size === 0 ? rows : rows.filter((row) => names.has(row.name));
}

function readRelations(session: Session, target: Target): Promise<ObjectRow[]> {
  return session.query<ObjectRow>(
    `SELECT relname::text AS name, ${PRIVILEGES_OF("relacl", 1)} AS privileges FROM pg_catalog.pg_class
     WHERE relnamespace = ${IN_SCHEMA} AND relkind = $3::"char"`,
    [target.role, target.schema, target.objectType === "sequence" ? "S" : "r"],
  );
}

function readRoutines(session: Session, target: Target): Promise<ObjectRow[]> {
  const kinds = { function: ["f", "a", "w"], procedure: ["p"], routine: ["f", "a", "w", "p"] };
  return session.query<ObjectRow>(
    `SELECT proname::text AS name, ${PRIVILEGES_OF("proacl", 1)} AS privileges FROM pg_catalog.pg_proc
     WHERE pronamespace = ${IN_SCHEMA} AND prokind = ANY($3::"char"[])`,
    [target.role, target.schema, kinds[target.objectType as keyof typeof kinds]],
  );
}

function readColumns(session: Session, target: Target): Promise<ObjectRow[]> {
  return session.query<ObjectRow>(
    `SELECT attname::text AS name, ${PRIVILEGES_OF("attacl", 1)} AS privileges
     FROM pg_catalog.pg_attribute JOIN pg_catalog.pg_class ON attrelid = pg_class.oid
     WHERE relnamespace = ${IN_SCHEMA} AND relname = $3 AND attnum > 0 AND NOT attisdropped AND attname = ANY($4)`,
    [target.role, target.schema, target.objects[0], target.columns],
  );
}

/** Owners of what the grant is about: only they, their members and superusers may grant on it. */
export async function ownersOf(session: Session, target: Target): Promise<string[]> {
  if (!hasSchema(target.objectType)) {
    return [];
  }
  const rows = await session.query<{ owner: string }>(
    `SELECT pg_catalog.pg_get_userbyid(nspowner)::text AS owner FROM pg_catalog.pg_namespace WHERE nspname = $1
     UNION
     SELECT pg_catalog.pg_get_userbyid(relowner)::text FROM pg_catalog.pg_class
     WHERE $2 AND relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1) AND relkind IN ('r', 'S')`,
    [target.schema, target.objectType !== "schema"],
  );
  return rows.map((row) => row.owner);
}

/** Which of the grant's named tables or sequences are still there. Functions are not looked up: their names may carry types. */
export async function existingObjects(session: Session, target: Target): Promise<Target | undefined> {
  const kinds: Partial<Record<GrantType, string[]>> = {
    table: ["r", "p", "v", "m", "f"],
    column: ["r", "p", "v", "m", "f"],
    sequence: ["S"],
  };
  const wanted = kinds[target.objectType];
  if (wanted === undefined || target.objects.length === 0) {
    return target;
  }
  const rows = await session.query<{ name: string }>(
    `SELECT relname::text AS name FROM pg_catalog.pg_class
     WHERE relnamespace = (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $1)
       AND relname = ANY($2) AND relkind = ANY($3::"char"[])`,
    [target.schema, target.objects, wanted],
  );
  // An empty list would mean every object of the schema.
  return rows.length === 0 ? undefined : { ...target, objects: rows.map((row) => row.name) };
}

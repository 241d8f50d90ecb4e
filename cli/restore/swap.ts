import { escapeIdentifier, escapeLiteral } from "pg";

/** A database as the server's catalog describes it; what stands outside of it and no dump carries. */
export interface DatabaseFacts {
  name: string;
  owner: string;
  allowConnections: boolean;
  /** -1 for none. */
  connectionLimit: number;
  comment: string | null;
  bytes: number;
  /** null: the server's default for new databases. */
  privileges: Privilege[] | null;
  settings: Settings[];
}

export interface Privilege {
  /** null for everybody (PUBLIC). */
  grantee: string | null;
  /** CONNECT, CREATE or TEMPORARY. */
  privilege: string;
  grantable: boolean;
}

/** What `ALTER DATABASE … SET` or `ALTER ROLE … IN DATABASE … SET` has set. */
export interface Settings {
  /** null for every role. */
  role: string | null;
  /** `name=value`, as stored. */
  entries: string[];
}

const PRIVILEGES = ["CONNECT", "CREATE", "TEMPORARY"];

/**
 * Settings that hold a list of names. Their stored value is a quoted list; as one string it would become a list of one name.
 */
const LISTS = new Set([
  "local_preload_libraries",
  "search_path",
  "session_preload_libraries",
  "shared_preload_libraries",
  "temp_tablespaces",
  "unix_socket_directories",
]);

/** How long one statement of a swap may take, seconds: the server ends it, whatever has become of who asked. */
const STATEMENT_SECONDS = 30;
/** How long a session that is told to end may take to be gone, milliseconds. */
const END_SESSION_MS = 5000;

/** A name, quoted. @throws For what PostgreSQL cannot store as a name. */
export function identifier(name: string): string {
  if (name === "" || name.includes("\0") || Buffer.byteLength(name) > 63) {
    throw new Error(
      `${JSON.stringify(name)} cannot be a PostgreSQL name: 1 to 63 bytes without NUL are allowed`,
    );
  }
  return escapeIdentifier(name);
}

/** A string constant, quoted whatever `standard_conforming_strings` says. @throws For NUL, which no text can hold. */
export function literal(text: string): string {
  if (text.includes("\0")) {
    throw new Error("a PostgreSQL text cannot hold a NUL character");
  }
  return escapeLiteral(text).trimStart();
}

export interface Swap {
  /** The application's database. It keeps its name, and all that is set on it from outside. */
  live: DatabaseFacts;
  /** The database that takes its place. */
  target: DatabaseFacts;
  /** What {@link live} is called afterwards. */
  replaced: string;
  /** Comment that the target carries while this swap is wanted. Without it the swap was called off, and nothing is done. */
  mark: string;
  /** Comment that the replaced database gets. */
  note: string;
}

/**
 * SQL that puts one database in another's place, for psql with ON_ERROR_STOP.
 *
 * Connections are refused and ended first, which must be visible to everybody and is therefore a transaction of its own; both
 * renames and all that belongs to them are a second one. The target comes first: where it is gone, the live one stays open.
 */
export function swapSql({ live, target, replaced, mark, note }: Swap): string {
  return script([
    `SET statement_timeout = '${STATEMENT_SECONDS}s'`,
    ...requireMark(target.name, mark),
    ...refuse(target.name),
    ...refuse(live.name),
    ...endSessions([target.name, live.name]),
    "BEGIN",
    `ALTER DATABASE ${identifier(live.name)} RENAME TO ${identifier(replaced)}`,
    `ALTER DATABASE ${identifier(target.name)} RENAME TO ${identifier(live.name)}`,
    ...applyOutside(live, target),
    ...keep(replaced, note),
    `ALTER DATABASE ${identifier(live.name)} ALLOW_CONNECTIONS true`,
    "COMMIT",
  ]);
}

/** Opens a database that a swap has closed. */
export function allowSql(name: string): string {
  return script([`ALTER DATABASE ${identifier(name)} ALLOW_CONNECTIONS true`]);
}

/** Puts a database aside: nobody but the superuser gets in, and its comment says why it is there. */
export function keepSql(name: string, note: string): string {
  return script(["BEGIN", ...keep(name, note), "COMMIT"]);
}

export function commentSql(name: string, comment: string | null): string {
  return script([commentOn(name, comment)]);
}

/** Removes a database, with the sessions that are in it. */
export function dropSql(name: string): string {
  return script([`DROP DATABASE IF EXISTS ${identifier(name)} WITH (FORCE)`]);
}

function script(statements: readonly string[]): string {
  return statements.map((statement) => `${statement};\n`).join("");
}

function requireMark(name: string, mark: string): string[] {
  const found = `(SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = ${literal(name)})`;
  const body =
    `BEGIN IF ${found} IS DISTINCT FROM ${literal(mark)} THEN ` +
    `RAISE EXCEPTION 'the swap was called off'; END IF; END`;
  return [`DO ${literal(body)}`];
}

function refuse(name: string): string[] {
  return [`ALTER DATABASE ${identifier(name)} ALLOW_CONNECTIONS false`];
}

function endSessions(names: readonly string[]): string[] {
  const list = names.map(literal).join(", ");
  return [
    `SELECT count(pg_terminate_backend(pid, ${END_SESSION_MS})) FROM pg_stat_activity ` +
      `WHERE datname IN (${list}) AND pid <> pg_backend_pid()`,
  ];
}

function keep(name: string, note: string): string[] {
  return [
    // A limit of 0 does not count for the superuser: an operator can look into it, the application cannot write into it.
    `ALTER DATABASE ${identifier(name)} ALLOW_CONNECTIONS true CONNECTION LIMIT 0`,
    commentOn(name, note),
  ];
}

function commentOn(name: string, comment: string | null): string {
  return `COMMENT ON DATABASE ${identifier(name)} IS ${comment === null ? "NULL" : literal(comment)}`;
}

/** What is set on `live` from outside, for the database that has its name now and was `target` before. */
function applyOutside(live: DatabaseFacts, target: DatabaseFacts): string[] {
  const name = identifier(live.name);
  return [
    `ALTER DATABASE ${name} OWNER TO ${identifier(live.owner)}`,
    `ALTER DATABASE ${name} CONNECTION LIMIT ${live.connectionLimit}`,
    ...applyPrivileges(live, target),
    ...target.settings.map(({ role }) => `${alter(role, live.name)} RESET ALL`),
    ...live.settings.flatMap(({ role, entries }) =>
      entries.map((entry) => `${alter(role, live.name)} ${setting(entry)}`),
    ),
    commentOn(live.name, live.comment),
  ];
}

function alter(role: string | null, database: string): string {
  return role === null
    ? `ALTER DATABASE ${identifier(database)}`
    : `ALTER ROLE ${identifier(role)} IN DATABASE ${identifier(database)}`;
}

function setting(entry: string): string {
  const end = entry.indexOf("=");
  if (end < 1) {
    throw new Error(`the setting ${JSON.stringify(entry)} is not of the form name=value`);
  }
  const [name, value] = [entry.slice(0, end), entry.slice(end + 1)];
  const values = LISTS.has(name) ? parseList(value) : [value];
  return `SET ${identifier(name)} TO ${values.map(literal).join(", ")}`;
}

/** `"$user", public` as its elements; the empty list is one empty element, which is how it is set. */
function parseList(value: string): string[] {
  const elements = [...value.matchAll(/"((?:[^"]|"")*)"|[^\s,"]+/g)].map(
    ([all, quoted]) => quoted?.replaceAll('""', '"') ?? all,
  );
  return elements.length === 0 ? [""] : elements;
}

/** Everything is revoked from whoever may have something, then granted as it was. */
function applyPrivileges(live: DatabaseFacts, target: DatabaseFacts): string[] {
  if (live.privileges === null && target.privileges === null) {
    return [];
  }
  const on = `ON DATABASE ${identifier(live.name)}`;
  const wanted = live.privileges ?? defaultPrivileges(live.owner);
  const holders = new Set([null, live.owner, ...(target.privileges ?? []).map(({ grantee }) => grantee)]);
  return [
    `REVOKE ALL ${on} FROM ${[...holders].map(grantee).join(", ")} CASCADE`,
    ...grants(wanted).map(
      ({ to, privileges, grantable }) =>
        `GRANT ${privileges.join(", ")} ${on} TO ${grantee(to)}${grantable ? " WITH GRANT OPTION" : ""}`,
    ),
  ];
}

function defaultPrivileges(owner: string): Privilege[] {
  return [
    ...["CONNECT", "TEMPORARY"].map((privilege) => ({ grantee: null, privilege, grantable: false })),
    ...PRIVILEGES.map((privilege) => ({ grantee: owner, privilege, grantable: false })),
  ];
}

function grantee(role: string | null): string {
  return role === null ? "PUBLIC" : identifier(role);
}

interface Granted {
  to: string | null;
  privileges: string[];
  grantable: boolean;
}

function grants(privileges: readonly Privilege[]): Granted[] {
  const granted = new Map<string, Granted>();
  for (const { grantee: to, privilege, grantable } of privileges) {
    if (!PRIVILEGES.includes(privilege)) {
      throw new Error(`the privilege ${JSON.stringify(privilege)} on a database is not known`);
    }
    const key = JSON.stringify([to, grantable]);
    const entry = granted.get(key) ?? { to, privileges: [], grantable };
    // The same one may have been granted by several.
    if (!entry.privileges.includes(privilege)) {
      entry.privileges.push(privilege);
    }
    granted.set(key, entry);
  }
  return [...granted.values()];
}

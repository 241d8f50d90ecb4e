import type { Context, Live, ResourceHandler } from "../lib/types";
import { explain, type Thing } from "./errors";
import { isHashed, matchesStored, scramVerifier } from "./scram";
import { asMemberOf, hasRole, type Server, type Session } from "./server";
import {
  checkInputs,
  inDeclaredSpelling,
  liveInputs,
  previewState,
  type Shape,
  sameValue,
  setsOf,
} from "./shape";
import { ident, literal, parseMilliseconds, parseNameList } from "./sql";
import type { RoleInputs, RoleState } from "./types";

const TOKEN = "postgresql:index/role:Role";

const SHAPE: Shape<RoleInputs> = {
  name: { type: "string", required: true, name: true },
  password: { type: "string" },
  login: { type: "boolean", default: false },
  superuser: { type: "boolean", default: false },
  createDatabase: { type: "boolean", default: false },
  createRole: { type: "boolean", default: false },
  inherit: { type: "boolean", default: true },
  replication: { type: "boolean", default: false },
  bypassRowLevelSecurity: { type: "boolean", default: false },
  connectionLimit: { type: "number", default: -1, min: -1 },
  validUntil: { type: "string", default: "infinity" },
  roles: { type: "set" },
  searchPaths: { type: "list" },
  statementTimeout: { type: "number", min: 0 },
  idleInTransactionSessionTimeout: { type: "number", min: 0 },
  assumeRole: { type: "string" },
  skipDropRole: { type: "boolean", default: false, notRead: true },
  skipReassignOwned: { type: "boolean", default: false, notRead: true },
  encryptedPassword: { type: "boolean", default: true, notRead: true },
  encrypted: { type: "string", refuse: "is the old name of encryptedPassword: leave it out" },
  passwordWo: {
    type: "string",
    refuse: "is not supported by this plugin: use password, which is kept as a secret",
  },
  passwordWoVersion: { type: "string", refuse: "is not supported by this plugin: use password" },
};

/** Attributes that `CREATE ROLE` and `ALTER ROLE` take as a word or its opposite. */
const FLAGS = {
  superuser: "SUPERUSER",
  createDatabase: "CREATEDB",
  createRole: "CREATEROLE",
  inherit: "INHERIT",
  login: "LOGIN",
  replication: "REPLICATION",
  bypassRowLevelSecurity: "BYPASSRLS",
} as const satisfies Partial<Record<keyof RoleInputs, string>>;
const FLAG_NAMES = Object.keys(FLAGS) as (keyof typeof FLAGS)[];

function thing(name: string): Thing {
  return { kind: "role", name, importAs: { token: TOKEN, id: name } };
}

function flag(name: keyof typeof FLAGS, value: boolean | undefined): string {
  return value ? FLAGS[name] : `NO${FLAGS[name]}`;
}

async function passwordClause(password: string | undefined): Promise<string> {
  if (password === undefined || password === "" || password.toUpperCase() === "NULL") {
    return "PASSWORD NULL";
  }
  return `PASSWORD ${literal(isHashed(password) ? password : await scramVerifier(password))}`;
}

/** A role's own settings as stored, e.g. `search_path=app, public`. */
function setting(config: readonly string[], name: string): string | undefined {
  return config.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1);
}

function duration(config: readonly string[], name: string): number {
  const stored = setting(config, name);
  return stored === undefined ? 0 : parseMilliseconds(stored);
}

interface Row {
  rolname: string;
  rolsuper: boolean;
  rolinherit: boolean;
  rolcreaterole: boolean;
  rolcreatedb: boolean;
  rolcanlogin: boolean;
  rolreplication: boolean;
  rolbypassrls: boolean;
  rolconnlimit: number;
  valid_until: string;
  still_valid_until: boolean;
  config: string[] | null;
  roles: string[];
}

/** `declared` are the inputs or the state whose spelling is kept where it still holds. */
async function readRole(
  server: Server,
  session: Session,
  name: string,
  declared: Partial<RoleInputs> | undefined,
): Promise<RoleState | undefined> {
  const [row] = await session.query<Row>(
    `SELECT rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication, rolbypassrls,
            rolconnlimit, COALESCE(rolvaliduntil::text, 'infinity') AS valid_until,
            COALESCE(rolvaliduntil, 'infinity') = $2::timestamptz AS still_valid_until, rolconfig AS config,
            ARRAY(SELECT DISTINCT pg_catalog.pg_get_userbyid(roleid)::text FROM pg_catalog.pg_auth_members
                  WHERE member = pg_roles.oid ORDER BY 1) AS roles
     FROM pg_catalog.pg_roles WHERE rolname = $1`,
    [name, declared?.validUntil || "infinity"],
  );
  if (row === undefined) {
    return undefined;
  }
  const config = row.config ?? [];
  const searchPath = setting(config, "search_path");
  const state = {
    name: row.rolname,
    password: await readPassword(server, session, row, declared?.password),
    login: row.rolcanlogin,
    superuser: row.rolsuper,
    createDatabase: row.rolcreatedb,
    createRole: row.rolcreaterole,
    inherit: row.rolinherit,
    replication: row.rolreplication,
    bypassRowLevelSecurity: row.rolbypassrls,
    connectionLimit: row.rolconnlimit,
    validUntil: row.still_valid_until ? (declared?.validUntil ?? row.valid_until) : row.valid_until,
    roles: row.roles,
    searchPaths: searchPath === undefined ? undefined : parseNameList(searchPath),
    statementTimeout: duration(config, "statement_timeout"),
    idleInTransactionSessionTimeout: duration(config, "idle_in_transaction_session_timeout"),
    assumeRole: setting(config, "role"),
    skipDropRole: declared?.skipDropRole ?? false,
    skipReassignOwned: declared?.skipReassignOwned ?? false,
    encryptedPassword: declared?.encryptedPassword ?? true,
    encrypted: undefined,
    passwordWo: undefined,
    passwordWoVersion: undefined,
  };
  return inDeclaredSpelling(SHAPE, state, declared);
}

/**
 * The declared password as long as the server still has it; otherwise what the server has, so that the difference shows.
 * The official plugin cannot tell for SCRAM and assumes that it is still the same.
 */
async function readPassword(
  server: Server,
  session: Session,
  row: Row,
  declared: string | undefined,
): Promise<string | undefined> {
  if (!row.rolcanlogin || !server.settings.superuser) {
    return declared;
  }
  const [me] = await session.query<{ rolsuper: boolean }>(
    "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user",
  );
  if (!me?.rolsuper) {
    throw new Error(
      `user ${JSON.stringify(server.settings.username)} is no superuser and may not read passwords: set the provider's superuser to false`,
    );
  }
  const [stored] = await session.query<{ password: string | null }>(
    "SELECT rolpassword AS password FROM pg_catalog.pg_authid WHERE rolname = $1",
    [row.rolname],
  );
  const hash = stored?.password ?? undefined;
  if (hash === undefined) {
    return declared?.toUpperCase() === "NULL" ? declared : undefined;
  }
  if (declared !== undefined && (declared === hash || (await matchesStored(declared, hash, row.rolname)))) {
    return declared;
  }
  return hash;
}

async function grantRoles(session: Session, name: string, roles: readonly string[]): Promise<void> {
  for (const role of roles) {
    await session.query(`GRANT ${ident(role)} TO ${ident(name)}`);
  }
}

async function set(
  session: Session,
  name: string,
  parameter: string,
  value: string | undefined,
): Promise<void> {
  const role = ident(name);
  await session.query(
    value === undefined
      ? `ALTER ROLE ${role} RESET ${parameter}`
      : `ALTER ROLE ${role} SET ${parameter} TO ${value}`,
  );
}

/** Brings the settings that have a statement of their own from `old` to `news`. */
async function applySettings(
  session: Session,
  name: string,
  old: Partial<RoleState>,
  news: RoleInputs,
): Promise<void> {
  if (!sameValue(SHAPE.searchPaths, old.searchPaths, news.searchPaths)) {
    const paths = news.searchPaths ?? [];
    await set(session, name, "search_path", paths.length === 0 ? undefined : paths.map(ident).join(", "));
  }
  if (!sameValue(SHAPE.statementTimeout, old.statementTimeout, news.statementTimeout)) {
    await set(session, name, "statement_timeout", milliseconds(news.statementTimeout));
  }
  const idle = "idleInTransactionSessionTimeout";
  if (!sameValue(SHAPE[idle], old[idle], news[idle])) {
    await set(session, name, "idle_in_transaction_session_timeout", milliseconds(news[idle]));
  }
  if (!sameValue(SHAPE.assumeRole, old.assumeRole, news.assumeRole)) {
    await set(session, name, "role", news.assumeRole ? ident(news.assumeRole) : undefined);
  }
}

function milliseconds(value: number | undefined): string | undefined {
  return value ? String(value) : undefined;
}

async function createRole(server: Server, inputs: RoleInputs): Promise<Live<RoleState>> {
  const name = inputs.name ?? "";
  const options = [
    ...FLAG_NAMES.map((flagName) => flag(flagName, inputs[flagName])),
    `CONNECTION LIMIT ${inputs.connectionLimit ?? -1}`,
    `VALID UNTIL ${literal(inputs.validUntil || "infinity")}`,
  ];
  if (inputs.password) {
    options.push(await passwordClause(inputs.password));
  }
  const state = await server.change(undefined, async (session) => {
    await session.query(`CREATE ROLE ${ident(name)} WITH ${options.join(" ")}`);
    await grantRoles(session, name, inputs.roles ?? []);
    await applySettings(session, name, {}, inputs);
    return readRole(server, session, name, inputs);
  });
  if (state === undefined) {
    throw new Error("it is gone right after it was made");
  }
  return { id: name, state };
}

async function updateRole(server: Server, old: RoleState, news: RoleInputs): Promise<RoleState> {
  const name = news.name ?? old.name;
  const state = await server.change(undefined, async (session) => {
    if (old.name !== name) {
      await session.query(`ALTER ROLE ${ident(old.name)} RENAME TO ${ident(name)}`);
    }
    const options = FLAG_NAMES.filter((key) => old[key] !== news[key]).map((key) => flag(key, news[key]));
    if (old.connectionLimit !== news.connectionLimit) {
      options.push(`CONNECTION LIMIT ${news.connectionLimit ?? -1}`);
    }
    if (old.validUntil !== news.validUntil) {
      options.push(`VALID UNTIL ${literal(news.validUntil || "infinity")}`);
    }
    // A rename makes the server forget an MD5 hash, which is made with the name.
    if (!sameValue(SHAPE.password, old.password, news.password) || old.name !== name) {
      options.push(await passwordClause(news.password));
    }
    if (options.length > 0) {
      await session.query(`ALTER ROLE ${ident(name)} WITH ${options.join(" ")}`);
    }
    if (!sameValue(SHAPE.roles, old.roles, news.roles)) {
      await revokeRoles(session, name, news.roles ?? []);
      await grantRoles(session, name, news.roles ?? []);
    }
    await applySettings(session, name, old, news);
    return readRole(server, session, name, news);
  });
  if (state === undefined) {
    throw new Error("it is gone");
  }
  return state;
}

async function revokeRoles(session: Session, name: string, keep: readonly string[]): Promise<void> {
  const granted = await session.query<{ role: string }>(
    `SELECT DISTINCT pg_catalog.pg_get_userbyid(roleid)::text AS role FROM pg_catalog.pg_auth_members
     JOIN pg_catalog.pg_roles ON member = pg_roles.oid WHERE rolname = $1`,
    [name],
  );
  for (const { role } of granted.filter((row) => !keep.includes(row.role))) {
    await session.query(`REVOKE ${ident(role)} FROM ${ident(name)}`);
  }
}

async function deleteRole(server: Server, state: RoleState): Promise<void> {
  const role = ident(state.name);
  await server.change(undefined, async (session) => {
    if (!(await hasRole(session, state.name))) {
      return;
    }
    if (!state.skipReassignOwned) {
      await asMemberOf(session, [state.name], async () => {
        await session.query(`REASSIGN OWNED BY ${role} TO CURRENT_USER`);
        await session.query(`DROP OWNED BY ${role}`);
      });
    }
    if (!state.skipDropRole) {
      await session.query(`DROP ROLE ${role}`);
    }
  });
}

/** `postgresql.Role`. Its id is its name. */
export const role: ResourceHandler<Server, RoleInputs, RoleState> = {
  token: TOKEN,
  replaceOn: [],
  secretOutputs: ["password", "passwordWo"],
  sets: setsOf(SHAPE),
  autoName: "name",
  check(news) {
    const result = checkInputs(SHAPE, news);
    if (result.inputs.encryptedPassword === false) {
      result.failures.push({
        property: "encryptedPassword",
        reason: "must be true: PostgreSQL stores no clear passwords",
      });
    }
    return result;
  },
  preview: (inputs, old) => previewState(SHAPE, inputs, old),
  async create(server, inputs) {
    try {
      return await createRole(server, inputs);
    } catch (error) {
      throw explain("create", thing(inputs.name ?? ""), error, [inputs.password]);
    }
  },
  async read(server, id, state, oldInputs) {
    // The id keeps the first name when a role is renamed: the state knows better.
    const name = state?.name ?? id;
    if (!server.reachable && state !== undefined) {
      return { id, state, inputs: oldInputs };
    }
    try {
      const live = await server.read(undefined, (session) =>
        readRole(server, session, name, state ?? oldInputs),
      );
      return live === undefined
        ? undefined
        : { id: name, state: live, inputs: liveInputs(SHAPE, live, oldInputs) };
    } catch (error) {
      throw explain("read", thing(name), error, [state?.password]);
    }
  },
  async update(server, _id, old, news, _oldInputs, _context: Context) {
    try {
      return await updateRole(server, old, news);
    } catch (error) {
      throw explain("update", thing(old.name), error, [old.password, news.password]);
    }
  },
  async delete(server, _id, state) {
    try {
      await deleteRole(server, state);
    } catch (error) {
      throw explain("delete", thing(state.name), error, [state.password]);
    }
  },
};

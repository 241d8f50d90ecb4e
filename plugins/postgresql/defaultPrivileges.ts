import type { Failure, ResourceHandler } from "../lib/types";
import { UNKNOWN } from "../lib/types";
import { explain, type Thing } from "./errors";
import { type ObjectType, samePrivileges, wrongPrivilege } from "./privileges";
import { asMemberOf, hasRole, PUBLIC, roleOid, type Server, type Session } from "./server";
import { checkInputs, inDeclaredSpelling, liveInputs, previewState, type Shape, setsOf } from "./shape";
import { ident } from "./sql";
import type { DefaultPrivilegesInputs, DefaultPrivilegesState } from "./types";

/** Object types by the letter that `pg_default_acl` knows them by. */
const LETTERS = { table: "r", sequence: "S", function: "f", routine: "f", type: "T", schema: "n" } as const;

const SHAPE: Shape<DefaultPrivilegesInputs> = {
  database: { type: "string", required: true, name: true },
  schema: { type: "string" },
  owner: { type: "string", required: true, name: true },
  role: { type: "string", required: true, name: true },
  objectType: { type: "string", required: true, oneOf: Object.keys(LETTERS) },
  privileges: { type: "set", required: true },
  withGrantOption: { type: "boolean", default: false, notRead: true },
};

type Where = Pick<DefaultPrivilegesInputs, "database" | "schema" | "owner" | "role" | "objectType">;

function thing({ role, owner, objectType, schema, database }: Where): Thing {
  const place = schema ? `${database}.${schema}` : database;
  return { kind: "default privileges", name: `of ${role} on the ${objectType}s of ${owner} in ${place}` };
}

function privilegesId({ role, database, schema, owner, objectType }: Where): string {
  return [role, database, schema || "noschema", owner, objectType].join("_");
}

function statement(where: Where, change: (objects: string, role: string) => string): string {
  const inSchema = where.schema ? ` IN SCHEMA ${ident(where.schema)}` : "";
  const objects = `${where.objectType.toUpperCase()}S`;
  return `ALTER DEFAULT PRIVILEGES FOR ROLE ${ident(where.owner)}${inSchema} ${change(objects, ident(where.role))}`;
}

const revokeAll = (where: Where): string =>
  statement(where, (objects, role) => `REVOKE ALL ON ${objects} FROM ${role}`);

async function readPrivileges(
  session: Session,
  declared: DefaultPrivilegesInputs,
): Promise<DefaultPrivilegesState | undefined> {
  const objectType = declared.objectType as keyof typeof LETTERS;
  const [row] = await session.query<{ privileges: string[] }>(
    `SELECT ARRAY(
       SELECT DISTINCT acl.privilege_type::text
       FROM pg_catalog.pg_default_acl, pg_catalog.aclexplode(defaclacl) AS acl
       WHERE defaclobjtype = $1::"char" AND pg_catalog.pg_get_userbyid(defaclrole) = $2
         AND defaclnamespace = COALESCE((SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = $3), 0)
         AND acl.grantee = ${roleOid(4)} ORDER BY 1
     ) AS privileges`,
    [LETTERS[objectType], declared.owner, declared.schema || null, declared.role],
  );
  const live = row?.privileges ?? [];
  if (live.length === 0 && declared.privileges.length > 0) {
    return undefined;
  }
  const privileges = samePrivileges(live, declared.privileges, objectType, session)
    ? declared.privileges
    : live;
  const state = {
    database: declared.database,
    schema: declared.schema,
    owner: declared.owner,
    role: declared.role,
    objectType: declared.objectType,
    privileges,
    withGrantOption: declared.withGrantOption ?? false,
  };
  return inDeclaredSpelling(SHAPE, state, declared);
}

async function apply(server: Server, inputs: DefaultPrivilegesInputs): Promise<DefaultPrivilegesState> {
  const state = await server.change(inputs.database, async (session) => {
    await asMemberOf(session, [inputs.owner], async () => {
      // Within one transaction, so that nobody sees the moment without privileges.
      await session.query(revokeAll(inputs));
      if (inputs.privileges.length > 0) {
        const option = inputs.withGrantOption ? " WITH GRANT OPTION" : "";
        const privileges = inputs.privileges.join(", ");
        await session.query(
          statement(inputs, (objects, role) => `GRANT ${privileges} ON ${objects} TO ${role}${option}`),
        );
      }
    });
    return readPrivileges(session, inputs);
  });
  if (state === undefined) {
    throw new Error("they are gone right after they were set");
  }
  return state;
}

async function exists(server: Server, where: Where): Promise<boolean> {
  if (!(await server.hasDatabase(where.database))) {
    return false;
  }
  return server.read(where.database, async (session) => {
    if (!(await hasRole(session, where.role)) || !(await hasRole(session, where.owner))) {
      return false;
    }
    if (!where.schema) {
      return true;
    }
    const rows = await session.query("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", [
      where.schema,
    ]);
    return rows.length > 0;
  });
}

function furtherFailures(inputs: Partial<Record<keyof DefaultPrivilegesInputs, unknown>>): Failure[] {
  const failures: Failure[] = [];
  const { objectType, schema, role, withGrantOption, privileges } = inputs;
  if (objectType === "schema" && schema !== undefined && schema !== UNKNOWN && schema !== "") {
    failures.push({ property: "schema", reason: "must not be set when objectType is schema" });
  }
  if (withGrantOption === true && role === PUBLIC) {
    failures.push({ property: "withGrantOption", reason: "must be false for the role public" });
  }
  if (typeof objectType === "string" && objectType in LETTERS && Array.isArray(privileges)) {
    for (const privilege of privileges.filter((item) => typeof item === "string")) {
      const reason = wrongPrivilege(objectType as ObjectType, privilege);
      if (reason !== undefined) {
        failures.push({ property: "privileges", reason });
      }
    }
  }
  return failures;
}

/** `postgresql.DefaultPrivileges`. Its id is `<role>_<database>_<schema or noschema>_<owner>_<object type>`. */
export const defaultPrivileges: ResourceHandler<Server, DefaultPrivilegesInputs, DefaultPrivilegesState> = {
  token: "postgresql:index/defaultPrivileges:DefaultPrivileges",
  replaceOn: ["database", "schema", "owner", "role", "objectType", "withGrantOption"],
  sets: setsOf(SHAPE),
  check(news) {
    const { inputs, failures } = checkInputs(SHAPE, news);
    return { inputs, failures: failures.length > 0 ? failures : furtherFailures(inputs) };
  },
  preview: (inputs, old) => previewState(SHAPE, inputs, old),
  async create(server, inputs) {
    try {
      return { id: privilegesId(inputs), state: await apply(server, inputs) };
    } catch (error) {
      throw explain("create", thing(inputs), error);
    }
  },
  async read(server, id, state, oldInputs) {
    const declared = state ?? oldInputs;
    if (declared === undefined) {
      throw new Error(
        `default privileges ${JSON.stringify(id)} cannot be imported: declare them, setting them again changes nothing`,
      );
    }
    if (!server.reachable && state !== undefined) {
      return { id, state, inputs: oldInputs };
    }
    try {
      if (!(await exists(server, declared))) {
        return undefined;
      }
      const live = await server.read(declared.database, (session) => readPrivileges(session, declared));
      return live === undefined
        ? undefined
        : { id: privilegesId(live), state: live, inputs: liveInputs(SHAPE, live, oldInputs) };
    } catch (error) {
      throw explain("read", thing(declared), error);
    }
  },
  async update(server, _id, old, news) {
    try {
      return await apply(server, news);
    } catch (error) {
      throw explain("update", thing(old), error);
    }
  },
  async delete(server, _id, state) {
    try {
      if (await exists(server, state)) {
        await server.change(state.database, (session) =>
          asMemberOf(session, [state.owner], () => session.query(revokeAll(state))),
        );
      }
    } catch (error) {
      throw explain("delete", thing(state), error);
    }
  },
};

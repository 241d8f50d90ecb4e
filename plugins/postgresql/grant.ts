import { DatabaseError } from "pg";
import type { Failure, Props, ResourceHandler } from "../lib/types";
import { UNKNOWN } from "../lib/types";
import { explain, type Thing } from "./errors";
import {
  existingObjects,
  GRANT_TYPES,
  type GrantType,
  grantStatement,
  hasSchema,
  ownersOf,
  readObjects,
  revokeStatement,
  type Target,
  targetOf,
} from "./grantSql";
import { samePrivileges, upstreamOrder, wrongPrivilege } from "./privileges";
import { asMemberOf, hasRole, type Server, type Session } from "./server";
import { checkInputs, inDeclaredSpelling, liveInputs, previewState, type Shape, setsOf } from "./shape";
import type { GrantInputs, GrantState } from "./types";

const SHAPE: Shape<GrantInputs> = {
  role: { type: "string", required: true, name: true },
  database: { type: "string", required: true, name: true },
  schema: { type: "string" },
  objectType: { type: "string", required: true, oneOf: GRANT_TYPES },
  objects: { type: "set" },
  columns: { type: "set" },
  privileges: { type: "set", required: true },
  withGrantOption: { type: "boolean", default: false, notRead: true },
};

function thing(target: Target): Thing {
  const place = [target.database, hasSchema(target.objectType) ? target.schema : "", ...target.objects];
  return {
    kind: "grant",
    name: `on ${target.objectType} ${place.filter((part) => part !== "").join(".")} to ${target.role}`,
  };
}

function grantId(target: Target): string {
  return [
    target.role,
    target.database,
    ...(hasSchema(target.objectType) ? [target.schema] : []),
    target.objectType,
    ...upstreamOrder(target.objects),
    ...upstreamOrder(target.columns),
  ].join("_");
}

/**
 * The live privileges. Where objects differ among each other, those of the first that is not as declared: the update
 * that this leads to sets all of them again.
 */
async function readGrant(session: Session, declared: GrantInputs): Promise<GrantState> {
  const target = targetOf(declared);
  const rows = await readObjects(session, target);
  const asDeclared = (privileges: readonly string[]) =>
    samePrivileges(privileges, declared.privileges, target.objectType, session);
  const state = {
    role: declared.role,
    database: declared.database,
    schema: declared.schema,
    objectType: declared.objectType,
    objects: declared.objects,
    columns: declared.columns,
    privileges: declared.privileges,
    withGrantOption: declared.withGrantOption ?? false,
  };
  if (target.objectType === "column") {
    const granted = rows.filter((row) =>
      declared.privileges.every((privilege) => row.privileges.includes(privilege)),
    );
    state.columns = target.columns.filter((column) => granted.some((row) => row.name === column));
  } else {
    const different = rows.find((row) => !asDeclared(row.privileges));
    state.privileges = different?.privileges ?? declared.privileges;
  }
  return inDeclaredSpelling(SHAPE, state, declared);
}

async function apply(server: Server, inputs: GrantInputs, previous: GrantInputs): Promise<GrantState> {
  const target = targetOf(inputs);
  return server.change(target.database, async (session) => {
    await asMemberOf(session, await ownersOf(session, target), async () => {
      // Within one transaction, so that the role never loses what it keeps.
      const revoke = revokeStatement(target, previous.privileges);
      if (revoke !== undefined) {
        await session.query(revoke);
      }
      if (inputs.privileges.length > 0) {
        await session.query(grantStatement(target, inputs.privileges, inputs.withGrantOption ?? false));
      }
    });
    return readGrant(session, inputs);
  });
}

async function exists(server: Server, target: Target): Promise<boolean> {
  if (!(await server.hasDatabase(target.database))) {
    return false;
  }
  return server.read(target.database, async (session) => {
    if (!(await hasRole(session, target.role))) {
      return false;
    }
    if (!hasSchema(target.objectType)) {
      return true;
    }
    const rows = await session.query("SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1", [
      target.schema,
    ]);
    return rows.length > 0;
  });
}

const GONE = new Set(["3F000", "42704", "42P01", "42883", "42703"]);

async function revokeGrant(server: Server, state: GrantState): Promise<void> {
  const target = targetOf(state);
  if (!(await exists(server, target))) {
    return;
  }
  try {
    await server.change(target.database, async (session) => {
      const remaining = await existingObjects(session, target);
      const revoke = remaining === undefined ? undefined : revokeStatement(remaining, state.privileges);
      if (revoke !== undefined) {
        await asMemberOf(session, await ownersOf(session, target), () => session.query(revoke));
      }
    });
  } catch (error) {
    // With one object, its absence means that the privileges are gone; with several, others may still have them.
    const gone = error instanceof DatabaseError && GONE.has(error.code ?? "");
    if (!gone || target.objects.length > 1) {
      throw error;
    }
  }
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** What the upstream provider reports only once it talks to the server. */
function furtherFailures(inputs: Props): Failure[] {
  const { objectType, schema, objects, columns, privileges } = inputs;
  if (typeof objectType !== "string" || [objects, columns, privileges].includes(UNKNOWN)) {
    return [];
  }
  const type = objectType as GrantType;
  const failures: Failure[] = [];
  const fail = (property: string, reason: string) => failures.push({ property, reason });
  if ((schema === undefined || schema === "") && hasSchema(type)) {
    fail("schema", `is required when objectType is ${type}`);
  }
  if (list(objects).length > 0 && (type === "database" || type === "schema")) {
    fail("objects", `must not be set when objectType is ${type}`);
  }
  if (list(objects).length !== 1 && ["column", "foreign_data_wrapper", "foreign_server"].includes(type)) {
    fail("objects", `must be exactly one when objectType is ${type}`);
  }
  if (list(columns).length > 0 !== (type === "column")) {
    fail(
      "columns",
      type === "column" ? "is required when objectType is column" : "is for objectType column only",
    );
  }
  if (type === "column" && list(privileges).length !== 1) {
    fail("privileges", "must be exactly one when objectType is column");
  }
  for (const privilege of list(privileges)) {
    const reason = typeof privilege === "string" ? wrongPrivilege(type, privilege) : undefined;
    if (reason !== undefined) {
      fail("privileges", reason);
    }
  }
  return failures;
}

/** `postgresql.Grant`. Its id is `<role>_<database>[_<schema>]_<object type>[_<object>…][_<column>…]`. */
export const grant: ResourceHandler<Server, GrantInputs, GrantState> = {
  token: "postgresql:index/grant:Grant",
  replaceOn: ["role", "database", "schema", "objectType", "objects", "columns", "withGrantOption"],
  deleteBeforeReplace: true,
  sets: setsOf(SHAPE),
  check(news) {
    const { inputs, failures } = checkInputs(SHAPE, news);
    return { inputs, failures: failures.length > 0 ? failures : furtherFailures(inputs) };
  },
  preview: (inputs, old) => previewState(SHAPE, inputs, old),
  async create(server, inputs) {
    const target = targetOf(inputs);
    try {
      return { id: grantId(target), state: await apply(server, inputs, inputs) };
    } catch (error) {
      throw explain("create", thing(target), error);
    }
  },
  async read(server, id, state, oldInputs) {
    const declared = state ?? oldInputs;
    if (declared === undefined) {
      throw new Error(
        `grant ${JSON.stringify(id)} cannot be imported: declare it, granting it again changes nothing`,
      );
    }
    if (!server.reachable && state !== undefined) {
      return { id, state, inputs: oldInputs };
    }
    const target = targetOf(declared);
    try {
      if (!(await exists(server, target))) {
        return undefined;
      }
      const live = await server.read(target.database, (session) => readGrant(session, declared));
      return { id: grantId(target), state: live, inputs: liveInputs(SHAPE, live, oldInputs) };
    } catch (error) {
      throw explain("read", thing(target), error);
    }
  },
  async update(server, _id, old, news) {
    try {
      return await apply(server, news, old);
    } catch (error) {
      throw explain("update", thing(targetOf(news)), error);
    }
  },
  async delete(server, _id, state) {
    try {
      await revokeGrant(server, state);
    } catch (error) {
      throw explain("delete", thing(targetOf(state)), error);
    }
  },
};

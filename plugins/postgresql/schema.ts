import type { Live, ResourceHandler } from "../lib/types";
import { explain, type Thing } from "./errors";
import { asMemberOf, type Server, type Session } from "./server";
import { checkInputs, inDeclaredSpelling, liveInputs, previewState, type Shape, setsOf } from "./shape";
import { ident } from "./sql";
import type { SchemaInputs, SchemaState } from "./types";

const TOKEN = "postgresql:index/schema:Schema";

const SHAPE: Shape<SchemaInputs> = {
  name: { type: "string", required: true, name: true },
  database: { type: "string", computed: true },
  owner: { type: "string", computed: true },
  ifNotExists: { type: "boolean", default: true, notRead: true },
  dropCascade: { type: "boolean", default: false, notRead: true },
  policies: {
    type: "list",
    refuse: "is not supported by this plugin: use postgresql.Grant with objectType schema",
  },
};

function schemaId(database: string, name: string): string {
  return `${database}.${name}`;
}

function thing(database: string, name: string): Thing {
  return { kind: "schema", name, importAs: { token: TOKEN, id: schemaId(database, name) } };
}

async function ownerOf(session: Session, name: string): Promise<string | undefined> {
  const [row] = await session.query<{ owner: string }>(
    "SELECT pg_catalog.pg_get_userbyid(nspowner)::text AS owner FROM pg_catalog.pg_namespace WHERE nspname = $1",
    [name],
  );
  return row?.owner;
}

async function readSchema(
  session: Session,
  database: string,
  name: string,
  declared: Partial<SchemaInputs> | undefined,
): Promise<SchemaState | undefined> {
  const owner = await ownerOf(session, name);
  if (owner === undefined) {
    return undefined;
  }
  const state = {
    name,
    database,
    owner,
    ifNotExists: declared?.ifNotExists ?? true,
    dropCascade: declared?.dropCascade ?? false,
    policies: [],
  };
  return inDeclaredSpelling(SHAPE, state, declared);
}

async function databaseOwner(session: Session): Promise<string> {
  const [row] = await session.query<{ owner: string }>(
    `SELECT pg_catalog.pg_get_userbyid(datdba)::text AS owner FROM pg_catalog.pg_database
     WHERE datname = pg_catalog.current_database()`,
  );
  return row?.owner ?? "";
}

async function createSchema(server: Server, inputs: SchemaInputs): Promise<Live<SchemaState>> {
  const name = inputs.name ?? "";
  const database = inputs.database ?? server.settings.database;
  const state = await server.change(database, async (session) => {
    const roles = [await databaseOwner(session), ...(inputs.owner ? [inputs.owner] : [])];
    const existing = inputs.ifNotExists ? await ownerOf(session, name) : undefined;
    await asMemberOf(session, roles, async () => {
      if (existing === undefined) {
        const authorization = inputs.owner ? ` AUTHORIZATION ${ident(inputs.owner)}` : "";
        await session.query(`CREATE SCHEMA ${ident(name)}${authorization}`);
      } else if (inputs.owner && inputs.owner !== existing) {
        await session.query(`ALTER SCHEMA ${ident(name)} OWNER TO ${ident(inputs.owner)}`);
      }
    });
    return readSchema(session, database, name, inputs);
  });
  if (state === undefined) {
    throw new Error("it is gone right after it was made");
  }
  return { id: schemaId(database, name), state };
}

async function updateSchema(server: Server, old: SchemaState, news: SchemaInputs): Promise<SchemaState> {
  const name = news.name ?? old.name;
  const state = await server.change(old.database, async (session) => {
    const owner = news.owner ?? old.owner;
    await asMemberOf(session, [old.owner, owner], async () => {
      if (name !== old.name) {
        await session.query(`ALTER SCHEMA ${ident(old.name)} RENAME TO ${ident(name)}`);
      }
      if (owner !== old.owner) {
        await session.query(`ALTER SCHEMA ${ident(name)} OWNER TO ${ident(owner)}`);
      }
    });
    return readSchema(session, old.database, name, news);
  });
  if (state === undefined) {
    throw new Error("it is gone");
  }
  return state;
}

/** The database and the name that an import id `database.schema` means; the name alone means the provider's database. */
function parseId(server: Server, id: string): { database: string; name: string } {
  const dot = id.indexOf(".");
  return dot < 0
    ? { database: server.settings.database, name: id }
    : { database: id.slice(0, dot), name: id.slice(dot + 1) };
}

/** `postgresql.Schema`. Its id is `<database>.<name>`. */
export const schema: ResourceHandler<Server, SchemaInputs, SchemaState> = {
  token: TOKEN,
  autoName: "name",
  replaceOn: ["database"],
  sets: setsOf(SHAPE),
  check: (news) => checkInputs(SHAPE, news),
  preview: (inputs, old) => previewState(SHAPE, inputs, old),
  async create(server, inputs) {
    try {
      return await createSchema(server, inputs);
    } catch (error) {
      throw explain("create", thing(inputs.database ?? server.settings.database, inputs.name ?? ""), error);
    }
  },
  async read(server, id, state, oldInputs) {
    const { database, name } = state ?? parseId(server, id);
    if (!server.reachable && state !== undefined) {
      return { id, state, inputs: oldInputs };
    }
    try {
      if (!(await server.hasDatabase(database))) {
        return undefined;
      }
      const live = await server.read(database, (session) =>
        readSchema(session, database, name, state ?? oldInputs),
      );
      return live === undefined
        ? undefined
        : { id: schemaId(database, name), state: live, inputs: liveInputs(SHAPE, live, oldInputs) };
    } catch (error) {
      throw explain("read", thing(database, name), error);
    }
  },
  async update(server, _id, old, news) {
    try {
      return await updateSchema(server, old, news);
    } catch (error) {
      throw explain("update", thing(old.database, old.name), error);
    }
  },
  async delete(server, _id, state) {
    try {
      if (!(await server.hasDatabase(state.database))) {
        return;
      }
      await server.change(state.database, async (session) => {
        const owner = await ownerOf(session, state.name);
        if (owner !== undefined) {
          const mode = state.dropCascade ? "CASCADE" : "RESTRICT";
          await asMemberOf(session, [owner], () => session.query(`DROP SCHEMA ${ident(state.name)} ${mode}`));
        }
      });
    } catch (error) {
      throw explain("delete", thing(state.database, state.name), error);
    }
  },
};

import type { Live, ResourceHandler } from "../lib/types";
import { explain, type Thing } from "./errors";
import type { Server, Session } from "./server";
import { checkInputs, inDeclaredSpelling, liveInputs, previewState, type Shape, setsOf } from "./shape";
import { ident } from "./sql";
import type { ExtensionInputs, ExtensionState } from "./types";

const TOKEN = "postgresql:index/extension:Extension";

const SHAPE: Shape<ExtensionInputs> = {
  name: { type: "string", required: true, name: true },
  database: { type: "string", computed: true },
  schema: { type: "string", computed: true },
  version: { type: "string", computed: true },
  createCascade: { type: "boolean", default: false, notRead: true },
  dropCascade: { type: "boolean", default: false, notRead: true },
};

function extensionId(database: string, name: string): string {
  return `${database}.${name}`;
}

function thing(database: string, name: string): Thing {
  return { kind: "extension", name, importAs: { token: TOKEN, id: extensionId(database, name) } };
}

async function readExtension(
  session: Session,
  database: string,
  name: string,
  declared: Partial<ExtensionInputs> | undefined,
): Promise<ExtensionState | undefined> {
  const [row] = await session.query<{ schema: string; version: string }>(
    `SELECT nspname AS schema, extversion AS version FROM pg_catalog.pg_extension
     JOIN pg_catalog.pg_namespace ON extnamespace = pg_namespace.oid WHERE extname = $1`,
    [name],
  );
  if (row === undefined) {
    return undefined;
  }
  const state = {
    name,
    database,
    schema: row.schema,
    version: row.version,
    createCascade: declared?.createCascade ?? false,
    dropCascade: declared?.dropCascade ?? false,
  };
  return inDeclaredSpelling(SHAPE, state, declared);
}

async function createExtension(server: Server, inputs: ExtensionInputs): Promise<Live<ExtensionState>> {
  const name = inputs.name ?? "";
  const database = inputs.database ?? server.settings.database;
  const state = await server.change(database, async (session) => {
    const schema = inputs.schema ? ` SCHEMA ${ident(inputs.schema)}` : "";
    const version = inputs.version ? ` VERSION ${ident(inputs.version)}` : "";
    const cascade = inputs.createCascade ? " CASCADE" : "";
    await session.query(`CREATE EXTENSION IF NOT EXISTS ${ident(name)}${schema}${version}${cascade}`);
    return readExtension(session, database, name, inputs);
  });
  if (state === undefined) {
    throw new Error("it is gone right after it was made");
  }
  return { id: extensionId(database, name), state };
}

async function updateExtension(
  server: Server,
  old: ExtensionState,
  news: ExtensionInputs,
): Promise<ExtensionState> {
  const state = await server.change(old.database, async (session) => {
    if (news.schema && news.schema !== old.schema) {
      await session.query(`ALTER EXTENSION ${ident(old.name)} SET SCHEMA ${ident(news.schema)}`);
    }
    if (news.version && news.version !== old.version) {
      await session.query(`ALTER EXTENSION ${ident(old.name)} UPDATE TO ${ident(news.version)}`);
    }
    return readExtension(session, old.database, old.name, news);
  });
  if (state === undefined) {
    throw new Error("it is gone");
  }
  return state;
}

function parseId(id: string): { database: string; name: string } {
  const dot = id.indexOf(".");
  if (dot < 0) {
    throw new Error(`extension ${JSON.stringify(id)}: write the id as "database.extension"`);
  }
  return { database: id.slice(0, dot), name: id.slice(dot + 1) };
}

/** `postgresql.Extension`. Its id is `<database>.<name>`. */
export const extension: ResourceHandler<Server, ExtensionInputs, ExtensionState> = {
  token: TOKEN,
  autoName: "name",
  replaceOn: ["name", "database"],
  sets: setsOf(SHAPE),
  check: (news) => checkInputs(SHAPE, news),
  preview: (inputs, old) => previewState(SHAPE, inputs, old),
  async create(server, inputs) {
    try {
      return await createExtension(server, inputs);
    } catch (error) {
      throw explain("create", thing(inputs.database ?? server.settings.database, inputs.name ?? ""), error);
    }
  },
  async read(server, id, state, oldInputs) {
    const { database, name } = state ?? parseId(id);
    if (!server.reachable && state !== undefined) {
      return { id, state, inputs: oldInputs };
    }
    try {
      if (!(await server.hasDatabase(database))) {
        return undefined;
      }
      const live = await server.read(database, (session) =>
        readExtension(session, database, name, state ?? oldInputs),
      );
      return live === undefined
        ? undefined
        : { id: extensionId(database, name), state: live, inputs: liveInputs(SHAPE, live, oldInputs) };
    } catch (error) {
      throw explain("read", thing(database, name), error);
    }
  },
  async update(server, _id, old, news) {
    try {
      return await updateExtension(server, old, news);
    } catch (error) {
      throw explain("update", thing(old.database, old.name), error);
    }
  },
  async delete(server, _id, state) {
    try {
      if (await server.hasDatabase(state.database)) {
        const mode = state.dropCascade ? "CASCADE" : "RESTRICT";
        await server.change(state.database, (session) =>
          session.query(`DROP EXTENSION IF EXISTS ${ident(state.name)} ${mode}`),
        );
      }
    } catch (error) {
      throw explain("delete", thing(state.database, state.name), error);
    }
  },
};

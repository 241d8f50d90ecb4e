import type { Live, ResourceHandler } from "../lib/types";
import { explain, type Thing } from "./errors";
import { asMemberOf, type Server, type Session } from "./server";
import { checkInputs, inDeclaredSpelling, liveInputs, previewState, type Shape, setsOf } from "./shape";
import { ident, literal } from "./sql";
import type { DatabaseInputs, DatabaseState } from "./types";

const TOKEN = "postgresql:index/database:Database";

const SHAPE: Shape<DatabaseInputs> = {
  name: { type: "string", required: true, name: true },
  owner: { type: "string", computed: true },
  template: { type: "string", computed: true, notRead: true },
  encoding: { type: "string", computed: true },
  lcCollate: { type: "string", computed: true },
  lcCtype: { type: "string", computed: true },
  tablespaceName: { type: "string", computed: true },
  isTemplate: { type: "boolean", computed: true },
  connectionLimit: { type: "number", default: -1, min: -1 },
  allowConnections: { type: "boolean", default: true },
  alterObjectOwnership: { type: "boolean", default: false, notRead: true },
};

const DEFAULT = "DEFAULT";

function thing(name: string): Thing {
  return { kind: "database", name, importAs: { token: TOKEN, id: name } };
}

/** `DEFAULT` is a word of the statement, anything else a value. */
function orDefault(value: string, quote: (text: string) => string): string {
  return value.toUpperCase() === DEFAULT ? DEFAULT : quote(value);
}

interface Row {
  name: string;
  owner: string;
  encoding: string;
  lcCollate: string;
  lcCtype: string;
  tablespaceName: string;
  isTemplate: boolean;
  connectionLimit: number;
  allowConnections: boolean;
}

async function readDatabase(
  session: Session,
  name: string,
  declared: Partial<DatabaseInputs> | undefined,
): Promise<DatabaseState | undefined> {
  const [row] = await session.query<Row>(
    `SELECT datname AS name, pg_catalog.pg_get_userbyid(datdba)::text AS owner,
            pg_catalog.pg_encoding_to_char(encoding)::text AS encoding, datcollate AS "lcCollate",
            datctype AS "lcCtype", spcname AS "tablespaceName", datistemplate AS "isTemplate",
            datconnlimit AS "connectionLimit", datallowconn AS "allowConnections"
     FROM pg_catalog.pg_database JOIN pg_catalog.pg_tablespace ON dattablespace = pg_tablespace.oid
     WHERE datname = $1`,
    [name],
  );
  if (row === undefined) {
    return undefined;
  }
  const state = {
    ...row,
    template: declared?.template || "template0",
    alterObjectOwnership: declared?.alterObjectOwnership ?? false,
  };
  // What was declared as DEFAULT stays so: the server tells what that came to.
  for (const key of ["owner", "encoding", "lcCollate", "lcCtype", "tablespaceName"] as const) {
    if (declared?.[key]?.toUpperCase() === DEFAULT) {
      state[key] = declared[key] as string;
    }
  }
  return inDeclaredSpelling(SHAPE, state, declared);
}

async function createDatabase(server: Server, inputs: DatabaseInputs): Promise<Live<DatabaseState>> {
  const name = inputs.name ?? "";
  const options = [
    ...(inputs.owner ? [`OWNER ${orDefault(inputs.owner, ident)}`] : []),
    `TEMPLATE ${orDefault(inputs.template || "template0", ident)}`,
    `ENCODING ${orDefault(inputs.encoding || "UTF8", literal)}`,
    ...(inputs.lcCollate ? [`LC_COLLATE ${orDefault(inputs.lcCollate, literal)}`] : []),
    ...(inputs.lcCtype ? [`LC_CTYPE ${orDefault(inputs.lcCtype, literal)}`] : []),
    ...(inputs.tablespaceName ? [`TABLESPACE ${orDefault(inputs.tablespaceName, ident)}`] : []),
    `ALLOW_CONNECTIONS ${inputs.allowConnections ?? true}`,
    `CONNECTION LIMIT ${inputs.connectionLimit ?? -1}`,
    `IS_TEMPLATE ${inputs.isTemplate ?? false}`,
  ];
  if (inputs.template) {
    await server.leave(inputs.template);
  }
  const state = await server.changeOutsideTransaction(async (session) => {
    await asMemberOf(session, inputs.owner ? [inputs.owner] : [], () =>
      session.query(`CREATE DATABASE ${ident(name)} WITH ${options.join(" ")}`),
    );
    return readDatabase(session, name, inputs);
  });
  if (state === undefined) {
    throw new Error("it is gone right after it was made");
  }
  return { id: name, state };
}

async function updateDatabase(
  server: Server,
  old: DatabaseState,
  news: DatabaseInputs,
): Promise<DatabaseState> {
  const name = news.name ?? old.name;
  if (old.name !== name || (news.tablespaceName ?? old.tablespaceName) !== old.tablespaceName) {
    await server.leave(old.name);
  }
  if (news.owner && news.owner !== old.owner && news.alterObjectOwnership) {
    await reassignObjects(server, old, news.owner);
  }
  const state = await server.changeOutsideTransaction(async (session) => {
    if (old.name !== name) {
      await session.query(`ALTER DATABASE ${ident(old.name)} RENAME TO ${ident(name)}`);
    }
    const alter = (clause: string) => session.query(`ALTER DATABASE ${ident(name)} ${clause}`);
    const { owner } = news;
    if (owner && owner !== old.owner && owner.toUpperCase() !== DEFAULT) {
      await asMemberOf(session, [owner], () => alter(`OWNER TO ${ident(owner)}`));
    }
    if (news.tablespaceName && news.tablespaceName !== old.tablespaceName) {
      await alter(`SET TABLESPACE ${orDefault(news.tablespaceName, (text) => ident(text))}`);
    }
    if (news.connectionLimit !== old.connectionLimit) {
      await alter(`CONNECTION LIMIT ${news.connectionLimit ?? -1}`);
    }
    if (news.allowConnections !== old.allowConnections) {
      await alter(`ALLOW_CONNECTIONS ${news.allowConnections ?? true}`);
    }
    if (news.isTemplate !== undefined && news.isTemplate !== old.isTemplate) {
      await alter(`IS_TEMPLATE ${news.isTemplate}`);
    }
    return readDatabase(session, name, { ...news, template: news.template ?? old.template });
  });
  if (state === undefined) {
    throw new Error("it is gone");
  }
  return state;
}

async function reassignObjects(server: Server, old: DatabaseState, owner: string): Promise<void> {
  await server.change(old.name, (session) =>
    asMemberOf(session, [old.owner, owner], () =>
      session.query(`REASSIGN OWNED BY ${ident(old.owner)} TO ${ident(owner)}`),
    ),
  );
}

async function deleteDatabase(server: Server, state: DatabaseState): Promise<void> {
  await server.leave(state.name);
  await server.changeOutsideTransaction(async (session) => {
    const live = await readDatabase(session, state.name, undefined);
    if (live === undefined) {
      return;
    }
    await asMemberOf(session, [live.owner], async () => {
      if (live.isTemplate) {
        await session.query(`ALTER DATABASE ${ident(state.name)} IS_TEMPLATE false`);
      }
      await session.query(`DROP DATABASE IF EXISTS ${ident(state.name)} WITH (FORCE)`);
    });
  });
}

/** `postgresql.Database`. Its id is its name. */
export const database: ResourceHandler<Server, DatabaseInputs, DatabaseState> = {
  token: TOKEN,
  autoName: "name",
  replaceOn: ["template", "encoding", "lcCollate", "lcCtype"],
  sets: setsOf(SHAPE),
  check: (news) => checkInputs(SHAPE, news),
  preview: (inputs, old) => previewState(SHAPE, inputs, old),
  async create(server, inputs) {
    try {
      return await createDatabase(server, inputs);
    } catch (error) {
      throw explain("create", thing(inputs.name ?? ""), error);
    }
  },
  async read(server, id, state, oldInputs) {
    const name = state?.name ?? id;
    if (!server.reachable && state !== undefined) {
      return { id, state, inputs: oldInputs };
    }
    try {
      const live = await server.read(undefined, (session) => readDatabase(session, name, state ?? oldInputs));
      return live === undefined
        ? undefined
        : { id: name, state: live, inputs: liveInputs(SHAPE, live, oldInputs) };
    } catch (error) {
      throw explain("read", thing(name), error);
    }
  },
  async update(server, _id, old, news) {
    try {
      return await updateDatabase(server, old, news);
    } catch (error) {
      throw explain("update", thing(old.name), error);
    }
  },
  async delete(server, _id, state) {
    try {
      await deleteDatabase(server, state);
    } catch (error) {
      throw explain("delete", thing(state.name), error);
    }
  },
};

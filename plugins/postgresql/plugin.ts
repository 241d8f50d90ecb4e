import type { Plugin } from "../lib/types";
import { checkConfig, parseConfig } from "./config";
import { database } from "./database";
import { defaultPrivileges } from "./defaultPrivileges";
import { extension } from "./extension";
import { grant } from "./grant";
import { grantRole } from "./grantRole";
import { role } from "./role";
import { schema } from "./schema";
import { Server } from "./server";

/**
 * Stands in for the official `postgresql` plugin (the bridged cyrilgdn provider) for the resource types that this
 * project uses, against PostgreSQL 13 or later.
 *
 * It differs on purpose in two things: a clear password never reaches the server, only the SCRAM verifier made from it;
 * and a password that somebody changed behind our back shows in a refresh.
 */
export const plugin: Plugin<Server> = {
  name: "postgresql",
  version: "3.18.1",
  secretConfig: ["password"],
  jsonConfig: [
    "awsRdsIamAuth",
    "azureIdentityAuth",
    "clientcert",
    "connectTimeout",
    "maxConnections",
    "port",
    "superuser",
  ],
  checkConfig,
  configure: async (config) => new Server(parseConfig(config)),
  resources: [role, database, schema, grant, grantRole, defaultPrivileges, extension],
  close: (server) => server.close(),
};

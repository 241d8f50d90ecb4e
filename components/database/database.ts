import * as postgresql from "@pulumi/postgresql";
import * as pulumi from "@pulumi/pulumi";
import { ROLE_CONNECTIONS } from "../../config";
import { scramVerifier } from "../../scram";

export interface DatabaseArgs {
  /** Name of the application's database. The server creates it at its first start. */
  name: string;
  /** Reaches the server as its superuser, see `tunnel.ts`. */
  provider: postgresql.Provider;
  /**
   * The volume that holds the server's data. Roles and grants live in it and go with it; they outlive the service, which may
   * be replaced at any time.
   */
  volume: pulumi.Resource;
  /** Connection limit of the application's role. */
  appConnections: number;
  /** Whether windows remove old rows, which their role then may (M40). */
  archives: boolean;
  /** In clear; the server and the state get a verifier of each. */
  passwords: Record<DatabaseRole, pulumi.Input<string>>;
}

/** Roles that log in. Group roles of the server (`pg_read_all_data`, `pg_monitor`) carry their rights where they exist. */
export type DatabaseRole = "app" | "readonly" | "backup" | "monitoring" | "maintenance";

/** Full name of a role, e.g. `fitnesscrm_app`. */
export function roleName(database: string, role: DatabaseRole): string {
  return `${database}_${role}`;
}

interface RoleSpec {
  connectionLimit: number;
  memberOf: string[];
  /** Longest statement, milliseconds; 0 for none. */
  statementTimeout: number;
}

/** A client that forgets its transaction gives its locks back after this long, milliseconds (M34). */
const IDLE_IN_TRANSACTION_MS = 10 * 60_000;

/**
 * What lives inside the PostgreSQL server: five roles with the least they need, grants, default privileges and
 * `pg_stat_statements` (M31). No role of these is a superuser, may create roles, or may create databases.
 *
 * - `NAME_app` owns what the application creates in schema public.
 * - `NAME_readonly` reads the application's tables, those of the future included.
 * - `NAME_backup` reads everything, for dumps (M44).
 * - `NAME_monitoring` sees statistics and settings, no data (M29, M31).
 * - `NAME_maintenance` vacuums, builds indexes anew, and reads; it removes rows where windows archive them (M40).
 */
export class Database extends pulumi.ComponentResource {
  /** Full role names. */
  readonly roles: Record<DatabaseRole, pulumi.Output<string>>;
  /** What depends on a usable database depends on this. */
  readonly ready: pulumi.Resource[];

  private readonly options: pulumi.CustomResourceOptions;

  constructor(
    name: string,
    private readonly args: DatabaseArgs,
    opts?: pulumi.ComponentResourceOptions,
  ) {
    super("fitnesscrm:database:Database", name, {}, opts);
    this.options = { parent: this, provider: args.provider, deletedWith: args.volume };

    const roles = this.createRoles(name);
    const grants = this.createGrants(name, roles);
    const statistics = this.createExtension(name);

    this.roles = {
      app: roles.app.name,
      readonly: roles.readonly.name,
      backup: roles.backup.name,
      monitoring: roles.monitoring.name,
      maintenance: roles.maintenance.name,
    };
    this.ready = [...Object.values(roles), ...grants, statistics];
    this.registerOutputs({ roles: this.roles });
  }

  private createRoles(name: string): Record<DatabaseRole, postgresql.Role> {
    const specs: Record<DatabaseRole, RoleSpec> = {
      app: { connectionLimit: this.args.appConnections, memberOf: [], statementTimeout: 0 },
      readonly: { connectionLimit: ROLE_CONNECTIONS.readonly, memberOf: [], statementTimeout: 60_000 },
      backup: {
        connectionLimit: ROLE_CONNECTIONS.backup,
        memberOf: ["pg_read_all_data"],
        statementTimeout: 0,
      },
      monitoring: {
        connectionLimit: ROLE_CONNECTIONS.monitoring,
        memberOf: ["pg_monitor"],
        statementTimeout: 10_000,
      },
      maintenance: {
        connectionLimit: ROLE_CONNECTIONS.maintenance,
        // It reads, because how bloated an index is follows from statistics on the columns, and rows are archived.
        memberOf: ["pg_maintain", "pg_read_all_data"],
        statementTimeout: 0,
      },
    };
    const create = (role: DatabaseRole): postgresql.Role => {
      const { connectionLimit, memberOf, statementTimeout } = specs[role];
      const fullName = roleName(this.args.name, role);
      return new postgresql.Role(
        `${name}-${role}`,
        {
          name: fullName,
          login: true,
          password: pulumi.secret(
            pulumi.output(this.args.passwords[role]).apply((clear) => scramVerifier(clear, fullName)),
          ),
          superuser: false,
          createRole: false,
          createDatabase: false,
          replication: false,
          bypassRowLevelSecurity: false,
          connectionLimit,
          roles: memberOf,
          statementTimeout,
          idleInTransactionSessionTimeout: IDLE_IN_TRANSACTION_MS,
        },
        this.options,
      );
    };
    return {
      app: create("app"),
      readonly: create("readonly"),
      backup: create("backup"),
      monitoring: create("monitoring"),
      maintenance: create("maintenance"),
    };
  }

  private createGrants(
    name: string,
    roles: Record<DatabaseRole, postgresql.Role>,
  ): (postgresql.Grant | postgresql.DefaultPrivileges)[] {
    const database = this.args.name;
    const grants: (postgresql.Grant | postgresql.DefaultPrivileges)[] = [];
    // Two grants on one object at once make PostgreSQL say "tuple concurrently updated".
    const afterLast = (): pulumi.CustomResourceOptions => ({ ...this.options, dependsOn: grants.slice(-1) });

    const onDatabase = (who: string, role: pulumi.Input<string>, privileges: string[]): void => {
      grants.push(
        new postgresql.Grant(
          `${name}-${who}-database`,
          { role, database, objectType: "database", privileges },
          afterLast(),
        ),
      );
    };
    const onSchema = (who: string, role: pulumi.Input<string>, privileges: string[]): void => {
      grants.push(
        new postgresql.Grant(
          `${name}-${who}-schema`,
          { role, database, schema: "public", objectType: "schema", privileges },
          afterLast(),
        ),
      );
    };

    onDatabase("app", roles.app.name, ["CONNECT"]);
    onDatabase("readonly", roles.readonly.name, ["CONNECT"]);
    onDatabase("backup", roles.backup.name, ["CONNECT"]);
    onDatabase("monitoring", roles.monitoring.name, ["CONNECT"]);
    onDatabase("maintenance", roles.maintenance.name, ["CONNECT"]);
    // Without this every role of the server could connect to every database and fill it with temporary tables. After the
    // others: in a new database, such as one that replaces a lost one, what everybody may do by default is not written down
    // until something else is granted, and a refresh would find nothing to revoke.
    onDatabase("everyone", "public", []);
    onSchema("app", roles.app.name, ["CREATE", "USAGE"]);
    onSchema("readonly", roles.readonly.name, ["USAGE"]);

    for (const objectType of ["table", "sequence"]) {
      grants.push(
        new postgresql.DefaultPrivileges(
          `${name}-readonly-future-${objectType}s`,
          {
            role: roles.readonly.name,
            owner: roles.app.name,
            database,
            schema: "public",
            objectType,
            privileges: ["SELECT"],
          },
          afterLast(),
        ),
      );
    }
    if (this.args.archives) {
      const removes = { role: roles.maintenance.name, database, schema: "public", objectType: "table" };
      const privileges = ["DELETE"];
      grants.push(
        new postgresql.Grant(`${name}-maintenance-tables`, { ...removes, privileges }, afterLast()),
      );
      grants.push(
        new postgresql.DefaultPrivileges(
          `${name}-maintenance-future-tables`,
          { ...removes, owner: roles.app.name, privileges },
          afterLast(),
        ),
      );
    }
    return grants;
  }

  private createExtension(name: string): postgresql.Extension {
    return new postgresql.Extension(
      `${name}-statistics`,
      { name: "pg_stat_statements", database: this.args.name },
      this.options,
    );
  }
}

/**
 * A connection URL as libpq and SQLAlchemy read it. A secret, like the password in it.
 *
 * @param at Host and port inside the stack's network.
 */
export function databaseUrl(
  role: pulumi.Input<string>,
  password: pulumi.Input<string>,
  database: string,
  at = "db:5432",
): pulumi.Output<string> {
  return pulumi.interpolate`postgresql://${role}:${pulumi.output(password).apply(encodeURIComponent)}@${at}/${database}`;
}

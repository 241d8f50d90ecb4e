import { type Basis, type Member, type Rule, resourceRule, stackRule } from "./lib/rule";
import { atMost } from "./lib/settings";

const ROLE = "postgresql:index/role:Role";
const GRANT = "postgresql:index/grant:Grant";
const DEFAULTS = "postgresql:index/defaultPrivileges:DefaultPrivileges";

const AUDIT: Basis = { row: "M51", says: "Review audit logs" };
const LEAKS: Basis = { row: "M34", says: "Database Connection Errors: Check for connection leaks" };

const RIGHTS = {
  superuser: "may do everything",
  createRole: "may create roles",
  createDatabase: "may create databases",
  replication: "may copy the whole server",
  bypassRowLevelSecurity: "is not held by row security",
} as const;

/** PostgreSQL's predefined roles that lead to the machine or to a superuser. */
const DANGEROUS: readonly string[] = [
  "postgres",
  "pg_execute_server_program",
  "pg_read_server_files",
  "pg_write_server_files",
  "pg_write_all_data",
];

const privileges = resourceRule(
  {
    name: "role-privileges",
    section: "Security Operations",
    basis: AUDIT,
    demands:
      "No database role is a superuser, creates roles or databases, copies the server or goes round row security.",
    types: [ROLE],
  },
  ({ props }, judge) => {
    for (const right of Object.keys(RIGHTS) as (keyof typeof RIGHTS)[]) {
      judge.must(() => props[right] !== true, RIGHTS[right], `${right} false, or not set`);
    }
    const granted = () => (props.roles ?? []).filter((name) => DANGEROUS.includes(name));
    judge.must(
      () => granted().length === 0,
      () => `is a member of ${granted().join(", ")}`,
      "roles that reach neither the server's files nor its programs",
    );
  },
);

/** Roles that the manual's work is done with, by the end of their names, and the group that gives them their rights. */
const WORKERS = [
  { suffix: "backup", group: "pg_read_all_data", basis: { row: "M44", says: "Type: Full database dump" } },
  { suffix: "monitoring", group: "pg_monitor", basis: { row: "M29", says: "Check database connections" } },
  { suffix: "maintenance", group: "pg_maintain", basis: { row: "M40", says: "Database optimization" } },
] as const;

const present = stackRule(
  {
    name: "database-roles-present",
    section: "Monitoring",
    basis: WORKERS[1].basis,
    demands:
      "There is a role that reads everything, for backups, one that sees the statistics, for monitoring, and one that vacuums, for maintenance.",
  },
  (stack) => {
    for (const { suffix, group, basis } of WORKERS) {
      stack.judge.must(
        () =>
          !stack.complete ||
          stack
            .of(ROLE)
            .some(
              ({ props }) =>
                props.login === true &&
                (props.name ?? "").endsWith(`_${suffix}`) &&
                (props.roles ?? []).includes(group),
            ),
        `has no role for ${suffix} that is a member of ${group}`,
        `a postgresql.Role that logs in, whose name ends in _${suffix}, with the roles ["${group}"]`,
        basis,
      );
    }
  },
);

/** A client that forgets its transaction holds its locks no longer than this, minutes. */
const IDLE_MINUTES = 10;
/** A person's or a monitor's statement takes no longer than this, seconds. */
const STATEMENT_SECONDS = 60;

const timeouts = resourceRule(
  {
    name: "role-timeouts",
    section: "Troubleshooting",
    basis: LEAKS,
    demands:
      "A transaction that a client forgot is ended, and so is a long statement of a role that neither serves users nor makes backups nor maintains tables.",
    types: [ROLE],
    settings: {
      idleMinutes: atMost(IDLE_MINUTES, "Minutes after which a forgotten transaction is ended."),
      statementSeconds: atMost(STATEMENT_SECONDS, "Seconds after which a long statement is ended."),
    },
  },
  ({ props }, judge, { idleMinutes, statementSeconds }) => {
    const logsIn = () => props.login === true;
    const idle = () => props.idleInTransactionSessionTimeout ?? 0;
    judge.must(
      () => !logsIn() || (idle() > 0 && idle() <= idleMinutes * 60_000),
      () => (idle() > 0 ? `may forget a transaction for ${idle()} ms` : "may forget a transaction for ever"),
      `idleInTransactionSessionTimeout of ${idleMinutes * 60_000} ms or less`,
    );
    const limited = () => logsIn() && !/_(app|backup|maintenance)$/.test(props.name ?? "");
    const statement = () => props.statementTimeout ?? 0;
    judge.must(
      () => !limited() || (statement() > 0 && statement() <= statementSeconds * 1000),
      () =>
        statement() > 0 ? `may run one statement for ${statement()} ms` : "may run one statement for ever",
      `statementTimeout of ${statementSeconds * 1000} ms or less`,
      { row: "M36", says: "Slow Performance: Optimize queries" },
    );
  },
);

/** What changes nothing. */
const READING: readonly string[] = ["CONNECT", "USAGE", "SELECT"];
const OWNER = /_app$/;
/** Removes rows that a window has archived (M40), and changes none. */
const CLEANER = /_maintenance$/;

const grants = stackRule(
  {
    name: "database-grants",
    section: "Security Operations",
    basis: AUDIT,
    demands:
      "Only the application's role is granted more than reading, and the role of maintenance the removal of rows; everybody is granted nothing, and nobody may grant on.",
  },
  (stack) => {
    const all: Member<typeof GRANT | typeof DEFAULTS>[] = stack.of(GRANT, DEFAULTS);
    for (const { props, judge } of all) {
      const given = () => props.privileges ?? [];
      judge.must(
        () => props.role !== "public" || given().length === 0,
        () => `grants ${given().join(", ")} to everybody`,
        "privileges []",
      );
      const allowed = () => (CLEANER.test(props.role ?? "") ? [...READING, "DELETE"] : READING);
      judge.must(
        () => OWNER.test(props.role ?? "") || given().every((privilege) => allowed().includes(privilege)),
        () => `grants ${given().join(", ")} to ${props.role}`,
        `privileges of ${READING.join(", ")}`,
      );
      judge.must(
        () => props.withGrantOption !== true,
        "lets its role grant on",
        "withGrantOption false, or not set",
      );
    }
    const closed = () =>
      stack
        .of(GRANT)
        .filter(({ props }) => props.role === "public" && props.objectType === "database")
        .map(({ props }) => props.database);
    stack.judge.must(
      () =>
        !stack.complete ||
        (closed().length > 0 && stack.of(GRANT).every(({ props }) => closed().includes(props.database))),
      "lets everybody connect to its database",
      'a postgresql.Grant on the database to the role "public" with privileges []',
    );
  },
);

export const DATABASE_ROLES: readonly Rule[] = [privileges, present, timeouts, grants];

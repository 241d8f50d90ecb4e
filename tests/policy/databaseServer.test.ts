import { type Case, refusals } from "./support/cases";
import { type Declared, valueAt } from "./support/harness";

/** Replaces one argument of the server, by one or by several. */
function argument(before: string, ...after: string[]): (db: Declared) => void {
  return (db) => {
    const words = valueAt(db, "taskSpec.containerSpec.args") as string[];
    words.splice(words.indexOf(before), 1, ...after);
  };
}

const cases: Case[] = [
  {
    refuses: "a server that does not archive",
    resource: "Service db",
    edit: argument("archive_mode=on", "archive_mode=off"),
    policy: "database-log-archived",
    message:
      'Service db does not archive its log. Allowed: the arguments archive_mode=on, and wal_level replica, logical or not set. Manual M46: "RPO (Recovery Point Objective): 24 hours (daily backups)".',
  },
  {
    refuses: "a log that is archived to nowhere",
    resource: "Service db",
    edit: argument("archive_command=push %p", "archive_command=/bin/true"),
    policy: "database-log-archived",
    message:
      'Service db archives its log to nowhere. Allowed: the argument archive_command with a command that takes %p. Manual M46: "RPO (Recovery Point Objective): 24 hours (daily backups)".',
  },
  {
    refuses: "a log that is sent once an hour",
    resource: "Service db",
    edit: argument("archive_timeout=300s", "archive_timeout=1h"),
    policy: "database-log-archived",
    message:
      'Service db sends its log after 3600000 ms. Allowed: the argument archive_timeout of 300s or less. Manual M46: "RPO (Recovery Point Objective): 24 hours (daily backups)".',
  },
  {
    refuses: "a log that is sent when a segment is full",
    resource: "Service db",
    edit: argument("archive_timeout=300s", "archive_timeout=0"),
    policy: "database-log-archived",
    message:
      'Service db sends its log when a segment is full. Allowed: the argument archive_timeout of 300s or less. Manual M46: "RPO (Recovery Point Objective): 24 hours (daily backups)".',
  },
  {
    refuses: "a log too thin to archive",
    resource: "Service db",
    edit: argument("archive_mode=on", "archive_mode=on", "wal_level=minimal"),
    policy: "database-log-archived",
    message:
      'Service db does not archive its log. Allowed: the arguments archive_mode=on, and wal_level replica, logical or not set. Manual M46: "RPO (Recovery Point Objective): 24 hours (daily backups)".',
  },
  {
    refuses: "schema changes that leave no trace",
    resource: "Service db",
    edit: argument("log_statement=ddl", "log_statement=none"),
    policy: "schema-changes-logged",
    message:
      'Service db does not log changes of its schema. Allowed: the argument log_statement ddl, mod or all. Manual M51: "Review audit logs".',
  },
  {
    refuses: "a log without who and when",
    resource: "Service db",
    edit: argument("log_line_prefix=%m %u ", "log_line_prefix=[%p] "),
    policy: "schema-changes-logged",
    message:
      'Service db does not log who did something, and when. Allowed: the argument log_line_prefix with %m and %u. Manual M51: "Review audit logs".',
  },
  {
    refuses: "passwords that are easy to break",
    resource: "Service db",
    edit: argument("log_statement=ddl", "log_statement=ddl", "password_encryption=md5"),
    policy: "schema-changes-logged",
    message:
      'Service db keeps passwords as md5. Allowed: the argument password_encryption scram-sha-256, or not set. Manual M49: "Check for suspicious activity".',
  },
  {
    refuses: "a database without its statistics",
    resource: "Extension statistics",
    policy: "slow-statements-logged",
    message:
      'Stack local shows no statistics of statements to whoever asks the database. Allowed: a postgresql.Extension with the name pg_stat_statements. Manual M31: "View slow queries".',
  },
  {
    refuses: "a role that copies the server",
    resource: "Role backup",
    set: { replication: true },
    policy: "role-privileges",
    message:
      'Role backup may copy the whole server. Allowed: replication false, or not set. Manual M51: "Review audit logs".',
  },
  {
    refuses: "a role that goes round row security",
    resource: "Role readonly",
    set: { bypassRowLevelSecurity: true },
    policy: "role-privileges",
    message:
      'Role readonly is not held by row security. Allowed: bypassRowLevelSecurity false, or not set. Manual M51: "Review audit logs".',
  },
  {
    refuses: "a stack that nobody can dump",
    resource: "Role backup",
    set: { roles: [] },
    policy: "database-roles-present",
    message:
      'Stack local has no role for backup that is a member of pg_read_all_data. Allowed: a postgresql.Role that logs in, whose name ends in _backup, with the roles ["pg_read_all_data"]. Manual M44: "Type: Full database dump".',
  },
  {
    refuses: "a stack whose statistics nobody sees",
    resource: "Role monitoring",
    policy: "database-roles-present",
    message:
      'Stack local has no role for monitoring that is a member of pg_monitor. Allowed: a postgresql.Role that logs in, whose name ends in _monitoring, with the roles ["pg_monitor"]. Manual M29: "Check database connections".',
  },
  {
    refuses: "a transaction that may be forgotten",
    resource: "Role app",
    set: { idleInTransactionSessionTimeout: undefined },
    policy: "role-timeouts",
    message:
      'Role app may forget a transaction for ever. Allowed: idleInTransactionSessionTimeout of 600000 ms or less. Manual M34: "Database Connection Errors: Check for connection leaks".',
  },
  {
    refuses: "a transaction that may be forgotten for an hour",
    resource: "Role app",
    set: { idleInTransactionSessionTimeout: 3600000 },
    policy: "role-timeouts",
    message:
      'Role app may forget a transaction for 3600000 ms. Allowed: idleInTransactionSessionTimeout of 600000 ms or less. Manual M34: "Database Connection Errors: Check for connection leaks".',
  },
  {
    refuses: "a person's statement that never ends",
    resource: "Role readonly",
    set: { statementTimeout: 0 },
    policy: "role-timeouts",
    message:
      'Role readonly may run one statement for ever. Allowed: statementTimeout of 60000 ms or less. Manual M36: "Slow Performance: Optimize queries".',
  },
  {
    refuses: "a monitor's statement that takes its time",
    resource: "Role monitoring",
    set: { statementTimeout: 60001 },
    policy: "role-timeouts",
    message:
      'Role monitoring may run one statement for 60001 ms. Allowed: statementTimeout of 60000 ms or less. Manual M36: "Slow Performance: Optimize queries".',
  },
  {
    refuses: "a grant to everybody",
    resource: "Grant everyone",
    set: { privileges: ["CONNECT"] },
    policy: "database-grants",
    message:
      'Grant everyone grants CONNECT to everybody. Allowed: privileges []. Manual M51: "Review audit logs".',
  },
  {
    refuses: "a reader that writes",
    resource: "DefaultPrivileges readonly-tables",
    set: { privileges: ["SELECT", "INSERT"] },
    policy: "database-grants",
    message:
      'DefaultPrivileges readonly-tables grants SELECT, INSERT to fitnesscrm_readonly. Allowed: privileges of CONNECT, USAGE, SELECT. Manual M51: "Review audit logs".',
  },
  {
    refuses: "a grant that may be handed on",
    resource: "Grant readonly-schema",
    set: { withGrantOption: true },
    policy: "database-grants",
    message:
      'Grant readonly-schema lets its role grant on. Allowed: withGrantOption false, or not set. Manual M51: "Review audit logs".',
  },
  {
    refuses: "a database that is open to every role",
    resource: "Grant everyone",
    policy: "database-grants",
    message:
      'Stack local lets everybody connect to its database. Allowed: a postgresql.Grant on the database to the role "public" with privileges []. Manual M51: "Review audit logs".',
  },
];

describe("policies on the database's log, roles and grants", () => {
  refusals(cases);
});

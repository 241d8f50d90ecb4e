import { MANUAL } from "../manual";
import { type Basis, type Rule, stackRule } from "./lib/rule";
import { duration, serverSetting, servers } from "./lib/server";
import { atMost } from "./lib/settings";

const POINT: Basis = {
  row: "M46",
  says: `RPO (Recovery Point Objective): ${MANUAL.backup.recoveryPointObjectiveHours} hours (daily backups)`,
};
const AUDIT: Basis = { row: "M51", says: "Review audit logs" };
const SUSPICIOUS: Basis = { row: "M49", says: "Check for suspicious activity" };

/** Minutes after which a segment of the log is sent although it is not full. */
const ARCHIVE_MINUTES = 5;

const archived = stackRule(
  {
    name: "database-log-archived",
    section: "Backup & Recovery",
    basis: POINT,
    demands:
      "The database sends its log away as it writes it: the daily dump alone may be more than a day old when it is needed.",
    settings: {
      archiveMinutes: atMost(ARCHIVE_MINUTES, "Minutes after which a change has been sent at the latest."),
    },
  },
  (stack, { archiveMinutes }) => {
    const setting = (name: string) => serverSetting(stack, name);
    for (const server of servers(stack)) {
      server.judge.must(
        () =>
          setting("archive_mode") === "on" &&
          ["replica", "logical"].includes(setting("wal_level") ?? "replica"),
        "does not archive its log",
        "the arguments archive_mode=on, and wal_level replica, logical or not set",
      );
      server.judge.must(
        () => /%p/.test(setting("archive_command") ?? ""),
        "archives its log to nowhere",
        "the argument archive_command with a command that takes %p",
      );
      const timeout = () => duration(setting("archive_timeout"));
      server.judge.must(
        () => timeout() > 0 && timeout() <= archiveMinutes * 60_000,
        () =>
          timeout() > 0 ? `sends its log after ${timeout()} ms` : "sends its log when a segment is full",
        `the argument archive_timeout of ${archiveMinutes * 60}s or less`,
      );
    }
  },
);

const audited = stackRule(
  {
    name: "schema-changes-logged",
    section: "Security Operations",
    basis: AUDIT,
    demands: "The database's log has every change of the schema, with its time and the role that made it.",
  },
  (stack) => {
    const setting = (name: string) => serverSetting(stack, name);
    for (const server of servers(stack)) {
      server.judge.must(
        () => ["ddl", "mod", "all"].includes(setting("log_statement") ?? ""),
        "does not log changes of its schema",
        "the argument log_statement ddl, mod or all",
      );
      server.judge.must(
        () => /%[mt]/.test(setting("log_line_prefix") ?? "%m") && /%u/.test(setting("log_line_prefix") ?? ""),
        "does not log who did something, and when",
        "the argument log_line_prefix with %m and %u",
      );
      server.judge.must(
        () => (setting("password_encryption") ?? "scram-sha-256") === "scram-sha-256",
        () => `keeps passwords as ${setting("password_encryption")}`,
        "the argument password_encryption scram-sha-256, or not set",
        SUSPICIOUS,
      );
    }
  },
);

export const DATABASE_SERVER: readonly Rule[] = [archived, audited];

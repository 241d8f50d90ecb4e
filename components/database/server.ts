import type { Config } from "../../config";
import { SUPERUSER_CONNECTIONS } from "../../config";

/**
 * Arguments of the PostgreSQL server.
 *
 * Statements slower than the manual's limit are logged (M31), as are lock waits, DDL (M51) and connections that break;
 * `pg_stat_statements` keeps the statistics behind "slow queries". `archive` is what sends the log to S3.
 */
export function serverSettings(
  database: Config["database"] & { archive: Readonly<Record<string, string>> },
): string[] {
  const settings: Record<string, string> = {
    max_connections: String(database.maxConnections),
    superuser_reserved_connections: String(SUPERUSER_CONNECTIONS),
    shared_preload_libraries: "pg_stat_statements",
    "pg_stat_statements.track": "top",
    "pg_stat_statements.max": "5000",
    shared_buffers: `${database.sharedBuffersMiB}MB`,
    log_min_duration_statement: `${database.slowStatementMilliseconds}ms`,
    log_lock_waits: "on",
    log_statement: "ddl",
    log_line_prefix: "%m [%p] %q%u@%d ",
    log_timezone: "UTC",
    timezone: "UTC",
    track_io_timing: "on",
    idle_session_timeout: "0",
    tcp_keepalives_idle: "60",
    password_encryption: "scram-sha-256",
    ...database.archive,
  };
  return Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Names of the metrics that the agent and ops send and alarms watch: both sides read them here. */

/** CloudWatch namespace of everything that the stack sends. */
export const METRIC_NAMESPACE = "FitnessCRM";

/** Metrics of the agent; the dimension of all is `Stack`, and more where it is said. */
export const METRICS = {
  /** Percent of the host's processors in use (M22). */
  cpu: "cpu_used_percent",
  /** Percent (M23). */
  memory: "memory_used_percent",
  /** Percent of the fullest watched file system (M24). */
  disk: "disk_used_percent",
  /** 95th percentile of real API requests, milliseconds (M25); nothing in a period with too few of them. */
  responseTime: "api_response_p95_ms",
  /** Percent of real requests that ended with 5xx (M26); nothing in a period with too few, or while the probe of the service fails. */
  errorRate: "api_error_percent",
  /** Sessions of clients (M27). */
  connections: "database_connections",
  /** 1 while the page or the API's health check fails through the edge, else 0. */
  serviceDown: "service_down",
  /** Always 0: that it stops is the alarm. */
  silence: "agent_silent",
  /** Containers' processes that the kernel killed for want of memory since the value before. */
  oomKills: "oom_kills",
  /** Percent of the largest size that Redis may have (M30). */
  redisMemory: "redis_used_percent",
  /** Days until the edge's certificate expires. */
  certificate: "certificate_days_left",
} as const;

/** Further metrics of the agent, for dashboards and reports: no alarm watches them. */
export const REPORT_METRICS = {
  /** Real requests, and those of them that ended with 5xx, in a period. */
  requests: "api_requests",
  errors: "api_errors",
  /** Percentiles of real API requests, milliseconds. */
  responseMedian: "api_response_p50_ms",
  responseP99: "api_response_p99_ms",
  /** Percent of reads that the database, and the cache, answered from memory. */
  databaseHits: "database_hit_percent",
  redisHits: "redis_hit_percent",
} as const;

/** Metrics of ops on the rota: days for which shifts are declared to AWS from now on (M57). */
export const ROTA_METRIC = "rota_days_left";

/** Metric of ops on the maintenance window: days for which windows are declared to AWS from now on (M37). */
export const MUTE_METRIC = "mute_days_left";

/** Metrics of ops on attempts to log in, each of the last `alarms.failedLogins.minutes` (M48, M49). */
export const LOGIN_METRICS = {
  failed: "failed_logins",
  /** The most for one account, and the most from one address: no alarm watches them, reports show them. */
  worstAccount: "failed_logins_worst_account",
  worstAddress: "failed_logins_worst_address",
} as const;

/** Metric of ops: 1 when the last maintenance window, or a rehearsal after it, did not do all of its steps in time, else 0 (M39 to M41). */
export const WINDOW_METRIC = "maintenance_window_failed";

export const BACKUP_METRICS = {
  /** Seconds since the newest point that can be restored, dump or log (M46). */
  "backup-age": "restorable_point_age_seconds",
  /** Seconds since the newest dump that was read back (M42). */
  "dump-age": "daily_dump_age_seconds",
  /** 1 when the last restore drill failed, else 0 (M14). */
  "drill-failed": "restore_drill_failed",
  /** What the last restore drill that succeeded took, seconds (M45). */
  "drill-duration": "restore_drill_seconds",
} as const;

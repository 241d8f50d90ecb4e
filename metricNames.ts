/** Names of the metrics that ops sends and alarms watch: both sides read them here. */
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

import { type Case, refusals } from "./support/cases";

const cases: Case[] = [
  {
    refuses: "a stack that nobody tells of a drill that failed",
    resource: "MetricAlarm drill-failed",
    policy: "backup-alarms-present",
    message:
      'Stack local has no alarm for drill-failed. Allowed: an aws.cloudwatch.MetricAlarm with the tag fitnesscrm:alarm = drill-failed. Manual M14: "Backup Verification: Verify backup integrity".',
  },
  {
    refuses: "a restorable point older than the objective",
    resource: "MetricAlarm backup-age",
    set: { threshold: 86401 },
    policy: "backup-alarm-thresholds",
    message:
      'MetricAlarm backup-age goes off above 86401, which is looser than 86400. Allowed: threshold 86400 or lower. Manual M46: "RPO (Recovery Point Objective): 24 hours (daily backups)".',
  },
  {
    refuses: "a drill that may fail once",
    resource: "MetricAlarm drill-failed",
    set: { threshold: 1 },
    policy: "backup-alarm-thresholds",
    message:
      'MetricAlarm drill-failed goes off above 1, which is looser than 0. Allowed: threshold 0 or lower. Manual M14: "Backup Verification: Verify backup integrity".',
  },
  {
    refuses: "a restore that may take longer than the objective",
    resource: "MetricAlarm drill-duration",
    set: { threshold: 7200 },
    policy: "backup-alarm-thresholds",
    message:
      'MetricAlarm drill-duration goes off above 7200, which is looser than 3600. Allowed: threshold 3600 or lower. Manual M45: "RTO (Recovery Time Objective): 1 hour".',
  },
  {
    refuses: "an alarm on dumps that are too young",
    resource: "MetricAlarm dump-age",
    set: { comparisonOperator: "LessThanThreshold" },
    policy: "backup-alarm-thresholds",
    message:
      'MetricAlarm dump-age compares by LessThanThreshold. Allowed: comparisonOperator GreaterThanThreshold. Manual M42: "Frequency: Daily at 2:00 AM EST".',
  },
  {
    refuses: "silence about the newest restorable point",
    resource: "MetricAlarm backup-age",
    set: { treatMissingData: "notBreaching" },
    policy: "backup-alarm-thresholds",
    message:
      'MetricAlarm backup-age counts silence as notBreaching. Allowed: treatMissingData breaching. Manual M46: "RPO (Recovery Point Objective): 24 hours (daily backups)".',
  },
  {
    refuses: "the loss of data as a lesser evil",
    resource: "MetricAlarm backup-age",
    set: { "tags/fitnesscrm:severity": "P1" },
    policy: "alarm-severity",
    message:
      'MetricAlarm backup-age is only P1. Allowed: P0 or more urgent for backup-age. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "an alarm that takes an hour to notice",
    resource: "MetricAlarm drill-failed",
    set: { evaluationPeriods: 60 },
    policy: "alarm-detection",
    message:
      'MetricAlarm drill-failed needs 60 minutes above its threshold to go off. Allowed: period and evaluationPeriods that come to 15 minutes or less. Manual M14: "Backup Verification: Verify backup integrity".',
  },
  {
    refuses: "an alarm that nobody hears the end of",
    resource: "MetricAlarm backup-age",
    set: { okActions: [] },
    policy: "alarm-actions",
    message:
      'MetricAlarm backup-age tells nobody when it is over. Allowed: okActions with the topic of its severity. Manual M60: "Alert Severity: P0, P1, P2, P3".',
  },
  {
    refuses: "an alarm on another stack's metrics",
    resource: "MetricAlarm dump-age",
    set: { "dimensions.Stack": "prod" },
    policy: "alarm-source",
    message:
      'MetricAlarm dump-age watches the metrics of prod. Allowed: dimensions.Stack local. Manual M42: "Frequency: Daily at 2:00 AM EST".',
  },
  {
    refuses: "records of deployments that go with the backups",
    resource: "BucketLifecycleConfiguration backups",
    set: { "rules.1.expiration.days": 90 },
    policy: "backup-retention",
    message:
      'Bucket backups expires the records of deployments with the backups, or before. Allowed: expiration.days 366 or more for deployments/. Manual M56: "Update after each deployment, Record configuration changes".',
  },
  {
    refuses: "records of incidents that go with the backups",
    resource: "BucketLifecycleConfiguration backups",
    set: { "rules.3.expiration.days": 90 },
    policy: "backup-retention",
    message:
      'Bucket backups expires the records of incidents with the backups, or before. Allowed: expiration.days 366 or more for incidents/. Manual M52: "Post-incident review".',
  },
  {
    refuses: "objects that their writers may open",
    resource: "BucketOwnershipControls backups",
    set: { "rule.objectOwnership": "ObjectWriter" },
    policy: "backup-bucket-private",
    message:
      'BucketOwnershipControls backups leaves objects to ObjectWriter, who may open them. Allowed: rule.objectOwnership BucketOwnerEnforced. Manual M44: "Type: Full database dump".',
  },
];

describe("policies on alarms on backups", () => {
  refusals(cases);
});

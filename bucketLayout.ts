/** What lies where in the backup bucket: who writes it, who may, and how long it is kept follows from the prefix. */
export const PREFIXES = {
  backups: "backups/",
  wal: "wal/",
  /** Records of deployments (M56), one object each. */
  deployments: "deployments/",
  /** What happened in incidents (M52), one object an event. */
  incidents: "incidents/",
  /** Reports, each as a page and as the figures that the next one is compared with. */
  reports: "reports/",
  /** Old rows that a maintenance window has archived (M40); nothing expires. */
  archive: "archive/",
  /** What the services logged (M55), encrypted; one object a service and run. */
  logs: "logs/",
} as const;

/** What lies where in the backup bucket: who writes it, who may, and how long it is kept follows from the prefix. */
export const PREFIXES = {
  backups: "backups/",
  wal: "wal/",
  /** Records of deployments (M56), one object each. */
  deployments: "deployments/",
} as const;

import { BACKUP } from "./backup";
import { BACKUP_ACCESS } from "./backupAccess";
import { DATABASE } from "./database";
import { enforcement } from "./enforcement";
import type { Rule } from "./lib/rule";
import { MONITORING } from "./monitoring";
import { ON_CALL } from "./onCall";
import { SECURITY } from "./security";
import { SERVICES } from "./services";

const MANUALS_RULES: readonly Rule[] = [
  ...SERVICES,
  ...MONITORING,
  ...BACKUP,
  ...BACKUP_ACCESS,
  ...DATABASE,
  ...SECURITY,
  ...ON_CALL,
];

/** All rules of the pack. The last one looks at which of the others were called, so it stays last. */
export const RULES: readonly Rule[] = [...MANUALS_RULES, enforcement(MANUALS_RULES)];

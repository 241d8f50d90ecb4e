import { BACKUP } from "./backup";
import { BACKUP_ACCESS } from "./backupAccess";
import { BACKUP_ALARM_RULES } from "./backupAlarms";
import { BACKUP_SETTINGS } from "./backupSettings";
import { CALENDAR } from "./calendar";
import { DATA_RULES } from "./data";
import { DATABASE } from "./database";
import { DATABASE_ROLES } from "./databaseRoles";
import { DATABASE_SERVER } from "./databaseServer";
import { enforcement } from "./enforcement";
import { ESCALATION } from "./escalation";
import { GATES } from "./gates";
import { ISOLATION } from "./isolation";
import type { Rule } from "./lib/rule";
import { MAIL } from "./mail";
import { MAINTENANCE } from "./maintenance";
import { MONITORING } from "./monitoring";
import { ON_CALL } from "./onCall";
import { ROTA } from "./rota";
import { SECURITY } from "./security";
import { SERVICES } from "./services";
import { UPDATES } from "./updates";

const MANUALS_RULES: readonly Rule[] = [
  ...SERVICES,
  ...UPDATES,
  ...GATES,
  ...DATA_RULES,
  ...MONITORING,
  ...MAINTENANCE,
  ...CALENDAR,
  ...BACKUP_SETTINGS,
  ...BACKUP_ALARM_RULES,
  ...BACKUP,
  ...BACKUP_ACCESS,
  ...DATABASE_SERVER,
  ...DATABASE,
  ...DATABASE_ROLES,
  ...SECURITY,
  ...ISOLATION,
  ...MAIL,
  ...ON_CALL,
  ...ESCALATION,
  ...ROTA,
];

/** All rules of the pack. The last one looks at which of the others were called, so it stays last. */
export const RULES: readonly Rule[] = [...MANUALS_RULES, enforcement(MANUALS_RULES)];

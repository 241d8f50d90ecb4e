import type { AlarmSettings } from "../../../alarmCatalogue";
import { parseConfig } from "../../../config";
import { minimalConfig, rawOf } from "../../support/config";

/** Settings of a stack with a certificate and two engineers, and with what is given for `alarms`. */
export function alarmSettings(
  alarms: Record<string, unknown> = {},
  more: Partial<AlarmSettings> = {},
): AlarmSettings {
  const config = parseConfig(rawOf({ ...minimalConfig(), alarms }), "/nowhere");
  return {
    stack: "unit",
    alarms: config.alarms,
    contacts: config.contacts,
    aws: config.aws,
    publicUrl: "https://crm.example.com",
    ...more,
  };
}

import { MANUAL } from "../manual";
import { ALARM, ALARM_TAG, ESCALATES_TAG } from "./lib/alarms";
import { type Basis, known, type Member, type Rule, stackRule } from "./lib/rule";
import { atMost } from "./lib/settings";

const { maintenanceWindow: WINDOW, timeZone: ZONE } = MANUAL;

const SCHEDULE: Basis = {
  row: "M37",
  says: "Schedule: First Sunday of each month, 2:00 AM - 4:00 AM EST",
};

const MUTE = "aws:cloudwatch/alarmMuteRule:AlarmMuteRule";
type MuteMember = Member<typeof MUTE>;

/** What a window's own steps bring about. Whatever else goes off in one is a fire. */
const EXPLAINED: readonly string[] = ["cpu", "memory", "disk", "response-time"];
/** CloudWatch takes no more in one rule. */
const MAX_ALARMS = 100;

const DAY_OF_WEEK = new Map([["Sunday", 0]]);
const minutesOf = (time: string): number => {
  const [hour = 0, minute = 0] = time.split(":").map(Number);
  return hour * 60 + minute;
};
const WINDOW_MINUTES = minutesOf(WINDOW.to) - minutesOf(WINDOW.from);

const mutes = stackRule(
  {
    name: "alarm-mutes",
    section: "Maintenance Windows",
    basis: SCHEDULE,
    demands:
      "What keeps alarms quiet does so in the maintenance window only, and only for those that the window explains: a fire pages at any time.",
    settings: {
      alarms: atMost(MAX_ALARMS, "Alarms that one rule keeps quiet."),
    },
  },
  ({ of }, { alarms: most }) => {
    const alarms = of(ALARM);
    for (const rule of of(MUTE)) {
      judgeTime(rule);
      const names = () => rule.props.muteTargets?.alarmNames ?? [];
      rule.judge.must(
        () => names().length > 0 && names().length <= most,
        () => `keeps ${names().length} alarms quiet`,
        `muteTargets of 1 to ${most} alarms`,
      );
      const fires = () => names().filter((name) => !isExplained(alarms, name));
      rule.judge.must(
        () => fires().length === 0,
        () => `keeps ${fires().join(", ")} quiet, which a window does not explain`,
        `alarms of this stack with the tag ${ALARM_TAG} or ${ESCALATES_TAG} = ${EXPLAINED.join(", ")}`,
      );
    }
  },
);

function judgeTime({ props, judge }: MuteMember): void {
  const schedule = () => props.rule?.schedule;
  judge.must(
    () => schedule()?.timezone === ZONE,
    () => `goes by the clock of ${schedule()?.timezone ?? "UTC"}`,
    `rule.schedule.timezone ${ZONE}`,
  );
  judge.must(
    () => isWindowStart(schedule()?.expression),
    () => `begins at ${schedule()?.expression ?? "no time"}`,
    `rule.schedule.expression at(…T${WINDOW.from}) on the first ${WINDOW.weekday} of a month`,
  );
  judge.must(
    () => {
      const minutes = minutesOfDuration(schedule()?.duration);
      return minutes > 0 && minutes <= WINDOW_MINUTES;
    },
    () => `lasts ${schedule()?.duration ?? "for ever"}`,
    `rule.schedule.duration of PT${WINDOW_MINUTES / 60}H or less`,
  );
  judge.must(
    () => props.startDate === undefined && props.expireDate === undefined,
    "has a startDate or an expireDate, which CloudWatch refuses beside at()",
    "neither",
  );
}

function isWindowStart(expression: unknown): boolean {
  const [, date = "", time] = /^at\((\d{4}-\d\d-\d\d)T(\d\d:\d\d)(?::00)?\)$/.exec(String(expression)) ?? [];
  const day = new Date(`${date}T00:00Z`);
  return (
    time === WINDOW.from &&
    day.getUTCDay() === DAY_OF_WEEK.get(WINDOW.weekday) &&
    Math.ceil(day.getUTCDate() / 7) === WINDOW.ordinal
  );
}

/** NaN for what is no duration. */
function minutesOfDuration(duration: unknown): number {
  const found = /^PT(?:(\d+)H)?(?:(\d+)M)?$/.exec(String(duration));
  return found === null ? Number.NaN : Number(found[1] ?? 0) * 60 + Number(found[2] ?? 0);
}

/** An alarm of the stack that the window explains, or the twin of one. */
function isExplained(alarms: readonly Member<typeof ALARM>[], name: string): boolean {
  const found =
    alarms.find(({ props }) => known(() => props.name) === name) ??
    // One whose name is not known yet may be it: reading it leaves the question open.
    alarms.find(({ props }) => props.name === name);
  const what = found?.props.tags?.[ALARM_TAG] ?? found?.props.tags?.[ESCALATES_TAG];
  return what !== undefined && EXPLAINED.includes(what);
}

export const MAINTENANCE: readonly Rule[] = [mutes];

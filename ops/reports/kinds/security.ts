import { MANUAL } from "../../../manual";
import { showWallClock } from "../../../wallClock";
import { BURST, burstsOf, type Failure } from "../bursts";
import type { MakeParts, ReportContext } from "../context";
import type { Tone } from "../model";
import { amount, requestFacts } from "./common";

/** More failures than this in a day are counted, not read one by one. */
const MOST_FAILURES = 50_000;
const SHOWN = 10;

/** The manual's daily security check (M48 to M51): failed logins, bursts, changes of roles and releases, error rates. */
export const security: MakeParts = (context) => [
  { title: "Failed logins", make: () => logins(context) },
  { title: "Changes of roles", make: () => roles(context) },
  { title: "Changes of the database's settings", make: () => settings(context) },
  { title: "Releases", make: () => releases(context) },
  { title: "Ages of secrets", make: async () => ages(context) },
  {
    title: "Error rates",
    make: async () => ({
      facts: await requestFacts(context, MANUAL.thresholds["error-rate"].above),
    }),
  },
];

async function logins(context: ReportContext) {
  const failures = await failedLogins(context);
  const bursts = burstsOf(failures);
  const time = (at: Date): string => showWallClock(context.timeZone, at);
  return {
    lead: `A burst is ${BURST.failures} failures or more of one account, or from one address, within ${BURST.minutes} minutes.`,
    facts: [
      {
        label: "Failed logins",
        value: amount(failures.length, "count", "failed-logins"),
        ...(failures.length === MOST_FAILURES && { note: "or more: the newest were read" }),
      },
      { label: "Accounts", value: amount(distinct(failures, "account"), "count", "failed-accounts") },
      { label: "Addresses", value: amount(distinct(failures, "address"), "count", "failed-addresses") },
      {
        label: "Bursts",
        value: amount(bursts.length, "count", "bursts"),
        tone: (bursts.length > 0 ? "bad" : "good") as Tone,
      },
    ],
    tables: [
      {
        columns: ["Burst of", "Name", "Failures", "From", "Until"],
        rows: bursts
          .slice(0, SHOWN)
          .map(({ by, name, count, from, until }) => [
            by,
            name,
            amount(count, "count"),
            time(from),
            time(until),
          ]),
        empty: "No bursts.",
      },
      {
        columns: ["Account", "Failures"],
        rows: most(failures, "account").map(([name, count]) => [name, amount(count, "count")]),
        empty: "No failed logins.",
      },
      {
        columns: ["Address", "Failures"],
        rows: most(failures, "address").map(([name, count]) => [name, amount(count, "count")]),
        empty: "No failed logins.",
      },
    ],
  };
}

/** What an application may call the columns; of each the first that is there. */
const ACCOUNT_COLUMNS = ["email", "username", "user_email", "user_id"];
const ADDRESS_COLUMNS = ["ip_address", "ip", "remote_addr"];

async function failedLogins({ data, from, now }: ReportContext): Promise<Failure[]> {
  const found = await data<{ name: string }>(
    `SELECT attname AS name FROM pg_attribute
     WHERE attrelid = to_regclass('public.activity_log') AND attnum > 0 AND NOT attisdropped`,
  );
  const names = found.map(({ name }) => name);
  if (!names.includes("action") || !names.includes("created_at")) {
    throw new Error(
      names.length === 0
        ? "the application has no table activity_log"
        : "the table activity_log has no action and created_at",
    );
  }
  const column = (wanted: readonly string[]): string => {
    const name = wanted.find((one) => names.includes(one));
    return name === undefined ? "''" : `coalesce(regexp_replace(${name}::text, '/(32|128)$', ''), '')`;
  };
  return data<Failure & object>(
    `SELECT created_at AS at, ${column(ACCOUNT_COLUMNS)} AS account, ${column(ADDRESS_COLUMNS)} AS address
     FROM public.activity_log
     WHERE action = 'login_failure' AND created_at >= $1 AND created_at < $2
     ORDER BY created_at DESC LIMIT ${MOST_FAILURES}`,
    [from, now],
  );
}

function distinct(failures: readonly Failure[], by: "account" | "address"): number {
  return new Set(failures.map((failure) => failure[by]).filter((name) => name !== "")).size;
}

function most(failures: readonly Failure[], by: "account" | "address"): [string, number][] {
  const counts = new Map<string, number>();
  for (const failure of failures) {
    const name = failure[by] === "" ? "unknown" : failure[by];
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1)).slice(0, SHOWN);
}

async function roles(context: ReportContext) {
  const found = await context.monitoring<{ line: string }>(
    `SELECT r.rolname || ': ' || concat_ws(', ',
       CASE WHEN r.rolcanlogin THEN 'may log in' END,
       CASE WHEN r.rolsuper THEN 'superuser' END,
       CASE WHEN r.rolcreaterole THEN 'makes roles' END,
       CASE WHEN r.rolcreatedb THEN 'makes databases' END,
       CASE WHEN r.rolreplication THEN 'replication' END,
       CASE WHEN r.rolbypassrls THEN 'bypasses row security' END,
       'connections ' || r.rolconnlimit,
       (SELECT 'member of ' || string_agg(g.rolname, ' and ' ORDER BY g.rolname)
        FROM pg_auth_members m JOIN pg_roles g ON g.oid = m.roleid WHERE m.member = r.oid)) AS line
     FROM pg_roles r WHERE r.rolname !~ '^pg_' ORDER BY 1`,
  );
  return changes(
    context,
    "roles",
    found.map(({ line }) => line),
    "Roles",
  );
}

async function settings(context: ReportContext) {
  const found = await context.monitoring<{ line: string }>(
    `SELECT name || ' = ' || setting || coalesce(' ' || unit, '') AS line FROM pg_settings
     WHERE source NOT IN ('default', 'client', 'session', 'override') AND name NOT LIKE 'lc%' ORDER BY 1`,
  );
  return changes(
    context,
    "settings",
    found.map(({ line }) => line),
    "Settings that are not the server's default",
  );
}

/** What came and went of a list since the report before. */
function changes(context: ReportContext, name: string, list: readonly string[], label: string) {
  const before = context.before?.lists[name];
  context.remember(name, list);
  const rows =
    before === undefined
      ? []
      : [
          ...list.filter((line) => !before.includes(line)).map((line) => ["now", line]),
          ...before.filter((line) => !list.includes(line)).map((line) => ["no longer", line]),
        ];
  return {
    facts: [
      { label, value: amount(list.length, "count", name) },
      {
        label: "Changes since the report before",
        value: before === undefined ? "nothing to compare with yet" : amount(rows.length, "count"),
        ...(rows.length > 0 && { tone: "warning" as const }),
      },
    ],
    tables: rows.length === 0 ? [] : [{ columns: ["Change", "What"], rows, empty: "None." }],
  };
}

async function releases(context: ReportContext) {
  const found = await context.deployments(context.from);
  const failed = found.filter(({ result }) => result === "failed").length;
  return {
    facts: [
      { label: "Deployments", value: amount(found.length, "count", "deployments") },
      {
        label: "Failed ones",
        value: amount(failed, "count", "failed-deployments"),
        ...(failed > 0 && { tone: "warning" as const }),
      },
    ],
    tables: [
      {
        columns: ["Ended", "By", "Commit", "Result", "Changed"],
        rows: found.map(({ endedAt, by, commit, dirty, result, reason, despite, changes: changed }) => [
          showWallClock(context.timeZone, new Date(endedAt)),
          by,
          `${commit?.slice(0, 10) ?? "none"}${dirty ? " and changed files" : ""}`,
          [result, reason, despite === undefined ? undefined : `despite: ${despite}`]
            .filter((text) => text !== undefined)
            .join(": "),
          changed.length === 0 ? "configuration" : changed.map(({ service }) => service).join(", "),
        ]),
        empty: "None.",
      },
    ],
  };
}

const DAY_MS = 86_400_000;

/** Secrets against their limit of age, as `./fitnesscrm secrets list` counts it: of an unknown age is over any. */
function ages({ secretAges, now }: ReportContext) {
  const counted = secretAges.map(({ name, since, limitDays }) => {
    const days =
      since === null ? null : Math.max(0, Math.floor((now.getTime() - Date.parse(since)) / DAY_MS));
    return { name, limitDays, days, over: days === null || days > limitDays };
  });
  const over = counted.filter((one) => one.over);
  return {
    lead: "./fitnesscrm secrets rotate NAME replaces one while users are served.",
    facts: [
      {
        label: "Over their limit of age",
        value: amount(over.length, "count", "old-secrets"),
        tone: (over.length > 0 ? "warning" : "good") as Tone,
      },
    ],
    tables:
      over.length === 0
        ? []
        : [
            {
              columns: ["Secret", "Age in days", "Limit"],
              rows: over.map(({ name, days, limitDays }) => [
                name,
                amount(days, "count"),
                amount(limitDays, "count"),
              ]),
              empty: "None.",
            },
          ],
  };
}

/** What the modules of the project say of themselves, in the words in which the documents tell it. */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { type AlarmDefinition, type AlarmName, alarmDefinitions, UNITS } from "../../../../alarmCatalogue";
import { planHost } from "../../../../cli/host/plan";
import { firewallRules } from "../../../../cli/host/steps/firewall";
import { SUPPORTED } from "../../../../cli/host/steps/system";
import { ROTATIONS } from "../../../../cli/rotation/plan";
import { serverSettings as settingsOf } from "../../../../components/database/server";
import { type GivenSecret, parseConfig, SERVICES, type SecretName, UNSET } from "../../../../config";
import { KEY_METRICS, THRESHOLDS } from "../../../../manual";
import { METRICS } from "../../../../metricNames";
import type { TaskDefinition } from "../../../../ops/tasks/definitions";
import { taskDefinitions } from "../../../../tasks";
import { minimalConfig, rawOf } from "../../../support/config";
import { ROOT, textOf } from "../../../support/documents";
import type { Stack } from "./deployed";

/** Settings of a stack that says the least. */
export const DEFAULTS = parseConfig(rawOf(minimalConfig()), "/nowhere");

const NGINX = textOf("images/nginx/Dockerfile");
const upstreamPort = (service: string): string => new RegExp(`=${service}:(\\d+)`).exec(NGINX)?.[1] ?? "";

export function ports({
  databaseUrl,
  redisUrl,
}: Pick<Stack, "databaseUrl" | "redisUrl">): [string, string][] {
  return [
    [String(DEFAULTS.http.port), "`nginx`, on every interface of the host (`http.port`)"],
    ...["backend", "frontend"].map((service): [string, string] => [
      upstreamPort(service),
      `\`${service}\`, in the network`,
    ]),
    ...[databaseUrl, redisUrl].map(({ hostname, port }): [string, string] => [
      port,
      `\`${hostname}\`, in the network`,
    ]),
    [
      String(DEFAULTS.database.tunnelPort),
      "loopback of the machine that runs Pulumi (`database.tunnelPort`)",
    ],
  ];
}

export function hostSteps(): string[] {
  return planHost({ user: "root", sshPorts: [22], system: "debian", memoryMiB: 4096 }).map(
    ({ name }) => name,
  );
}

export function openPorts(): string {
  return /dport \{ (.*) \} accept/.exec(firewallRules([22]))?.[1] ?? "";
}

export function supportedSystems(): string {
  const names = Object.values(SUPPORTED);
  return `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;
}

/** Keys of the tracked settings of production that somebody has to fill in. */
export function unsetKeys(): string[] {
  const { config } = parse(textOf("Pulumi.prod.yaml")) as { config: Record<string, unknown> };
  return Object.entries(config).flatMap(([key, value]) => {
    const name = key.replace(/^fitnesscrm:/, "");
    if (typeof value !== "object" || value === null) {
      return isUnset(value) ? [name] : [];
    }
    return Object.entries(value).flatMap(([below, item]) => (isUnset(item) ? [`${name}.${below}`] : []));
  });
}

const isUnset = (value: unknown): boolean => (JSON.stringify(value) ?? "").includes(UNSET);

export function tasks(): TaskDefinition[] {
  return taskDefinitions({ certificates: true });
}

/** Days of a crontab, in the documents' words. */
export const DAYS: Record<string, string> = {
  "*": "every day",
  "MON-FRI": "weekdays",
  MON: "Monday",
  TUE: "Tuesday",
  WED: "Wednesday",
  THU: "Thursday",
  FRI: "Friday",
  SAT: "Saturday",
  SUN: "Sunday",
};

export function weekdayOf(task: string): string {
  const cron = tasks().find(({ name }) => name === task)?.cron ?? "";
  return DAYS[cron.split(" ")[4] ?? ""] ?? "";
}

export function thresholds(): string[][] {
  return KEY_METRICS.map((metric) => {
    const { title, above, unit, severity, action } = THRESHOLDS[metric];
    return [title, `${above}${UNITS[unit]}`, severity, action];
  });
}

/** Settings of the server but those of its archive, which `docs/backup.md` tells of. */
export function serverSettings(): [string, string][] {
  return settingsOf({ ...DEFAULTS.database, archive: {} })
    .filter((word) => word !== "-c")
    .map((word) => {
      const at = word.indexOf("=");
      return [word.slice(0, at), word.slice(at + 1)];
    });
}

/** Every alarm of a stack that has a use for each. */
export function alarms(): AlarmDefinition[] {
  return alarmDefinitions({
    ...DEFAULTS,
    stack: "prod",
    publicUrl: "https://crm.example.com",
    aws: {},
  });
}

export function alarm(name: AlarmName): AlarmDefinition {
  const found = alarms().find((one) => one.name === name);
  if (found === undefined) {
    throw new Error(`there is no alarm ${name}`);
  }
  return found;
}

export function percentile(): string {
  return `the ${/_p(\d+)_/.exec(METRICS.responseTime)?.[1]}th percentile`;
}

/** GiB that all tasks may take together while nothing is restored. */
export function memoryTogether(): number {
  const { resources, replicas } = DEFAULTS;
  const tasksOf: Record<string, number> = { ...replicas, restore: 0 };
  const mebibytes = SERVICES.reduce((sum, name) => sum + resources[name].memoryMiB * (tasksOf[name] ?? 1), 0);
  return Math.ceil(mebibytes / 1024);
}

export function rotationOf(name: SecretName | GivenSecret): [by: string, then: string] {
  const rotation = ROTATIONS[name];
  return rotation.how === "never"
    ? ["nothing", rotation.why]
    : [rotation.how === "twice" ? "two updates" : "one update", rotation.effect];
}

/** User of a service's image; what runs in images that are not the stack's own it does not decide. */
export function userOf(service: string): string {
  const image = { db: "postgres", restore: "ops" }[service] ?? service;
  const file = join("images", image, "Dockerfile");
  if (!existsSync(join(ROOT, file))) {
    return "as its image says";
  }
  return `\`${/^USER (\S+)$/m.exec(textOf(file))?.[1] ?? "root"}\``;
}

export function loginLimitStatus(): string {
  return /limit_req_status (\d+);/.exec(textOf("images/nginx/nginx.conf.template"))?.[1] ?? "";
}

export function largestBodyMiB(): string {
  return /NGINX_CLIENT_MAX_BODY_SIZE=(\d+)m/.exec(NGINX)?.[1] ?? "";
}

/** Words by which a diagnosis says what is wrong, read from the sources of its judges. */
export function causes(): string[] {
  const folder = "cli/diagnose/judge";
  const source = [
    "cli/diagnose/causes.ts",
    ...readdirSync(join(ROOT, folder)).map((file) => join(folder, file)),
  ]
    .map(textOf)
    .join("\n");
  const words = [
    ...source.matchAll(/cause: "([a-z-]+)"/g),
    ...source.matchAll(/\bfail\("([a-z-]+)"/g),
    ...source.matchAll(/cause: [^"\n]* "([a-z-]+)"/g),
    ...source.matchAll(/cause: .* : "([a-z-]+)",$/gm),
    ...source.matchAll(/^ +\[?"([a-z-]+)",(?: emptyVariables.*)?$/gm),
  ].map(([, word = ""]) => word);
  return [...new Set(words)].filter((word) => word !== "ok" && word !== "unknown").sort();
}

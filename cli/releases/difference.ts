import type { Config, Pin } from "../../config";
import { ageOf, type BackupEntry, momentOf } from "../restore/plan";
import { columns } from "../restore/report";
import { backupBefore, type Choice } from "./choose";
import { commitOf } from "./format";
import { type ImagePlan, shortImage } from "./images";
import { type PastRelease, RELEASED, type Released } from "./release";

export type AppSettings = Pin["app"];

/** Settings of a release as the program takes them; those of today where its state does not say. */
export function settingsFor(release: PastRelease, today: AppSettings): AppSettings {
  if (release.app === null) {
    return today;
  }
  const { version, environment, logLevel, allowedOrigins } = release.app;
  return { ...(version != null && { version }), environment, logLevel, allowedOrigins };
}

export function settingsOf({ app, pin }: Pick<Config, "app" | "pin">): AppSettings {
  const { version, environment, logLevel, allowedOrigins } = { ...app, ...pin?.app };
  return { ...(version !== undefined && { version }), environment, logLevel, allowedOrigins };
}

/** What a rollback is going to change, and what it is not, for a person who has to say yes. */
export function describeRollback(
  stack: string,
  choice: Choice,
  plan: ImagePlan,
  {
    serving,
    today,
    backup,
    now,
  }: {
    serving: Partial<Record<Released, string>>;
    today: AppSettings;
    /** undefined where the database stays. */
    backup: BackupEntry | undefined;
    now: Date;
  },
): string {
  const { live, failed, target } = choice;
  const from = failed === undefined ? `release ${live.version}` : `update ${failed.version}, which failed,`;
  const by = target.release.by === null ? "" : ` by ${target.release.by}`;
  const rows = [
    ["", "now", `release ${target.version}`],
    ...RELEASED.map((service) => imageRow(service, serving[service], plan)),
    compared("commit", commitOf((failed ?? live).release), commitOf(target.release)),
    ...settingRows(today, settingsFor(target.release, today)),
  ];
  return [
    `Rollback of stack ${stack} from ${from} to release ${target.version}, deployed ${momentOf(target.time)}${by}`,
    "",
    ...columns(rows, [false, false, false]).map((line) => `  ${line}`),
    "",
    ...plan.notes.map((note) => `  ${note}`),
    ...(target.release.app === null
      ? ["  the release's state does not say its application settings: today's stay"]
      : []),
    "  db, redis, ops, restore and agent stay as this checkout declares them",
    `  ${databaseLine(choice, backup, now)}`,
    ...warnings(choice),
  ].join("\n");
}

function imageRow(service: Released, now: string | undefined, plan: ImagePlan): string[] {
  const then = plan.images[service];
  const isRebuilt = plan.rebuild.some((rebuild) => rebuild.service === service);
  const what = isRebuilt ? "built again" : now === then ? "same" : shortImage(then);
  return [service, now === undefined ? "does not run" : shortImage(now), what];
}

function settingRows(today: AppSettings, then: AppSettings): string[][] {
  const variables = [
    ...new Set([...Object.keys(today.environment), ...Object.keys(then.environment)]),
  ].sort();
  return [
    compared("app version", today.version ?? "none", then.version ?? "none"),
    compared("log level", today.logLevel, then.logLevel),
    compared("further origins", today.allowedOrigins.join(", "), then.allowedOrigins.join(", ")),
    // By name: what stands in one may be nothing for a terminal that others see.
    ...variables.map((name) => {
      const [before, after] = [today.environment[name], then.environment[name]];
      const what = before === undefined ? "added" : after === undefined ? "removed" : "other value";
      return [name, before === undefined ? "not set" : "set", before === after ? "same" : what];
    }),
  ].filter(([, , what]) => what !== "same");
}

function compared(name: string, now: string, then: string): string[] {
  return [name, now || "none", now === then ? "same" : then || "none"];
}

function databaseLine(choice: Choice, backup: BackupEntry | undefined, now: Date): string {
  const version = backupBefore(choice)?.version;
  if (backup === undefined) {
    return version === undefined
      ? "the database stays as it is"
      : `the database stays as it is; --restore-database would bring back the backup made before release ${version}`;
  }
  return (
    `the database goes back to backup ${backup.id} of ${momentOf(backup.createdAt)}, made before release ${version}: what was ` +
    `written in the ${ageOf(backup.createdAt, now)} since then is lost to the application, and kept until ./fitnesscrm restore --confirm`
  );
}

/** Expand first, contract later lets one release work on its successor's schema, and promises nothing beyond that. */
function warnings({ undone, target }: Choice): string[] {
  const deployments = undone.filter(({ release }) => release !== undefined).length;
  return deployments <= 1
    ? []
    : [
        `  release ${target.version} lies ${deployments} deployments back: if it does not work with the database's schema of ` +
          "today, its tasks never get healthy, and what serves now goes on serving",
      ];
}

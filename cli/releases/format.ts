import type { DeploymentRecord } from "../../ops/deployments/record";
import { momentOf } from "../restore/plan";
import { columns } from "../restore/report";
import type { ReleaseEntry } from "./list";
import type { PastRelease } from "./release";

/** One release, as `--json` prints it. What the state does not say is null. */
export interface ReleaseJson {
  version: number;
  commit: string | null;
  dirty: boolean;
  images: Record<string, string>;
  result: ReleaseEntry["result"];
  time: string;
  backup: string | null;
  current: boolean;
  attempt: string | null;
  by: string | null;
  app: PastRelease["app"];
  /** Number of the release that a rollback brought back with this one. */
  pinned: number | null;
}

export function jsonOf({ version, result, time, current, release }: ReleaseEntry): ReleaseJson {
  return {
    version,
    commit: release?.commit ?? null,
    dirty: release?.dirty ?? false,
    images: release?.images ?? {},
    result,
    time,
    backup: release?.backup ?? null,
    current,
    attempt: release?.attempt ?? null,
    by: release?.by ?? null,
    app: release?.app ?? null,
    pinned: release?.pinned ?? null,
  };
}

/** A table for a person, newest first. */
export function formatReleases(entries: readonly ReleaseEntry[], stack: string): string {
  if (entries.length === 0) {
    return `Stack ${stack} has no release yet: ./fitnesscrm up makes one.`;
  }
  const rows = entries.map((entry) => [
    String(entry.version),
    momentOf(entry.time),
    entry.result,
    commitOf(entry.release),
    entry.release?.app?.version ?? "",
    entry.release?.backup ?? "",
    entry.release?.by ?? "",
    noteOf(entry),
  ]);
  const head = ["VERSION", "TIME", "RESULT", "COMMIT", "APP", "BACKUP BEFORE", "BY", ""];
  return columns(
    [head, ...rows],
    head.map((_, index) => index === 0),
  ).join("\n");
}

/** `1f2e3d4c5b6a`, with a plus where files differed from it. */
export function commitOf(release: Pick<PastRelease, "commit" | "dirty"> | undefined): string {
  return release?.commit == null ? "" : `${release.commit.slice(0, 12)}${release.dirty ? "+" : ""}`;
}

function noteOf({ current, release }: ReleaseEntry): string {
  const pinned = release?.pinned == null ? [] : [`rollback to ${release.pinned}`];
  return [...(current ? ["current"] : []), ...pinned].join(", ");
}

/** Everything that is known of one release. */
export function formatRelease(
  entry: ReleaseEntry,
  deployment: DeploymentRecord | undefined,
  problem: string,
): string {
  const { release } = entry;
  const facts: [string, string][] = [
    ["time", momentOf(entry.time)],
    ["result", entry.result],
    ["attempt", release?.attempt ?? "not known"],
    ["by", release?.by ?? "not known"],
    ["commit", commitText(release)],
    ["backup", release?.backup ?? "none was made before it"],
    ...settingsOf(release),
    ...Object.entries(release?.images ?? {}).map(([name, image]): [string, string] => [
      `${name} image`,
      image,
    ]),
  ];
  const note = noteOf(entry);
  return [
    `Release ${entry.version}${note === "" ? "" : ` (${note})`}`,
    "",
    ...columns(
      facts.map(([name, value]) => [name, value]),
      [false, false],
    ).map((line) => `  ${line}`),
    "",
    ...(deployment === undefined ? [`Deployment record: ${problem}.`] : deploymentLines(deployment)),
  ].join("\n");
}

function commitText(release: PastRelease | undefined): string {
  if (release?.commit == null) {
    return "not known";
  }
  return `${release.commit}${release.dirty ? ", and files that differed from it" : ""}`;
}

function settingsOf(release: PastRelease | undefined): [string, string][] {
  const app = release?.app;
  if (app == null) {
    return [];
  }
  const variables = Object.keys(app.environment);
  return [
    ["app version", app.version ?? "none"],
    ["app source", app.source ?? "published images"],
    ["log level", app.logLevel],
    ["further origins", app.allowedOrigins.join(", ") || "none"],
    // Their values are nobody's business who only asks what was deployed.
    ["variables", variables.join(", ") || "none"],
  ];
}

function deploymentLines(record: DeploymentRecord): string[] {
  const changes = record.changes.map(({ service, from, to }) => `  ${service}: ${from ?? "new"} -> ${to}`);
  const gates = record.gates.map(
    ({ name, result, seconds, notes }) =>
      `  gate ${name}: ${result} in ${seconds.toFixed(1)} s${notes.map((note) => `\n    ${note}`).join("")}`,
  );
  return [
    `Deployment record: ${record.result}${record.reason === undefined ? "" : `: ${record.reason}`}`,
    `  from ${momentOf(record.startedAt)} to ${momentOf(record.endedAt)}`,
    ...(record.despite === undefined ? [] : [`  despite what a gate said: ${record.despite}`]),
    ...gates,
    ...(changes.length === 0 ? ["  no image changed"] : changes),
  ];
}

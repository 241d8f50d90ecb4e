import type { Change, Preview, Problem, Violation } from "./events";
import { nameOf } from "./events";
import type { Danger, Judgement, Stop } from "./judge";
import { box, code, text } from "./markdown";

/** GitHub's limit for one comment, characters. */
export const COMMENT_LIMIT = 65_536;

/** Property paths that a row of the table names. */
const SHOWN_PROPERTIES = 6;

export interface CommentInput {
  stack: string;
  preview: Preview;
  judgement: Judgement;
  /** Why the preview is no whole one, e.g. because it hung. */
  failure?: string;
  /** The commit that was previewed. */
  commit?: string;
  /** The release that a rollback holds the stack to. */
  pinnedVersion?: number;
  limit?: number;
}

/** By which a stack's comment is found again, so that it is updated in its place. */
export function markerOf(stack: string): string {
  return `<!-- fitnesscrm-preview ${stack} -->`;
}

/**
 * What a reviewer reads on a pull request: first what can lose data, then what stops, then what the policies refuse, then the
 * rest. It has no value of any property but an image's digest: neither outputs nor secrets can appear.
 */
export function renderComment(input: CommentInput): string {
  const { limit = COMMENT_LIMIT, preview } = input;
  const head = [markerOf(input.stack), title(input), ...warnings(input)].join("\n\n");
  const foot = footer(input);
  const rows = preview.changes.toSorted(byWeight).map(row);
  for (let shown = rows.length; shown > 0; shown = Math.floor(shown * 0.9)) {
    const comment = join([head, summary(preview), table(rows, shown), foot]);
    if (comment.length <= limit) {
      return comment;
    }
  }
  const comment = join([head, summary(preview), foot]);
  return comment.length <= limit ? comment : cut(comment, limit);
}

function join(parts: readonly string[]): string {
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function cut(comment: string, limit: number): string {
  const note = "\n\n… cut here: the rest is in the log of the run.\n";
  const kept = comment.slice(0, limit - note.length);
  return `${kept.slice(0, Math.max(0, kept.lastIndexOf("\n")))}${note}`;
}

function title({ stack, preview, judgement, failure }: CommentInput): string {
  const { changes, violations, succeeded } = preview;
  const refused = violations.filter(({ mandatory }) => mandatory).length;
  const verdicts = [
    ...(judgement.dangers.length > 0
      ? [`${count(judgement.dangers.length, "stateful resource")} at risk`]
      : []),
    ...(refused > 0 ? [`${count(refused, "policy violation")}`] : []),
    ...(failure !== undefined || (!succeeded && refused === 0) ? ["failed"] : []),
    ...(judgement.downtime.allowed ? [] : ["waits for the maintenance window"]),
  ];
  const amount = changes.length === 0 ? "no changes" : count(changes.length, "change");
  const found = changes.length > 0 || succeeded ? [amount] : [];
  return `## Preview of ${code(stack)}: ${[...verdicts, ...found].join(", ")}`;
}

function warnings({ stack, preview, judgement, failure, pinnedVersion }: CommentInput): string[] {
  // That a protected resource must not go is said in its own box, and without advice to lift the protection.
  const guarded = judgement.dangers
    .filter(({ change }) => change.isProtected)
    .map(({ change }) => change.urn);
  const errors = preview.problems.filter(
    ({ severity, urn }) => severity === "error" && !guarded.includes(urn ?? ""),
  );
  return [
    ...(judgement.dangers.length > 0 ? [dangerBox(judgement.dangers)] : []),
    ...(judgement.stops.length > 0 ? [downtimeBox(judgement)] : []),
    ...violationList(preview.violations),
    ...(failure === undefined ? [] : [box("CAUTION", ["**The preview is not whole**", "", text(failure)])]),
    ...(errors.length > 0 ? [problemList("Errors", errors)] : []),
    ...(pinnedVersion === undefined
      ? []
      : [
          box("NOTE", [
            `A rollback holds ${code(stack)} to release ${pinnedVersion}: deploying is refused until ${code(`./fitnesscrm unpin --stack ${stack}`)}.`,
          ]),
        ]),
  ];
}

function dangerBox(dangers: readonly Danger[]): string {
  return box("CAUTION", [
    "**Replaces or deletes what has state**",
    "",
    ...dangers.map(({ change, effect }) => {
      const because = change.action === "replace" ? `, for ${properties(change)}` : "";
      const guard = change.isProtected ? " It is protected: Pulumi refuses this." : "";
      return `- ${change.action} ${named(change)}${because}: ${effect}.${guard}`;
    }),
  ]);
}

function downtimeBox({ stops, downtime }: Judgement): string {
  return box(downtime.allowed ? "WARNING" : "CAUTION", [
    downtime.allowed ? "**Stops and starts anew**" : "**Stops and starts anew: refused at this time**",
    "",
    ...stops.map(({ service, effect }: Stop) => `- ${code(service)}: ${text(effect)}`),
    "",
    `${text(capital(downtime.reason))}.`,
  ]);
}

function violationList(violations: readonly Violation[]): string[] {
  if (violations.length === 0) {
    return [];
  }
  const lines = violations
    .toSorted(
      (a, b) =>
        Number(b.mandatory) - Number(a.mandatory) ||
        a.policy.localeCompare(b.policy) ||
        a.message.localeCompare(b.message),
    )
    .map(({ policy, urn, message, mandatory }) => {
      const where = urn === undefined ? "the stack" : code(nameOf(urn));
      return `- **${text(policy)}**${mandatory ? "" : " (advisory)"} on ${where}: ${text(message)}`;
    });
  return [["### Policy violations", "", ...lines].join("\n")];
}

function problemList(heading: string, problems: readonly Problem[]): string {
  const lines = problems.map(({ urn, message }) =>
    urn === undefined || message.includes(urn)
      ? `- ${text(withoutUrns(message))}`
      : `- ${code(nameOf(urn))}: ${text(withoutUrns(message))}`,
  );
  return [`### ${heading}`, "", ...[...new Set(lines)].sort()].join("\n");
}

/** A URN says in a line what its name says in a word. */
function withoutUrns(message: string): string {
  return message.replace(/"?urn:pulumi:[^\s"]+"?/g, (urn) => nameOf(urn.replaceAll('"', "")) || urn);
}

function summary({ changes, unchanged, problems }: Preview): string {
  const counts = (["create", "update", "replace", "delete", "run"] as const)
    .map((action) => [changes.filter((change) => change.action === action).length, action] as const)
    .filter(([amount]) => amount > 0)
    .map(([amount, action]) => `${amount} to ${action}`);
  const drifted = changes.filter(({ hasDrifted }) => hasDrifted).length;
  const line = [
    ...counts,
    ...(drifted > 0 ? [`${drifted} changed by hand`] : []),
    `${unchanged} unchanged`,
  ].join(", ");
  const warnings = problems.filter(({ severity }) => severity === "warning");
  return [`${line}.`, ...(warnings.length > 0 ? [problemList("Warnings", warnings)] : [])].join("\n\n");
}

function table(rows: readonly string[], shown: number): string {
  const more = rows.length - shown;
  return [
    "<details><summary>All changes</summary>",
    "",
    "| | resource | type | what differs |",
    "|---|---|---|---|",
    ...rows.slice(0, shown),
    ...(more > 0 ? ["", `… and ${more} more, in the log of the run.`] : []),
    "",
    "</details>",
  ].join("\n");
}

function row(change: Change): string {
  const { action, type, image, hasDrifted } = change;
  const what = [
    ...(hasDrifted ? ["changed by hand"] : []),
    ...(image === undefined ? [] : [`image ${code(short(image.from))} to ${code(short(image.to))}`]),
    properties(change),
  ].filter((part) => part !== "");
  return `| ${action} | ${code(change.name)} | ${text(shortType(type))} | ${what.join("; ")} |`;
}

function properties({ properties: paths, action }: Change): string {
  if (action === "create" || action === "delete") {
    return "";
  }
  const shown = paths.slice(0, SHOWN_PROPERTIES).map(code);
  const more = paths.length - shown.length;
  return [...shown, ...(more > 0 ? [`${more} more`] : [])].join(", ");
}

function footer({ commit }: CommentInput): string {
  return commit === undefined ? "" : `Commit ${code(commit.slice(0, 12))}.`;
}

const WEIGHTS: readonly Change["action"][] = ["delete", "replace", "update", "create", "run"];

function byWeight(a: Change, b: Change): number {
  return (
    WEIGHTS.indexOf(a.action) - WEIGHTS.indexOf(b.action) ||
    a.type.localeCompare(b.type) ||
    a.name.localeCompare(b.name)
  );
}

function named({ name, type }: Change): string {
  return `${code(name)} (${text(shortType(type))})`;
}

/** `docker:index/volume:Volume` as `docker Volume`. */
function shortType(type: string): string {
  const [provider = "", , kind = ""] = type.split(":");
  if (type.startsWith("pulumi:providers:")) {
    return `${kind} provider`;
  }
  return provider === "command" ? provider : `${provider} ${kind}`;
}

/** The first 12 hex digits of an image's digest. */
function short(image: string): string {
  return image.replace(/^.*sha256:(.{12}).*$/, "$1");
}

function count(amount: number, what: string): string {
  return `${amount} ${what}${amount === 1 ? "" : "s"}`;
}

function capital(sentence: string): string {
  return sentence.charAt(0).toUpperCase() + sentence.slice(1);
}

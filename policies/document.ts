/**
 * Writes `docs/policies.md` from the pack to standard output: `npx tsx policies/document.ts > docs/policies.md`. A test checks
 * that the file is current.
 */

import type { Rule, Section } from "./lib/rule";
import { kindOf } from "./lib/types";
import { RULES } from "./policies";

const HEAD = `# Policies

Generated from \`policies/\` by \`npx tsx policies/document.ts > docs/policies.md\`; do not edit.

Every preview and every update is judged by these ${RULES.length} policies. All are mandatory: a violation stops the preview or the
update, and its message names the resource, what is wrong, what is allowed, and the manual's row.

A policy's settings can be made stricter, never looser, in \`policies/config.json\`, which every preview and update of the
launcher hands on as \`--policy-pack-config\`. A policy is lowered by its \`exception\` there, which demands a written reason of
20 characters or more:

\`\`\`json
{
  "backup-retention": { "days": 365 },
  "service-log-limits": {
    "exception": { "level": "advisory", "reason": "load test of 2026-03-01, ticket 4711" }
  }
}
\`\`\`

\`level\` is \`advisory\` or \`disabled\`. The engine's own \`enforcementLevel\` asks for no reason: \`advisory\` has no effect, and
\`disabled\` is refused by \`policies-in-force\`.

\`./fitnesscrm policy check\` judges the state of a stack, without an update: each resource's inputs, and everything together
with what the providers answered.

Nothing is put right silently: a state that is better than its program hides what the program lacks, and loses it to the next
update without the pack. Where nothing at all is declared and one value is safe, a policy can fill it in for whoever asks,
by \`{ "service-restart": { "enforcementLevel": "remediate" } }\`; the preview shows it. What is declared, and wrong, is
refused all the same.
`;

/** The whole page. */
export function document(rules: readonly Rule[]): string {
  const sections = [...new Set(rules.map(({ section }) => section))];
  return `${HEAD}\n${sections.map((section) => chapter(section, rules)).join("\n")}`;
}

function chapter(section: Section, rules: readonly Rule[]): string {
  const own = rules.filter((rule) => rule.section === section);
  return `## ${section}\n\n${own.map(entry).join("\n")}`;
}

function entry({ name, basis, demands, types, settings, fills }: Rule): string {
  const judges =
    types.length === 0 ? "the whole stack" : types.map((type) => `\`${kindOf(type)}\``).join(", ");
  const lines = Object.entries(settings).map(([key, { schema }]) => {
    return `- \`${key}\`: ${schema.description} ${bounds(schema)}`;
  });
  return [
    `### ${name}`,
    "",
    demands,
    "",
    `${basis.row}: "${basis.says}". Judges ${judges}.${fills === undefined ? "" : ` Can fill in ${fills}.`}`,
    ...(lines.length === 0 ? [] : ["", ...lines]),
    "",
  ].join("\n");
}

function bounds(schema: Rule["settings"][string]["schema"]): string {
  const value = Array.isArray(schema.default) ? schema.default.join(", ") : String(schema.default);
  if (schema.maximum !== undefined) {
    return `At most ${value}, the default.`;
  }
  return schema.minimum === undefined
    ? `Any of ${value}; all by default.`
    : `At least ${value}, the default.`;
}

if (require.main === module) {
  process.stdout.write(document(RULES));
}

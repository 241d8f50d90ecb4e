/**
 * Trims what a real preview streams to what is read of it, so that no value of a property is kept but images' digests:
 *
 *   eval "$(./fitnesscrm env --stack NAME)"
 *   PULUMI_ENABLE_STREAMING_JSON_PREVIEW=true pulumi preview --json --color never --non-interactive --stack NAME \
 *     --policy-pack policies/bin/fitnesscrm-policies | npx tsx tests/unit/cli/preview/support/trim.ts > tests/unit/cli/preview/recorded/WHAT.jsonl
 */
import { createInterface } from "node:readline";

type Fields = Record<string, unknown>;

const KEPT = ["policyEvent", "summaryEvent"];
const STEP_FIELDS = ["op", "urn", "type", "keys", "diffs", "detailedDiff"];

function fields(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}

function pick(from: Fields, names: readonly string[]): Fields {
  return Object.fromEntries(
    names.filter((name) => from[name] !== undefined).map((name) => [name, from[name]]),
  );
}

function trimSide(side: unknown): Fields {
  const { protect, inputs } = fields(side);
  const { image } = fields(fields(fields(inputs).taskSpec).containerSpec);
  return {
    ...(protect === true && { protect }),
    ...(typeof image === "string" && { inputs: { taskSpec: { containerSpec: { image } } } }),
  };
}

function trimStep(event: unknown): Fields {
  const metadata = fields(fields(event).metadata);
  return {
    metadata: {
      ...pick(metadata, STEP_FIELDS),
      old: trimSide(metadata.old),
      new: trimSide(metadata.new),
    },
  };
}

function trim(event: Fields): Fields | undefined {
  const kept = pick(event, KEPT);
  if (Object.keys(kept).length > 0) {
    return kept;
  }
  if (event.diagnosticEvent !== undefined && fields(event.diagnosticEvent).severity !== "debug") {
    return pick(event, ["diagnosticEvent"]);
  }
  for (const name of ["resourcePreEvent", "resOutputsEvent"]) {
    const { op, detailedDiff } = fields(fields(event[name]).metadata);
    const tells =
      name === "resourcePreEvent"
        ? op !== "refresh"
        : op === "refresh" && Object.keys(fields(detailedDiff)).length > 0;
    if (op !== undefined && op !== "same" && tells) {
      return { [name]: trimStep(event[name]) };
    }
  }
  return undefined;
}

createInterface({ input: process.stdin }).on("line", (line) => {
  const trimmed = trim(fields(JSON.parse(line)));
  if (trimmed !== undefined) {
    process.stdout.write(`${JSON.stringify(trimmed)}\n`);
  }
});

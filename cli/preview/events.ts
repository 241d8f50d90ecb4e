/** Reads what `pulumi preview` streams, one JSON object a line. */

/** What happens to a resource. `run`: a command of the program's, such as a gate or the build of an image. */
export type Action = "create" | "update" | "replace" | "delete" | "run";

export interface Change {
  urn: string;
  /** The last part of the URN. */
  name: string;
  /** E.g. `docker:index/service:Service`. */
  type: string;
  action: Action;
  /** Paths of the properties that differ. Never their values: one of them may be a secret. */
  properties: string[];
  /** Pulumi refuses to delete it. */
  isProtected: boolean;
  /** What exists is not what the state says: somebody changed or removed it by hand. */
  hasDrifted: boolean;
  /** References before and after, where a service gets another image and both are known. */
  image?: { from: string; to: string };
}

export interface Violation {
  policy: string;
  /** Undefined for a policy of the whole stack. */
  urn?: string;
  message: string;
  /** It stops the update. */
  mandatory: boolean;
}

/** An error or a warning. */
export interface Problem {
  severity: "error" | "warning";
  urn?: string;
  message: string;
}

export interface Preview {
  changes: Change[];
  unchanged: number;
  violations: Violation[];
  problems: Problem[];
  /** The engine came to its end without an error. */
  succeeded: boolean;
}

interface Side {
  protect?: boolean;
  inputs?: Record<string, unknown>;
}

interface Step {
  op: string;
  urn: string;
  type: string;
  old?: Side | null;
  new?: Side | null;
  diffs?: string[];
  keys?: string[];
  detailedDiff?: Record<string, unknown> | null;
}

interface EngineEvent {
  resourcePreEvent?: { metadata: Step };
  resOutputsEvent?: { metadata: Step };
  policyEvent?: { policyName: string; resourceUrn?: string; message: string; enforcementLevel: string };
  diagnosticEvent?: {
    severity: string;
    urn?: string;
    prefix?: string;
    message: string;
    ephemeral?: boolean;
  };
  summaryEvent?: { resourceChanges?: Record<string, number>; result?: string };
}

const STACK_TYPE = "pulumi:pulumi:Stack";
const COMMAND_TYPE = "command:local:Command";

const ACTIONS: Record<string, Action> = {
  create: "create",
  update: "update",
  delete: "delete",
  replace: "replace",
  "create-replacement": "replace",
  "delete-replaced": "replace",
};

/** Collects a preview from its lines. */
export class PreviewReader {
  private readonly changes = new Map<string, Change>();
  private readonly drifted = new Set<string>();
  private readonly violations: Violation[] = [];
  private readonly problems: Problem[] = [];
  private unchanged = 0;
  private succeeded = false;

  /** @returns Whether the line was an event of the engine. */
  add(line: string): boolean {
    const event = parse(line);
    if (event === undefined) {
      return false;
    }
    const { policyEvent, diagnosticEvent, summaryEvent } = event;
    if (event.resourcePreEvent !== undefined) {
      this.addStep(event.resourcePreEvent.metadata);
    } else if (event.resOutputsEvent !== undefined) {
      this.addOutcome(event.resOutputsEvent.metadata);
    } else if (policyEvent !== undefined) {
      this.violations.push({
        policy: policyEvent.policyName,
        ...(policyEvent.resourceUrn && { urn: policyEvent.resourceUrn }),
        message: plain(policyEvent.message),
        mandatory: policyEvent.enforcementLevel === "mandatory",
      });
    } else if (diagnosticEvent !== undefined && !diagnosticEvent.ephemeral) {
      this.addProblem(diagnosticEvent);
    } else if (summaryEvent !== undefined) {
      this.unchanged = summaryEvent.resourceChanges?.same ?? 0;
      this.succeeded = summaryEvent.result === "succeeded";
    }
    return true;
  }

  get preview(): Preview {
    return {
      changes: [...this.changes.values()],
      unchanged: this.unchanged,
      violations: this.violations,
      problems: this.problems,
      succeeded: this.succeeded,
    };
  }

  private addStep(step: Step): void {
    const action = ACTIONS[step.op];
    // The stack's own step only says that its outputs differ, and those may be secret.
    if (action !== undefined && step.type !== STACK_TYPE) {
      this.put(step, action);
    }
  }

  /** A refresh that found a difference says so in its outcome; the step that puts it right comes later. */
  private addOutcome({ op, urn, detailedDiff }: Step): void {
    if (op === "refresh" && Object.keys(detailedDiff ?? {}).length > 0) {
      this.drifted.add(urn);
    }
  }

  private put(step: Step, action: Action): void {
    const before = this.changes.get(step.urn);
    const image = imageChange(step);
    this.changes.set(step.urn, {
      urn: step.urn,
      name: nameOf(step.urn),
      type: step.type,
      action: isRun(step.type, action) ? "run" : action,
      properties: [...new Set([...(before?.properties ?? []), ...propertiesOf(step)])].sort(),
      isProtected: (step.old ?? step.new)?.protect === true,
      hasDrifted: this.drifted.has(step.urn),
      ...(before?.image && { image: before.image }),
      ...(image && { image }),
    });
  }

  private addProblem({ severity, urn, prefix, message }: NonNullable<EngineEvent["diagnosticEvent"]>): void {
    const text = plain(`${prefix ?? ""}${message}`).replace(/^(?:error|warning): /, "");
    // That a preview failed is said by its reasons.
    if ((severity === "error" || severity === "warning") && text !== "" && text !== "preview failed") {
      this.problems.push({ severity, ...(urn && { urn }), message: text });
    }
  }
}

function parse(line: string): EngineEvent | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRun(type: string, action: Action): boolean {
  return type === COMMAND_TYPE && (action === "create" || action === "replace" || action === "update");
}

function propertiesOf({ detailedDiff, keys, diffs }: Step): string[] {
  const paths = Object.keys(detailedDiff ?? {});
  return paths.length > 0 ? paths : [...(keys ?? []), ...(diffs ?? [])];
}

function imageChange(step: Step): Change["image"] {
  const [from, to] = [imageOf(step.old), imageOf(step.new)];
  return from !== undefined && to !== undefined && from !== to ? { from, to } : undefined;
}

function imageOf(side: Side | null | undefined): string | undefined {
  const { taskSpec } = (side?.inputs ?? {}) as {
    taskSpec?: { containerSpec?: { image?: unknown } };
  };
  const image = taskSpec?.containerSpec?.image;
  return typeof image === "string" && /^(?:\S+@)?sha256:[0-9a-f]{64}$/.test(image) ? image : undefined;
}

/** `urn:pulumi:STACK::PROJECT::TYPES::NAME` ends in the name. */
export function nameOf(urn: string): string {
  return urn.split("::").slice(3).join("::");
}

/** Without the engine's colours, which it writes as `<{%reset%}>`. */
function plain(text: string): string {
  return text.replace(/<\{%.*?%\}>/g, "").trim();
}

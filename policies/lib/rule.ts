import {
  type PolicyResource,
  type PolicyResourceOptions,
  type ReportViolation,
  type ResourceValidationPolicy,
  type StackValidationPolicy,
  UnknownValueError,
} from "@pulumi/policy";
import { configSchema, readConfig, type Settings, type Values } from "./settings";
import { kindOf, type Props, type Token } from "./types";

/** Sections of the manual. */
export type Section =
  | "Deployment Procedures"
  | "Monitoring"
  | "Troubleshooting"
  | "Maintenance Windows"
  | "Backup & Recovery"
  | "Security Operations"
  | "Performance Optimization"
  | "On-Call Procedures"
  | "The pack itself";

/** What a rule rests on: a row of `docs/manual.md` and the manual's own words. */
export interface Basis {
  readonly row: string;
  readonly says: string;
}

interface RuleHead<S extends Settings> {
  /** Kebab-case; unique in the pack. */
  readonly name: string;
  readonly section: Section;
  readonly basis: Basis;
  /** One sentence: what is demanded. */
  readonly demands: string;
  readonly settings?: S;
}

/** What a rule fills in where nothing is declared, for whoever asks the engine to remediate. */
export interface Remedy<T extends Token> {
  /** In words, completing "Can fill in". */
  readonly fills: string;
  /** The resource with it; undefined where something is declared, right or wrong. */
  apply(props: Props<T>): Props<T> | undefined;
}

/** One rule of the pack, and the policy that the engine calls for it. */
export interface Rule {
  readonly name: string;
  readonly section: Section;
  readonly basis: Basis;
  readonly demands: string;
  readonly settings: Settings;
  readonly fills?: string;
  /** Types whose resources it judges; empty for a rule of the whole stack. */
  readonly types: readonly Token[];
  /** Types that the engine has had it judge so far in this process; `stack` for the whole stack. */
  readonly judged: Set<string>;
  readonly policy: ResourceValidationPolicy | StackValidationPolicy;
}

/** Where a rule says what must hold. */
export interface Judge {
  /**
   * A condition reported as a violation when it does not hold. One that reads a value which is not known yet in a preview is
   * left undecided; the update judges it.
   *
   * @param wrong What is wrong, completing the resource's name: `has no memory limit`.
   * @param allowed What to do instead.
   * @param basis The row of this condition where it differs from the rule's.
   */
  must(holds: () => boolean, wrong: string | (() => string), allowed: string, basis?: Basis): void;
}

/** A resource as a rule sees it. */
export interface Subject<T extends Token> {
  readonly type: T;
  readonly name: string;
  readonly props: Props<T>;
  readonly opts: PolicyResourceOptions;
}

/** A rule about one resource at a time. */
export function resourceRule<T extends Token, S extends Settings = Record<never, never>>(
  head: RuleHead<S> & { readonly types: readonly T[]; readonly remedy?: Remedy<T> },
  check: (subject: Subject<T>, judge: Judge, values: Values<S>) => void,
): Rule {
  const judged = new Set<string>();
  const { remedy, ...rest } = head;
  const policy: ResourceValidationPolicy = {
    ...policyHead(head),
    ...(remedy !== undefined && {
      remediateResource: ({ type, props }) =>
        head.types.some((token) => token === type) ? remedy.apply(props as Props<T>) : undefined,
    }),
    validateResource: (args, report) => {
      const type = head.types.find((token) => token === args.type);
      if (type === undefined) {
        return;
      }
      judged.add(type);
      const judgeOf = reporter(head, args.getConfig(), report);
      if (judgeOf !== undefined) {
        const subject = { type, name: args.name, props: args.props as Props<T>, opts: args.opts };
        check(subject, judgeOf(`${kindOf(type)} ${args.name}`), judgeOf.values);
      }
    },
  };
  return {
    ...rest,
    settings: head.settings ?? {},
    ...(remedy !== undefined && { fills: remedy.fills }),
    judged,
    policy,
  };
}

/** A resource of a stack. Its properties are outputs, any of which may be missing in a preview. */
export interface Member<T extends Token> {
  readonly name: string;
  readonly urn: string;
  readonly props: Partial<Props<T>>;
  /** True when a property takes its value from another resource, by reference or by equal value. */
  refersTo(property: string, other: Member<Token>): boolean;
  /** True when this resource comes after another one, directly or by way of what it depends on. */
  comesAfter(other: Member<Token>): boolean;
  readonly judge: Judge;
}

/** A whole stack as a rule sees it. */
export interface Stack {
  readonly name: string;
  /** True for a stack of this project with any resource in it: only such a stack can lack one. */
  readonly complete: boolean;
  of<T extends Token>(...types: T[]): Member<T>[];
  readonly judge: Judge;
}

/** Pulumi's name of this project. */
const PROJECT = "fitnesscrm";

/** A rule about the stack as a whole, called at the end of a preview and of an update. */
export function stackRule<S extends Settings = Record<never, never>>(
  head: RuleHead<S>,
  check: (stack: Stack, values: Values<S>) => void,
): Rule {
  const judged = new Set<string>();
  const policy: StackValidationPolicy = {
    ...policyHead(head),
    validateStack: ({ resources, getConfig }, report) => {
      judged.add("stack");
      const judgeOf = reporter(head, getConfig(), report);
      if (judgeOf === undefined) {
        return;
      }
      const byUrn = new Map(resources.map((resource) => [resource.urn, resource]));
      const [stackName = "", project = ""] = urnParts(resources[0]?.urn);
      check(
        {
          name: stackName,
          complete: project === PROJECT && resources.some(({ type }) => !type.startsWith("pulumi:")),
          of: (...types) =>
            resources
              .filter(({ type }) => (types as string[]).includes(type))
              .map((resource) =>
                member(resource, byUrn, judgeOf(`${kindOf(resource.type)} ${resource.name}`, resource.urn)),
              ),
          judge: judgeOf(`Stack ${stackName}`),
        },
        judgeOf.values,
      );
    },
  };
  return { ...head, settings: head.settings ?? {}, types: [], judged, policy };
}

/** Stack and project of a URN, `urn:pulumi:STACK::PROJECT::TYPE::NAME`. */
function urnParts(urn = ""): string[] {
  const [stack = "", project = ""] = urn.replace(/^urn:pulumi:/, "").split("::");
  return [stack, project];
}

function member<T extends Token>(
  resource: PolicyResource,
  byUrn: ReadonlyMap<string, PolicyResource>,
  judge: Judge,
): Member<T> {
  const props = resource.props as Partial<Props<T>>;
  return {
    name: resource.name,
    urn: resource.urn,
    props,
    judge,
    refersTo(property, other) {
      if (resource.propertyDependencies[property]?.some(({ urn }) => urn === other.urn)) {
        return true;
      }
      const own = known(() => resource.props[property] as unknown);
      const names = ["arn", "id", "bucket", "name"].map((key) =>
        known(() => (other.props as Record<string, unknown>)[key]),
      );
      const values = Array.isArray(own)
        ? Array.from({ length: own.length }, (_, index) => known(() => own[index] as unknown))
        : [own];
      return values.some((value) => value !== undefined && names.includes(value));
    },
    comesAfter: (other) => comesAfter(resource, other.urn, byUrn),
  };
}

function comesAfter(
  resource: PolicyResource,
  urn: string,
  byUrn: ReadonlyMap<string, PolicyResource>,
): boolean {
  const seen = new Set<string>();
  const open: (PolicyResource | undefined)[] = [resource];
  while (open.length > 0) {
    const next = open.pop();
    // A component is made before its children, and waits itself for what it depends on.
    const before = [
      ...(next?.dependencies ?? []),
      ...Object.values(next?.propertyDependencies ?? {}).flat(),
      ...(next?.parent === undefined ? [] : [next.parent]),
    ];
    for (const dependency of before) {
      if (dependency.urn === urn) {
        return true;
      }
      if (!seen.has(dependency.urn)) {
        seen.add(dependency.urn);
        open.push(byUrn.get(dependency.urn));
      }
    }
  }
  return false;
}

/** A value, or undefined when it is not known yet. */
export function known<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof UnknownValueError) {
      return undefined;
    }
    throw error;
  }
}

function policyHead(head: RuleHead<Settings>) {
  return {
    name: head.name,
    description: head.demands,
    enforcementLevel: "mandatory" as const,
    configSchema: configSchema(head.settings ?? {}),
  };
}

/**
 * The framework's reporter also takes an object, whose level wins over the one that the engine was configured with. That is
 * what keeps a policy mandatory unless its exception says otherwise, with a reason.
 */
type ReportAt = (violation: { message: string; urn?: string; enforcementLevel: string }) => void;

interface JudgeOf<S extends Settings> {
  (subject: string, urn?: string): Judge;
  readonly values: Values<S>;
}

/** Undefined when the rule is disabled by its exception. */
function reporter<S extends Settings>(
  head: RuleHead<S>,
  given: Record<string, unknown>,
  report: ReportViolation,
): JudgeOf<S> | undefined {
  const { values, exception, faults } = readConfig((head.settings ?? {}) as S, given);
  const reportAt = report as unknown as ReportAt;
  for (const fault of faults) {
    reportAt({ message: `Policy ${head.name}: ${fault}.`, enforcementLevel: "mandatory" });
  }
  if (exception?.level === "disabled") {
    return undefined;
  }
  const suffix = exception === undefined ? "" : ` (Advisory, because: ${exception.reason})`;
  const judgeOf = (subject: string, urn?: string): Judge => ({
    must(holds, wrong, allowed, basis = head.basis) {
      const undecidedOrFine = known(holds) ?? true;
      if (undecidedOrFine) {
        return;
      }
      const fault = typeof wrong === "string" ? wrong : (known(wrong) ?? "is wrong");
      reportAt({
        message: `${subject} ${fault}. Allowed: ${allowed}. Manual ${basis.row}: "${basis.says}".${suffix}`,
        ...(urn === undefined ? {} : { urn }),
        enforcementLevel: exception?.level ?? "mandatory",
      });
    },
  });
  return Object.assign(judgeOf, { values });
}

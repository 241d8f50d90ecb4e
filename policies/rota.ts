import { MANUAL } from "../manual";
import { firstGap, type Gap } from "./lib/coverage";
import { type Basis, known, type Member, type Rule, stackRule } from "./lib/rule";
import { SUBSCRIPTION, severityOf, TOPIC } from "./onCall";

const ROTATION: Basis = {
  row: "M57",
  says: `Rotation: ${MANUAL.onCall.shiftWeeks} week shifts`,
};

type SubscriptionMember = Member<typeof SUBSCRIPTION>;

/** What of a message tells when it was. */
const TIME = "StateChangeTime";
const SCOPE = "MessageBody";
/** SNS takes no more in one policy. */
const MAX_VALUES = 150;
/** No stack is older. */
const SINCE = "2026";

const rota = stackRule(
  {
    name: "rota-declared",
    section: "On-Call Procedures",
    basis: ROTATION,
    demands:
      "Subscriptions that are filtered by time leave no moment out: at each one engineer is paged, or everybody of the rota.",
  },
  ({ of }) => {
    const subscriptions = of(SUBSCRIPTION);
    for (const topic of of(TOPIC).filter(({ props }) => known(() => severityOf(props.tags)) !== undefined)) {
      const own = subscriptions.filter((one) => one.refersTo("topic", topic));
      for (const one of own.filter(({ props }) => known(() => props.filterPolicy) !== undefined)) {
        judgeFilter(one);
      }
      // One that is not known yet makes the whole of it unknown.
      const filters = () => own.flatMap(({ props }) => props.filterPolicy ?? []);
      const gap = (): Gap | undefined =>
        filters().length === 0
          ? undefined
          : firstGap(
              filters().map((filter) => prefixesOf(filter) ?? []),
              SINCE,
              (reached) => reached === 1 || reached === filters().length,
            );
      topic.judge.must(
        () => gap() === undefined,
        () => `tells ${gap()?.reached} of ${filters().length} engineers of what happens at ${gap()?.at}`,
        `filter policies that let each moment through for one engineer, or for all`,
      );
    }
  },
);

function judgeFilter({ props, judge }: SubscriptionMember): void {
  judge.must(
    () => props.filterPolicyScope === SCOPE,
    () => `looks for the time in ${props.filterPolicyScope ?? "MessageAttributes"}, where it is not`,
    `filterPolicyScope ${SCOPE}`,
  );
  judge.must(
    () => prefixesOf(props.filterPolicy) !== undefined,
    "has a filter that is no rota",
    `filterPolicy {"${TIME}":[{"prefix":"2026-11-27"}, …]} with ${MAX_VALUES} prefixes or less`,
  );
}

/** Prefixes of a policy; undefined for one that says anything else, or more than SNS takes. */
function prefixesOf(filterPolicy: unknown): string[] | undefined {
  try {
    const policy = JSON.parse(String(filterPolicy)) as Record<string, unknown>;
    const values = policy[TIME];
    const prefixes = Array.isArray(values)
      ? values.map((value: unknown) => Object(value).prefix as unknown)
      : [];
    const isRota =
      Object.keys(policy).length === 1 &&
      prefixes.length > 0 &&
      prefixes.length <= MAX_VALUES &&
      prefixes.every((prefix) => typeof prefix === "string" && /^20[\d:T-]*$/.test(prefix));
    return isRota ? (prefixes as string[]) : undefined;
  } catch {
    return undefined;
  }
}

export const ROTA: readonly Rule[] = [rota];

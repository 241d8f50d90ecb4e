import { type Rule, stackRule } from "./lib/rule";

/**
 * Refuses a preview or an update in which a policy was switched off behind the pack's back, by the engine's own
 * `enforcementLevel: disabled`, which asks for no reason. (Its `advisory` has no effect at all: see `rule.ts`.)
 *
 * A disabled policy is never called. One is missed when others were called for the same kind of resource; a targeted update
 * that judges nothing misses nobody.
 */
export function enforcement(rules: readonly Rule[]): Rule {
  return stackRule(
    {
      name: "policies-in-force",
      section: "The pack itself",
      basis: { row: "M56", says: "Record configuration changes" },
      demands: "A policy is lowered by its exception, with a written reason, and in no other way.",
    },
    ({ judge }) => {
      for (const rule of rules) {
        judge.must(
          () => !wasLeftOut(rule, rules),
          `is judged without the policy ${rule.name}, which is disabled without a reason`,
          `the configuration {"${rule.name}": {"exception": {"level": "disabled", "reason": "…"}}}`,
        );
      }
    },
  );
}

function wasLeftOut(rule: Rule, rules: readonly Rule[]): boolean {
  const kinds = rule.types.length === 0 ? ["stack"] : rule.types;
  return kinds.some((kind) => !rule.judged.has(kind) && rules.some(({ judged }) => judged.has(kind)));
}

import assert from "node:assert/strict";
import { happyStack } from "./happy";
import { change, type Declared, judge, set, without } from "./harness";

/** One way to violate one policy. */
export interface Case {
  /** The behaviour, completing "refuses". */
  refuses: string;
  /** Kind and name of the resource that is changed; the whole of it goes where nothing else is said. */
  resource: string;
  /** Value by dotted path; undefined removes the property. */
  set?: Record<string, unknown>;
  edit?: (resource: Declared) => void;
  add?: Declared[];
  policy: string;
  message: string;
}

/** The happy stack with one case's change. */
export function violating({ resource, set: values, edit, add = [] }: Case): Declared[] {
  const stack = [...happyStack(), ...add];
  if (values === undefined && edit === undefined) {
    return add.length > 0 ? stack : without(stack, resource);
  }
  return change(stack, resource, (found) => {
    for (const [path, value] of Object.entries(values ?? {})) {
      set(found, path, value);
    }
    edit?.(found);
  });
}

/** Declares one test a case: exactly this policy refuses, in exactly these words. */
export function refusals(cases: readonly Case[]): void {
  for (const one of cases) {
    it(`${one.policy} refuses ${one.refuses}`, () => {
      const violations = judge(violating(one));
      assert.deepEqual(
        violations
          .filter(({ policy }) => policy === one.policy)
          .map(({ message, level }) => ({ message, level })),
        [{ message: one.message, level: "mandatory" }],
      );
    });
  }
}

import assert from "node:assert/strict";
import { excuses, FREE, NOT_JUDGED } from "./support/free";
import { type Declared, judge, relevantPolicies } from "./support/harness";
import { type Mutant, mutantsOf } from "./support/mutants";
import { realProgram } from "./support/realProgram";

type Survivor = Pick<Mutant, "what" | "how">;

/** A number is weakened in one of two directions; which one is the number's own affair. */
function isOtherDirection({ what, how }: Survivor, refused: ReadonlySet<string>): boolean {
  return (how === "more" && refused.has(`${what} less`)) || (how === "less" && refused.has(`${what} more`));
}

describe("mutants of what the real program declares", function () {
  this.timeout(900_000);
  let stack: Declared[];
  const refused = new Set<string>();
  const survivors: Survivor[] = [];

  before(async () => {
    stack = await realProgram();
    const relevant = relevantPolicies(stack);
    for (const { what, how, type, changed, stack: mutant } of mutantsOf(stack, isJudged)) {
      const focus = changed === undefined ? {} : { focus: changed };
      if (judge(mutant, { only: relevant(type), first: true, ...focus }).length > 0) {
        refused.add(`${what} ${how}`);
      } else {
        survivors.push({ what, how });
      }
    }
  });

  function isJudged(type: string): boolean {
    return NOT_JUDGED[type] === undefined && !type.startsWith("fitnesscrm:");
  }

  it("the program itself is refused by no policy", () => {
    assert.deepEqual(judge(stack), []);
  });

  it("every type is judged, or is left out for a written reason", () => {
    const relevant = relevantPolicies(stack);
    const types = [...new Set(stack.map(({ type }) => type))].filter(
      (type) => !type.startsWith("fitnesscrm:"),
    );
    assert.deepEqual(
      types.filter((type) => relevant(type).length === 0).sort(),
      Object.keys(NOT_JUDGED).sort(),
    );
  });

  it("every mutant is refused, or its property is free for a written reason", () => {
    const unexplained = survivors
      .filter((mutant) => !isOtherDirection(mutant, refused))
      .filter((mutant) => !FREE.some((free) => excuses(free, mutant)))
      .map(({ what, how }) => `${what}: ${how}`);
    console.log(`      ${refused.size + survivors.length} mutants, ${refused.size} refused`);
    assert.deepEqual(unexplained, []);
  });

  it("every reason in the table still excuses something", () => {
    const idle = FREE.filter((free) => !survivors.some((survivor) => excuses(free, survivor)));
    assert.deepEqual(idle, []);
  });
});

/**
 * `npm run bench:up`: how long `./fitnesscrm up` takes when there is nothing to do, beside the `pulumi up` of an empty
 * TypeScript program as `pulumi new` makes it, on the same machine in the same run. Needs a local stack that is up.
 *
 * Prints the median of each and their ratio; the target is at most 3.
 */
import { join } from "node:path";
import { PROJECT_FOLDER } from "../../cli/context";
import { deployEmptyProgram } from "./emptyProgram";
import { median, seconds } from "./measure";

const ROUNDS = 5;

async function main(): Promise<void> {
  const program = await deployEmptyProgram();
  try {
    const empty: number[] = [];
    const ours: number[] = [];
    // In turns, so that whatever else the machine does weighs on both.
    for (let round = 0; round < ROUNDS; round += 1) {
      empty.push(await program.pulumi("up", "--yes", "--skip-preview", "--non-interactive"));
      ours.push(await seconds(join(PROJECT_FOLDER, "fitnesscrm"), ["up"], PROJECT_FOLDER, process.env));
    }
    const [floor, own] = [median(empty), median(ours)];
    console.log(`empty program   ${floor.toFixed(2)} s  (median of ${ROUNDS})`);
    console.log(`./fitnesscrm up ${own.toFixed(2)} s  (median of ${ROUNDS}, nothing to do)`);
    console.log(`ratio           ${(own / floor).toFixed(2)}   (target: at most 3)`);
  } finally {
    program.remove();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

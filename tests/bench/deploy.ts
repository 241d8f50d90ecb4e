/**
 * `npm run bench:deploy`: what users notice of a deployment, ours beside `docker compose up -d` of the same images on the same
 * machine in the same run; then a rollback beside the manual's; then a preview with nothing to do beside an empty program's.
 *
 * Brings up a stack of its own and removes it. Needs docker compose. Takes about fifteen minutes.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PROJECT_FOLDER } from "../../cli/context";
import { type LoadOptions, type LoadResult, startLoad } from "../support/load";
import { ComposeStack } from "./compose";
import { BenchStack } from "./deployStack";
import { deployEmptyProgram } from "./emptyProgram";
import { median, seconds } from "./measure";

const RATE = 200;
const LOAD_SECONDS = 60;
/** Load before the change begins, so that a gap at its start is one. */
const LEAD_MS = 5_000;
const ROUNDS = 5;
const COMPOSE_PORT = 18071;
const LOAD_ON: Record<"backend" | "frontend" | "nginx", Partial<LoadOptions>> = {
  backend: {},
  frontend: { path: "/", methods: ["GET"] },
  nginx: {},
};

/** What users get while `work` goes on, and for a minute in any case. */
async function underLoad(
  url: string,
  options: Partial<LoadOptions>,
  work: () => Promise<void>,
): Promise<LoadResult> {
  const load = startLoad({ url, rate: RATE, seconds: 900, ...options });
  const minute = sleep(LOAD_SECONDS * 1000);
  try {
    await sleep(LEAD_MS);
    await work();
    await minute;
  } finally {
    await load.stop();
  }
  return load.done;
}

function print(what: string, { failed, sent, longestGapMs, failures }: LoadResult): void {
  console.log(`${what.padEnd(44)} ${`${failed} of ${sent}`.padEnd(16)} ${longestGapMs} ms`);
  if (failures[0] !== undefined) {
    console.log(`  first: ${failures[0]}`);
  }
}

async function measureChanges(ours: BenchStack, compose: ComposeStack): Promise<void> {
  console.log(
    `${`${RATE} requests/s for at least ${LOAD_SECONDS} s`.padEnd(44)} failed           longest gap`,
  );
  for (const service of ["nginx", "frontend", "backend"] as const) {
    await ours.edit(service);
    const load = LOAD_ON[service];
    print(`${service}: ./fitnesscrm up`, await underLoad(ours.url, load, () => ours.up()));
    const { [service]: image } = await ours.images();
    print(
      `${service}: docker compose up -d`,
      await underLoad(compose.url, load, () => compose.change(service, image)),
    );
  }
}

async function measureRollback(ours: BenchStack, compose: ComposeStack, before: string): Promise<void> {
  let own = 0;
  const result = await underLoad(ours.url, LOAD_ON.backend, async () => {
    const start = performance.now();
    const rolledBack = ours.run("rollback", "--yes");
    // The command goes on to verify; users have the old version before that.
    const [at] = await Promise.all([ours.whenEveryBackendRuns(before), rolledBack]);
    own = (at - start) / 1000;
  });
  print("rollback: ./fitnesscrm rollback", result);
  let manual = 0;
  const manually = await underLoad(compose.url, LOAD_ON.backend, async () => {
    const start = performance.now();
    await compose.change("backend", await ours.rebuildPrevious("backend"));
    await compose.answers();
    manual = (performance.now() - start) / 1000;
  });
  print("rollback: git checkout, build, compose up -d", manually);
  console.log(
    `seconds until the old version answers: ${own.toFixed(1)}, the manual's way ${manual.toFixed(1)}`,
  );
  await ours.run("unpin");
}

async function measurePreview(ours: BenchStack): Promise<void> {
  const empty = await deployEmptyProgram();
  try {
    await ours.up();
    const floor: number[] = [];
    const own: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      floor.push(await empty.pulumi("preview", "--non-interactive"));
      const args = ["preview", "--stack", ours.name, "--expect-no-changes"];
      own.push(await seconds(join(PROJECT_FOLDER, "fitnesscrm"), args, PROJECT_FOLDER, process.env));
    }
    const [of, our] = [median(floor), median(own)];
    console.log(
      `preview with nothing to do: ${our.toFixed(2)} s with policies, empty program ${of.toFixed(2)} s (medians of ${ROUNDS}), ` +
        `ratio ${(our / of).toFixed(2)} (target: at most 2)`,
    );
  } finally {
    empty.remove();
  }
}

async function main(): Promise<void> {
  const ours = await BenchStack.start();
  let compose: ComposeStack | undefined;
  try {
    const images = await ours.images();
    compose = await ComposeStack.start(COMPOSE_PORT, images);
    await compose.answers();
    await measureChanges(ours, compose);
    await measureRollback(ours, compose, images.backend);
    await measurePreview(ours);
  } finally {
    await compose?.remove();
    await ours.remove();
  }
}

main().catch((error: unknown) => {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
});

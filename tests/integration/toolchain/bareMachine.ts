/** Runs inside the bare machine of `bare.test.ts`: prepares it three times and prints what happened, one JSON line each. */
import { createReporter } from "../../../cli/reporter";
import { prepareMachine, startedEngine, stopEngine } from "../../../toolchain";

const HOME = "/var/lib/fitnesscrm";

async function prepare(): Promise<void> {
  const machine = await prepareMachine({
    home: HOME,
    need: ["swarm"],
    reporter: createReporter({ stream: process.stderr }),
  });
  console.log(
    JSON.stringify({
      ways: Object.fromEntries(machine.provided.map(({ tool, way }) => [tool, way])),
      startedEngine: machine.startedEngine?.pid !== undefined,
    }),
  );
}

async function main(): Promise<void> {
  await prepare();
  await prepare();
  console.log(JSON.stringify({ stopped: await stopEngine(HOME), again: await stopEngine(HOME) }));
  await prepare();
  console.log(
    JSON.stringify({ stopped: await stopEngine(HOME), left: (await startedEngine(HOME)) !== undefined }),
  );
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});

import type { PinnedRelease } from "../../attempt";

/** Why nothing else is deployed while a rollback holds a release, and what lifts it (M20). */
export function pinRefusal(pin: PinnedRelease, stack: string): string {
  const option = stack === "local" ? "" : ` --stack ${stack}`;
  const commit = pin.commit === null ? "" : ` (commit ${pin.commit.slice(0, 12)})`;
  return (
    `stack ${stack} is held at release ${pin.version}${commit} by the rollback of ${pin.by} at ${pin.at}: ` +
    `./fitnesscrm unpin${option} lifts it, --keep-pin changes everything but the release`
  );
}

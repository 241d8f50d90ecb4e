import { mergeDaemonJson } from "./daemonJson";
import type { Facts } from "./facts";
import type { HostStep } from "./step";
import { engineStep } from "./steps/engine";
import { firewallStep } from "./steps/firewall";
import { defaultSwapMiB, swapStep } from "./steps/swap";
import { spaceStep, swarmStep } from "./steps/swarm";
import { systemStep } from "./steps/system";
import { timeSyncStep } from "./steps/timeSync";
import { updatesStep } from "./steps/updates";

export interface PlanOptions {
  /** Size of the swap file; the default follows the memory, 0 is none. */
  readonly swapMiB?: number;
  readonly confirmSeconds?: number;
}

/**
 * What makes a bare server a host of FitnessCRM, in the order in which it is done: certificates want a clock, the engine's
 * ports open behind the firewall, and Swarm needs the engine.
 */
export function planHost(facts: Facts, options: PlanOptions = {}): HostStep[] {
  return [
    systemStep(),
    timeSyncStep(),
    updatesStep(facts.system),
    firewallStep(facts.sshPorts, options.confirmSeconds),
    swapStep(options.swapMiB ?? defaultSwapMiB(facts.memoryMiB)),
    engineStep(mergeDaemonJson(facts.daemonJson), facts.user),
    swarmStep(),
    spaceStep(),
  ];
}

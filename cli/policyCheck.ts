import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { UserError } from "./errors";
import type { RunResult } from "./exec";
import { explainFailure, type Pulumi } from "./pulumi";
import { policyArguments } from "./session";

/** One thing in a stack that the operations manual forbids. */
export interface Violation {
  policy: string;
  /** `mandatory`, or `advisory` where the policy's exception says so. */
  level: string;
  /** URN of the resource; the stack's own for what is wrong with the whole. */
  urn: string;
  message: string;
}

export interface PolicyCheck {
  stack: string;
  /** No mandatory policy is violated. */
  passed: boolean;
  violations: Violation[];
}

/**
 * Judges what a stack's state says by the policy pack. Neither the program nor a provider is asked, and nothing changes.
 *
 * The state is judged as an update is: each resource's inputs first, then everything together with what the providers answered.
 *
 * @throws UserError when there is no state to judge, or when it could not be judged.
 */
export async function checkPolicies(pulumi: Pulumi, stack: string): Promise<PolicyCheck> {
  const folder = await mkdtemp(join(tmpdir(), "fitnesscrm-policy-"));
  try {
    const file = join(folder, "state.json");
    // Secrets stay encrypted in the file.
    await pulumi.runChecked(`state of stack ${stack}`, ["stack", "export", "--stack", stack, "--file", file]);
    return { stack, ...(await judgeState(pulumi, file)) };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Judges a file that `pulumi stack export` wrote. */
export async function judgeState(
  pulumi: Pick<Pulumi, "run">,
  file: string,
): Promise<Omit<PolicyCheck, "stack">> {
  const result = await pulumi.run(["policy", "analyze", "--file", file, "--json", ...policyArguments()]);
  const violations = violationsIn(result.stdout);
  const passed = !violations.some(({ level }) => level === "mandatory");
  if (result.code !== 0 && passed) {
    throw new UserError(`policy check: ${explainFailure(withoutEvents(result))}`);
  }
  return { passed, violations };
}

interface EngineEvent {
  policyEvent?: { policyName: string; enforcementLevel: string; resourceUrn: string; message: string };
}

/** Pulumi writes one event a line. */
function violationsIn(stdout: string): Violation[] {
  return stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => (JSON.parse(line) as EngineEvent).policyEvent)
    .filter((event) => event !== undefined)
    .map(({ policyName, enforcementLevel, resourceUrn, message }) => ({
      policy: policyName,
      level: enforcementLevel,
      urn: resourceUrn,
      // An exception's reason is a person's text, and one line is what a violation takes.
      message: message.replace(/\s+/g, " ").trim(),
    }));
}

function withoutEvents(result: RunResult): RunResult {
  const stdout = result.stdout
    .split("\n")
    .filter((line) => !line.startsWith("{"))
    .join("\n");
  return { ...result, stdout };
}

export function formatCheck({ stack, violations }: PolicyCheck): string {
  return violations.length === 0
    ? `stack ${stack}: its state violates no policy`
    : violations.map(({ policy, level, message }) => `${policy} (${level}): ${message}`).join("\n");
}

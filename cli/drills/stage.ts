import type { AlarmName } from "../../alarmCatalogue";
import type { Config } from "../../config";
import type { Severity } from "../../manual";
import type { Reporter } from "../../toolchain/types";
import type { DockerHost } from "../docker";
import type { AwsClients } from "../monitoring/aws";

/** What drills of one stack work with. */
export interface DrillStage {
  readonly stack: string;
  readonly config: Config;
  readonly docker: DockerHost;
  readonly cloudwatch: AwsClients["cloudwatch"];
  /** Where the stack's pages lie. */
  readonly mailboxUrl: string;
  readonly reporter: Reporter;
  /** Aborted by an interrupt. */
  readonly signal: AbortSignal;
}

/** An alarm as a drill waits for it. */
export interface Watched {
  /** Name in the catalogue, and in AWS. */
  readonly name: AlarmName;
  readonly fullName: string;
  readonly severity: Severity;
  /** Seconds that the alarm needs to judge once: its periods. */
  readonly evaluationSeconds: number;
}

/** Reaches the mailbox after that, at the latest, beside two evaluations. */
const DELIVERY_SECONDS = 10;

/** How soon after its cause a page has to be there: two evaluation periods of its alarm, and ten seconds. */
export function pageLimitSeconds({ evaluationSeconds }: Pick<Watched, "evaluationSeconds">): number {
  return 2 * evaluationSeconds + DELIVERY_SECONDS;
}

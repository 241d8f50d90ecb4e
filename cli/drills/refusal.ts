import type { Config } from "../../config";

/** What decides whether causes may be made for real. */
export interface DrillSettings {
  readonly stack: string;
  readonly config: Pick<Config, "drills" | "host" | "local" | "aws">;
  /** `DOCKER_HOST` of whoever runs the command: it decides where the settings name no host. */
  readonly dockerHost: string | undefined;
}

/**
 * Why no fire drill may run on a stack; undefined when one may. Drills hurt users, so a stack has to say that it has none, and to
 * be on this machine with a mailbox that reaches nobody.
 */
export function refusalOf({ stack, config, dockerHost = "" }: DrillSettings): string | undefined {
  if (!config.drills) {
    return (
      `stack ${stack} is not marked as one for fire drills, which stop services for real: where it has no users, ` +
      `./fitnesscrm up --stack ${stack} --set drills=true`
    );
  }
  const host = config.host === "" ? dockerHost : config.host;
  if (host !== "" && !host.startsWith("unix://")) {
    return `stack ${stack} runs on ${host}: fire drills are for stacks on this machine`;
  }
  if (config.local === undefined || config.aws.emulator === undefined) {
    return `stack ${stack} has no mailbox of its own (local.mailboxPort): its pages would wake people up`;
  }
  return undefined;
}

/** The longest time to respond with which a drill of the whole chain can be waited for, seconds. */
export const RESPOND_SECONDS_MAX = 120;

/** Why the chain cannot be drilled; undefined when it can. */
export function escalationRefusalOf({
  stack,
  alarms: { respondSeconds },
}: {
  readonly stack: string;
  readonly alarms: Pick<Config["alarms"], "respondSeconds">;
}): string | undefined {
  const keys = (["critical", "other"] as const).filter((kind) => respondSeconds[kind] > RESPOND_SECONDS_MAX);
  if (keys.length === 0) {
    return undefined;
  }
  const values = keys.map((kind) => `alarms.respondSeconds.${kind} is ${respondSeconds[kind]}`).join(", ");
  const settings = keys.map((kind) => `--set alarms.respondSeconds.${kind}=30`).join(" ");
  return (
    `${values}: the chain is drilled where ${RESPOND_SECONDS_MAX} s at most pass before each step: ` +
    `./fitnesscrm up --stack ${stack} ${settings}`
  );
}

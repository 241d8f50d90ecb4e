import { publicUrlOf } from "../config";
import type { HealthTargets } from "./health";
import type { Session } from "./session";

/** What there is to ask, from the stack's settings: it works without Pulumi, and when the state cannot be read. */
export function healthTargets({ context, config, docker }: Session): HealthTargets {
  const url = publicUrlOf(config.http);
  return {
    stack: context.stack,
    docker,
    url,
    apiHealthUrl: `${url}/api/health`,
    ...(config.aws.emulator !== undefined && { emulator: config.aws.emulator.endpoint }),
    ...(config.local !== undefined && { mailbox: `http://127.0.0.1:${config.local.mailboxPort}` }),
  };
}

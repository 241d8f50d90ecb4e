import { alarmDefinitions } from "../alarmCatalogue";
import { publicUrlOf } from "../config";
import type { HealthTargets } from "./health";
import { awsClients } from "./monitoring/aws";
import type { Session } from "./session";

/**
 * What runs, from the stack's settings: it works without Pulumi, and when the state cannot be read. Whether somebody would be paged is
 * no part of it: a deployment or a restore does not wait for a person to confirm an address.
 */
export function healthTargets({
  context,
  config,
  docker,
}: Pick<Session, "context" | "config" | "docker">): HealthTargets {
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

/** What runs, and whether somebody would be paged when it does not. */
export function watchedTargets(session: Pick<Session, "context" | "config" | "docker">): HealthTargets {
  const { context, config } = session;
  return {
    ...healthTargets(session),
    monitoring: {
      clients: awsClients(config.aws),
      expected: alarmDefinitions({
        stack: context.stack,
        alarms: config.alarms,
        publicUrl: publicUrlOf(config.http),
        contacts: config.contacts,
        aws: config.aws,
      }).map(({ name }) => name),
    },
  };
}

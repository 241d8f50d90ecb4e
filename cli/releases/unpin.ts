import { readCheckout } from "../../release";
import { UserError } from "../errors";
import { openSession, type Session } from "../session";
import { commitOf } from "./format";
import { liftPin } from "./pinning";

/** `./fitnesscrm unpin` (M20). Deploys nothing by itself. */
export async function unpin({ stack }: { stack: string }): Promise<void> {
  const session = openSession(stack);
  const problem = await session.docker.problem();
  if (problem !== undefined) {
    throw new UserError(`unpin: ${problem}: start it and run this again; nothing was changed`);
  }
  const version = await liftPin(session);
  const what =
    version === undefined
      ? `stack ${stack} is not pinned`
      : `stack ${stack} is no longer pinned to release ${version}`;
  process.stdout.write(`unpin: ${what}. ${nextDeployment(session)}\n`);
}

/** What the next `up` would put in the place of what runs. */
export function nextDeployment({ context, config: { app } }: Pick<Session, "context" | "config">): string {
  const option = context.stack === "local" ? "" : ` --stack ${context.stack}`;
  const kept = context.kind === "remote" ? ` Commit ${context.configFile}, which held the pin.` : "";
  return `The next ./fitnesscrm up${option} deploys ${whatIsDeclared(app)}.${kept}`;
}

function whatIsDeclared(app: Session["config"]["app"]): string {
  const version = app.version === undefined ? "" : `version ${app.version}, `;
  if (app.source === undefined) {
    return `${version}${app.backendImage} and ${app.frontendImage}`;
  }
  const checkout = readCheckout(app.source);
  const commit =
    checkout.commit === null
      ? "which is no git checkout"
      : `at commit ${commitOf(checkout)}${checkout.dirty ? " (with files that differ from it)" : ""}`;
  return `${version}${app.source} ${commit}`;
}

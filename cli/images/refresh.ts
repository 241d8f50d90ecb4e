import { parseSettings, readSettings, type StackContext, stackContext, updateSettings } from "../context";
import { takeLock } from "../lock";

/** What `./fitnesscrm images refresh --json` prints. */
export interface Refresh {
  readonly stack: string;
  /** Day of the refresh before, ISO; null before the first one. */
  readonly before: string | null;
  readonly packagesOf: string;
  readonly configFile: string;
}

/**
 * `./fitnesscrm images refresh` (M13): from the next deployment on, images are built from what the package archives have today. It changes
 * the stack's settings and nothing else, so that what follows is a change that can be reviewed: a preview shows it, and the maintenance
 * window takes it.
 */
export async function refreshImages({ stack, json }: { stack: string; json?: boolean }): Promise<void> {
  const refresh = await setDay(stackContext(stack), new Date());
  process.stdout.write(`${json ? JSON.stringify(refresh, null, 2) : formatRefresh(refresh)}\n`);
}

/** Sets the day of a stack's images. @throws UserError for a stack that does not exist. */
export async function setDay(context: StackContext, now: Date): Promise<Refresh> {
  const { stack, configFile } = context;
  // Before the lock: it makes the folder of a stack, which one that does not exist must not get.
  readSettings(context);
  const release = await takeLock(context.folder, `fitnesscrm images refresh --stack ${stack}`);
  try {
    const before = parseSettings(readSettings(context), configFile, false).images.packagesOf ?? null;
    const packagesOf = now.toISOString().slice(0, 10);
    if (before !== packagesOf) {
      updateSettings(context, [`images.packagesOf=${JSON.stringify(packagesOf)}`]);
    }
    return { stack, before, packagesOf, configFile };
  } finally {
    await release();
  }
}

export function formatRefresh({ stack, before, packagesOf, configFile }: Refresh): string {
  const option = stack === "local" ? "" : ` --stack ${stack}`;
  return before === packagesOf
    ? `Images of stack ${stack} are refreshed as of ${packagesOf} already.`
    : [
        `Images of stack ${stack} are built from the packages of ${packagesOf} from the next deployment on (before: ${before ?? "as of their first build"}).`,
        `  ./fitnesscrm preview${option}   shows what is replaced`,
        `  ./fitnesscrm up${option}        deploys it; database and cache stop for it, which may have to wait for the maintenance window`,
        `The change is in ${configFile}.`,
      ].join("\n");
}

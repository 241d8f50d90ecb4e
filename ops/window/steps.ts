/** The steps of a maintenance window in this container (M39 to M41), in the manual's order. */
import { join } from "node:path";
import { PREFIXES } from "../../bucketLayout";
import { packLines } from "../backup/pack";
import { backupStore } from "../backup/s3";
import type { BackupSettings } from "../backup/settings";
import { databaseCheck, httpCheck, redisCheck } from "../checks";
import { getDeployment, listDeployments } from "../deployments/store";
import type { Check } from "../health";
import { LockTakenError } from "../lock";
import type { Clock } from "../tasks/clock";
import { type ArchivePlace, applyRule } from "./archive";
import { checkCertificate, describeImages, healthy, pageCheck } from "./checks";
import { reindex, vacuum, withDatabase } from "./database";
import type { Skipped, Step, StepContext } from "./run";
import type { WindowSettings } from "./settings";

const TIMEOUT_MS = 10_000;

export interface StepParts {
  readonly backup: BackupSettings;
  readonly window: WindowSettings;
  /** Folder of the secret files. */
  readonly secrets: string;
  /** Folder on whose disk archives are packed. */
  readonly scratch: string;
  readonly backups: Backups;
  /** Where ops looks after the certificate: renews it when it is time. @returns How it stands, in one line. */
  readonly renewCertificate?: (log: (line: string) => void) => Promise<string>;
  readonly backendUrl: string;
  /** The edge inside the stack's network. */
  readonly edgeUrl: string;
  readonly clock: Clock;
}

/** How the step of the backup gets one. */
export interface Backups {
  /** Id of a backup that was made and verified in S3 since a moment. */
  madeSince(moment: Date): Promise<string | undefined>;
  /** Makes one now. @returns What was made, in one line. @throws LockTakenError while another one is made. */
  make(log: (line: string) => void): Promise<string>;
}

/** How often a backup that is under way is looked at. */
const LOOK_MS = 5_000;

/**
 * A full backup in S3 of no earlier than the window's beginning. The daily one begins at the same time and is as good: where it is
 * under way, it is waited for.
 */
export async function freshBackup(
  backups: Backups,
  { window, signal, log }: StepContext,
  clock: Clock,
): Promise<string> {
  let isWaiting = false;
  for (;;) {
    signal.throwIfAborted();
    const made = await backups.madeSince(window.from);
    if (made !== undefined) {
      return `backup ${made} of this window is verified in S3`;
    }
    try {
      return await backups.make(log);
    } catch (error) {
      if (!(error instanceof LockTakenError)) {
        throw error;
      }
    }
    if (!isWaiting) {
      log("waiting for the backup that is under way");
    }
    isWaiting = true;
    await new Promise<void>((done) => clock.after(LOOK_MS, done));
  }
}

export function windowSteps(parts: StepParts): Step[] {
  const { secrets, clock } = parts;
  const database = join(secrets, "maintenance_database_url");
  return [
    {
      name: "backup",
      failure: "stop",
      run: (context) => freshBackup(parts.backups, context, clock),
    },
    { name: "health", failure: "stop", run: () => healthy(innerChecks(parts), TIMEOUT_MS + 500) },
    { name: "images", failure: "go on", run: ({ signal }) => images(parts, signal) },
    {
      name: "vacuum",
      failure: "go on",
      run: ({ signal, log }) => withDatabase(database, signal, (client) => vacuum(client, signal, log)),
    },
    {
      name: "indexes",
      failure: "go on",
      run: ({ signal, log }) => withDatabase(database, signal, (client) => reindex(client, signal, log)),
    },
    { name: "archive", failure: "go on", run: (context) => archive(parts, database, context) },
    {
      name: "certificates",
      failure: "go on",
      run: ({ log }) => certificate(parts, log),
    },
    {
      name: "verification",
      failure: "go on",
      run: () => healthy({ ...innerChecks(parts), ...pageChecks(parts) }, TIMEOUT_MS + 500),
    },
  ];
}

/** As users see it, after it was renewed where that is ours to do. */
async function certificate(
  { window, clock, renewCertificate }: StepParts,
  log: (line: string) => void,
): Promise<string | Skipped> {
  if (renewCertificate !== undefined) {
    log(await renewCertificate(log));
  }
  return checkCertificate(window.publicUrl, clock.now(), TIMEOUT_MS);
}

function innerChecks({ secrets, backendUrl }: StepParts): Record<string, Check> {
  return {
    database: databaseCheck(join(secrets, "ops_database_url"), TIMEOUT_MS),
    redis: redisCheck(join(secrets, "redis_url"), TIMEOUT_MS),
    backend: httpCheck(backendUrl, TIMEOUT_MS),
  };
}

/** The critical endpoints of a deployment, as users reach them. */
function pageChecks({ window, edgeUrl }: StepParts): Record<string, Check> {
  return Object.fromEntries(
    window.endpoints.map((path) => [path, pageCheck(`${edgeUrl}${path}`, TIMEOUT_MS)]),
  );
}

async function images({ backup, secrets, clock }: StepParts, signal: AbortSignal) {
  const place = { settings: backup, secrets, options: { signal } };
  const [newest] = await listDeployments(place);
  return describeImages(
    newest === undefined ? null : await getDeployment(place, newest.attempt),
    clock.now(),
  );
}

async function archive(parts: StepParts, database: string, context: StepContext) {
  const { archive: rules } = parts.window;
  if (rules.length === 0) {
    return { skipped: "no rule is declared (fitnesscrm:maintenance.archive)" };
  }
  const { signal, window, log } = context;
  const place = archivePlace(parts, context);
  const done: string[] = [];
  const faults: string[] = [];
  // A rule that is wrong keeps none of the others from being applied.
  for (const rule of rules) {
    try {
      done.push(
        await withDatabase(database, signal, (client) => applyRule(client, rule, window.from, place)),
      );
    } catch (error) {
      signal.throwIfAborted();
      faults.push(error instanceof Error ? error.message : String(error));
    }
  }
  for (const line of done) {
    log(line);
  }
  if (faults.length > 0) {
    throw new Error([...faults, ...done].join("; "));
  }
  return done.join("; ");
}

function archivePlace({ backup, secrets, scratch }: StepParts, { signal, log }: StepContext): ArchivePlace {
  return {
    scratch: join(scratch, ".archive"),
    pack: async (lines, file) => {
      await packLines(lines, backup.recipients, file, signal);
    },
    send: async (key, file) => {
      const settings = { ...backup, prefix: PREFIXES.archive };
      const store = backupStore(settings, join(secrets, "backup_writer"), { signal, log });
      try {
        await store.put(key, file);
      } finally {
        store.close();
      }
    },
  };
}

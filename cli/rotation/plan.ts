/** Which secrets can be replaced how, and how old they are. Pure. */
import { SECRETS, type SecretName } from "../../config";
import { UserError } from "../errors";

/**
 * How a secret is replaced: `deploy` by one update; `twice` by two, between which the application logs in as another role, so that tasks of
 * before and after can log in at every moment.
 */
export type Rotation =
  | { readonly how: "deploy" | "twice"; readonly effect: string }
  | { readonly how: "never"; readonly why: string };

export const ROTATIONS: Readonly<Record<SecretName, Rotation>> = {
  appPassword: { how: "twice", effect: "the backend is replaced twice, task by task" },
  readonlyPassword: { how: "deploy", effect: "nothing restarts; give the new one to whoever uses it" },
  backupPassword: { how: "deploy", effect: "ops is replaced" },
  monitoringPassword: { how: "deploy", effect: "ops and the agent are replaced" },
  maintenancePassword: { how: "deploy", effect: "ops is replaced" },
  operatorsPassword: {
    how: "deploy",
    effect:
      "nginx is replaced, which refuses about a second of connections; give the new one to the operators",
  },
  secretKey: { how: "deploy", effect: "the backend is replaced; every session ends, users log in again" },
  postgresPassword: {
    how: "deploy",
    effect: "nothing restarts: the server takes it while it runs; nobody logs in with it but this launcher",
  },
  redisPassword: {
    how: "deploy",
    effect:
      "backend, ops and the agent are replaced, and the cache lets in with both until then; it does not restart",
  },
  adminPassword: {
    how: "never",
    why: "the application takes it at its first start only: change it in the application, as that account",
  },
  backupIdentity: {
    how: "never",
    why: "the backups of before could not be opened any more: if it leaked, move to a stack with a bucket of its own",
  },
  archivePassphrase: {
    how: "never",
    why: "the archived log of before could not be read any more: if it leaked, move to a stack with a bucket of its own",
  },
};

export type SecretDates = Readonly<Partial<Record<SecretName, string>>>;

export interface SecretAge {
  readonly name: SecretName;
  /** When it was made, ISO; null for one that was made before dates were kept. */
  readonly since: string | null;
  readonly ageDays: number | null;
  readonly rotation: Rotation["how"];
}

const DAY_MS = 86_400_000;

/** Every secret with its age, in the order of the configuration. */
export function secretAges(dates: SecretDates, now: Date): SecretAge[] {
  return SECRETS.map((name) => {
    const since = dates[name] ?? null;
    return {
      name,
      since,
      ageDays: since === null ? null : Math.max(0, Math.floor((now.getTime() - Date.parse(since)) / DAY_MS)),
      rotation: ROTATIONS[name].how,
    };
  });
}

/**
 * The secrets that a command asks for. Of an unknown age is older than any.
 *
 * @param name One secret; undefined with `olderThanDays`.
 * @throws UserError for a name that is none, or a secret that cannot be replaced.
 */
export function chooseSecrets(
  name: string | undefined,
  olderThanDays: number | undefined,
  ages: readonly SecretAge[],
): { chosen: SecretName[]; left: SecretName[] } {
  if ((name === undefined) === (olderThanDays === undefined)) {
    throw new UserError("secrets rotate: name one secret, or say --all-older-than DAYS", 2);
  }
  if (name !== undefined) {
    const found = SECRETS.find((secret) => secret === name);
    if (found === undefined) {
      throw new UserError(
        `secret ${JSON.stringify(name)} does not exist: must be one of ${SECRETS.join(", ")}`,
        2,
      );
    }
    const rotation = ROTATIONS[found];
    if (rotation.how === "never") {
      throw new UserError(`${found} is not rotated: ${rotation.why}`, 2);
    }
    return { chosen: [found], left: [] };
  }
  const old = ages.filter(({ ageDays }) => ageDays === null || ageDays > (olderThanDays ?? 0));
  const names = (never: boolean): SecretName[] =>
    old.filter(({ rotation }) => (rotation === "never") === never).map((age) => age.name);
  return { chosen: names(false), left: names(true) };
}

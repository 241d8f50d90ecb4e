/** Which secrets can be replaced how, and how old they are. Pure. */
import {
  ALL_SECRETS,
  type Config,
  GIVEN_SECRETS,
  type GivenSecret,
  SECRETS,
  type SecretName,
} from "../../config";
import { UserError } from "../errors";

/**
 * How a secret is replaced: `deploy` by one update; `twice` by two, between which the application logs in as another role, so that tasks of
 * before and after can log in at every moment.
 */
export type Rotation =
  | { readonly how: "deploy" | "twice"; readonly effect: string }
  | { readonly how: "never"; readonly why: string };

/** Each replaces ops: its daily report tells of ages, so it is told of the new date. */
export const ROTATIONS: Readonly<Record<SecretName | GivenSecret, Rotation>> = {
  appPassword: { how: "twice", effect: "the backend is replaced twice, task by task, and ops" },
  readonlyPassword: { how: "deploy", effect: "ops is replaced; give the new one to whoever uses it" },
  backupPassword: { how: "deploy", effect: "ops is replaced" },
  monitoringPassword: { how: "deploy", effect: "ops and the agent are replaced" },
  maintenancePassword: { how: "deploy", effect: "ops is replaced" },
  operatorsPassword: {
    how: "deploy",
    effect:
      "nginx is replaced, which refuses about a second of connections, and ops; give the new one to the operators",
  },
  secretKey: {
    how: "deploy",
    effect: "backend and ops are replaced; every session ends, users log in again",
  },
  postgresPassword: {
    how: "deploy",
    effect: "ops is replaced; the server takes it while it runs; nobody logs in with it but this launcher",
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
  githubToken: {
    how: "never",
    why: "GitHub issues it: revoke it there, and hand over another one by ./fitnesscrm secrets set githubToken",
  },
  sentryToken: {
    how: "never",
    why: "Sentry issues it: revoke it there, and hand over another one by ./fitnesscrm secrets set sentryToken",
  },
};

export interface SecretAge {
  readonly name: SecretName | GivenSecret;
  /** When it was made, ISO; null for one that was made before dates were kept. */
  readonly since: string | null;
  readonly ageDays: number | null;
  /** Days after which it is to be replaced (`fitnesscrm:security.secretAgeDays`); null for one that cannot be. */
  readonly limitDays: number | null;
  /** Older than its limit; one of unknown age counts as that. */
  readonly overLimit: boolean;
  readonly rotation: Rotation["how"];
}

const DAY_MS = 86_400_000;

/** What a stack's settings say about the age of its secrets. */
export type AgeSettings = Pick<Config, "secretDates" | "security">;

/** Every secret with its age, in the order of the configuration; of those that others issue, the ones that were set. */
export function secretAges({ secretDates, security }: AgeSettings, now: Date): SecretAge[] {
  const limits: Readonly<Partial<Record<SecretName | GivenSecret, number>>> = security.secretAgeDays;
  const given = GIVEN_SECRETS.filter((name) => secretDates[name] !== undefined);
  return [...SECRETS, ...given].map((name) => {
    const since = secretDates[name] ?? null;
    const ageDays =
      since === null ? null : Math.max(0, Math.floor((now.getTime() - Date.parse(since)) / DAY_MS));
    const limitDays = limits[name] ?? null;
    return {
      name,
      since,
      ageDays,
      limitDays,
      overLimit: limitDays !== null && (ageDays === null || ageDays > limitDays),
      rotation: ROTATIONS[name].how,
    };
  });
}

/** One line on what is over its limit; undefined when nothing is. */
export function overLimitLine(ages: readonly SecretAge[], stack: string): string | undefined {
  const names = ages.filter(({ overLimit }) => overLimit).map(({ name }) => name);
  const option = stack === "local" ? "" : ` --stack ${stack}`;
  return names.length === 0
    ? undefined
    : `older than their limit: ${names.join(", ")}: ./fitnesscrm secrets list${option} says by how much, ` +
        `./fitnesscrm secrets rotate NAME${option} replaces one`;
}

/** An age in words, against its limit: `400 d of 365`. */
export function showAge({ ageDays, limitDays }: Pick<SecretAge, "ageDays" | "limitDays">): string {
  return `${ageDays === null ? "not known" : `${ageDays} d`}${limitDays === null ? "" : ` of ${limitDays}`}`;
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
): { chosen: SecretName[]; left: (SecretName | GivenSecret)[] } {
  if ((name === undefined) === (olderThanDays === undefined)) {
    throw new UserError("secrets rotate: name one secret, or say --all-older-than DAYS", 2);
  }
  if (name !== undefined) {
    const found = ALL_SECRETS.find((secret) => secret === name);
    if (found === undefined) {
      throw new UserError(
        `secret ${JSON.stringify(name)} does not exist: must be one of ${ALL_SECRETS.join(", ")}`,
        2,
      );
    }
    const rotation = ROTATIONS[found];
    if (rotation.how === "never") {
      throw new UserError(`${found} is not rotated: ${rotation.why}`, 2);
    }
    return { chosen: [found].filter(isGenerated), left: [] };
  }
  const old = ages.filter(({ ageDays }) => ageDays === null || ageDays > (olderThanDays ?? 0));
  const names = (never: boolean): SecretAge["name"][] =>
    old.filter(({ rotation }) => (rotation === "never") === never).map((age) => age.name);
  return { chosen: names(false).filter(isGenerated), left: names(true) };
}

function isGenerated(name: SecretAge["name"]): name is SecretName {
  return SECRETS.some((secret) => secret === name);
}

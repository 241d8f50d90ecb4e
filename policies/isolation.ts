import { type Basis, known, type Rule, resourceRule } from "./lib/rule";
import { container, megabytes, SERVICE, serviceName, task } from "./lib/service";

const ISOLATE: Basis = { row: "M52", says: "Containment: Isolate affected systems" };
const CACHE: Basis = { row: "M30", says: "Check Redis memory" };

/** Services whose images are the project's own, so that it is known that they write to their mounts only. */
const OWN_IMAGES: readonly string[] = ["db", "redis", "nginx", "ops", "restore", "engine", "agent"];

const readOnlyRoot = resourceRule(
  {
    name: "read-only-containers",
    section: "Security Operations",
    basis: ISOLATE,
    demands:
      "What breaks into a service of the project's own images finds nothing to write to but its mounts.",
    types: [SERVICE],
  },
  ({ props }, judge) =>
    judge.must(
      () => !OWN_IMAGES.includes(serviceName(props) ?? "") || container(props).readOnly === true,
      "may write to its image's files",
      "taskSpec.containerSpec.readOnly true",
    ),
);

const hostFolders = resourceRule(
  {
    name: "host-folders-read-only",
    section: "Security Operations",
    basis: ISOLATE,
    demands: "No service may write to a folder of the machine.",
    types: [SERVICE],
  },
  ({ props }, judge) => {
    const mounts = known(() => container(props).mounts) ?? [];
    for (let index = 0; index < mounts.length; index++) {
      judge.must(
        () => mounts[index]?.type !== "bind" || mounts[index]?.readOnly === true,
        () => `may write to ${mounts[index]?.source} of the machine`,
        "mounts[].readOnly true, or a volume",
      );
    }
  },
);

/** File name of the key that opens a backup, and the service that may have it. */
const IDENTITY = "backup_identity";
const OPENS_BACKUPS = "restore";

const backupKey = resourceRule(
  {
    name: "backup-key-with-restore-only",
    section: "Security Operations",
    basis: { row: "M44", says: "Type: Full database dump" },
    demands: `Only ${OPENS_BACKUPS} has the key that opens a backup.`,
    types: [SERVICE],
  },
  ({ props }, judge) =>
    judge.must(
      () =>
        serviceName(props) === OPENS_BACKUPS ||
        !(container(props).secrets ?? []).some(({ fileName }) => fileName === IDENTITY),
      "has the key that opens every backup",
      `the secret ${IDENTITY} in the service ${OPENS_BACKUPS} only`,
    ),
);

/** What Redis may do when its memory is full. */
const EVICTION: readonly string[] = [
  "allkeys-lru",
  "allkeys-lfu",
  "volatile-lru",
  "volatile-lfu",
  "volatile-ttl",
  "noeviction",
];

const cache = resourceRule(
  {
    name: "cache-bounded",
    section: "Performance Optimization",
    basis: CACHE,
    demands:
      "The cache has a largest size, which fits into its memory limit, and a rule for what goes when it is full.",
    types: [SERVICE],
  },
  ({ props }, judge) => {
    const applies = () => serviceName(props) === "redis";
    const size = () => megabytes(container(props).env?.REDIS_MAXMEMORY);
    const limit = () => (task(props).resources?.limits?.memoryBytes ?? 0) / 1024 ** 2;
    judge.must(
      () => !applies() || (size() > 0 && size() < limit()),
      () => (size() > 0 ? `may grow to ${size()} MB, and is killed at ${limit()}` : "has no largest size"),
      "the environment's REDIS_MAXMEMORY below taskSpec.resources.limits.memoryBytes",
    );
    const rule = () => container(props).env?.REDIS_MAXMEMORY_POLICY;
    judge.must(
      () => !applies() || EVICTION.includes(rule() ?? ""),
      () => `has ${rule() ?? "no"} rule for what goes when it is full`,
      `the environment's REDIS_MAXMEMORY_POLICY with one of ${EVICTION.join(", ")}`,
      { row: "M54", says: "Cache: Monitor hit rates, Adjust TTLs, Clear stale data" },
    );
  },
);

export const ISOLATION: readonly Rule[] = [readOnlyRoot, hostFolders, backupKey, cache];

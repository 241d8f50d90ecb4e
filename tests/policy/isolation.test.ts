import { type Case, refusals } from "./support/cases";

const cases: Case[] = [
  {
    refuses: "an edge that may change its own files",
    resource: "Service nginx",
    set: { "taskSpec.containerSpec.readOnly": false },
    policy: "read-only-containers",
    message:
      'Service nginx may write to its image\'s files. Allowed: taskSpec.containerSpec.readOnly true. Manual M52: "Containment: Isolate affected systems".',
  },
  {
    refuses: "an agent that may write to the machine",
    resource: "Service agent",
    set: { "taskSpec.containerSpec.mounts.0.readOnly": undefined },
    policy: "host-folders-read-only",
    message:
      'Service agent may write to /proc of the machine. Allowed: mounts[].readOnly true, or a volume. Manual M52: "Containment: Isolate affected systems".',
  },
  {
    refuses: "a cache without an end",
    resource: "Service redis",
    set: { "taskSpec.containerSpec.env.REDIS_MAXMEMORY": "0" },
    policy: "cache-bounded",
    message:
      'Service redis has no largest size. Allowed: the environment\'s REDIS_MAXMEMORY below taskSpec.resources.limits.memoryBytes. Manual M30: "Check Redis memory".',
  },
  {
    refuses: "a cache that is killed before it is full",
    resource: "Service redis",
    set: { "taskSpec.containerSpec.env.REDIS_MAXMEMORY": "512mb" },
    policy: "cache-bounded",
    message:
      'Service redis may grow to 512 MB, and is killed at 512. Allowed: the environment\'s REDIS_MAXMEMORY below taskSpec.resources.limits.memoryBytes. Manual M30: "Check Redis memory".',
  },
  {
    refuses: "a cache that does not say what goes",
    resource: "Service redis",
    set: { "taskSpec.containerSpec.env.REDIS_MAXMEMORY_POLICY": undefined },
    policy: "cache-bounded",
    message:
      'Service redis has no rule for what goes when it is full. Allowed: the environment\'s REDIS_MAXMEMORY_POLICY with one of allkeys-lru, allkeys-lfu, volatile-lru, volatile-lfu, volatile-ttl, noeviction. Manual M54: "Cache: Monitor hit rates, Adjust TTLs, Clear stale data".',
  },
  {
    refuses: "a backup's key outside of restore",
    resource: "Service ops",
    set: {
      "taskSpec.containerSpec.secrets": [
        { secretId: "1", secretName: "identity", fileName: "backup_identity" },
      ],
    },
    policy: "backup-key-with-restore-only",
    message:
      'Service ops has the key that opens every backup. Allowed: the secret backup_identity in the service restore only. Manual M44: "Type: Full database dump".',
  },
];

describe("policies on what a container may write, and on the cache", () => {
  refusals(cases);
});

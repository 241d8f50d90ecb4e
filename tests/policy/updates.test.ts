import { type Case, refusals } from "./support/cases";

const cases: Case[] = [
  {
    refuses: "a backend that stops before its successor serves",
    resource: "Service backend",
    set: { "updateConfig.order": "stop-first" },
    policy: "service-rolling",
    message:
      'Service backend is updated stop-first. Allowed: updateConfig.order "start-first". Manual M17: "Deploy: Rebuild and restart".',
  },
  {
    refuses: "a frontend whose order nobody wrote down",
    resource: "Service frontend",
    set: { "updateConfig.order": undefined },
    policy: "service-rolling",
    message:
      'Service frontend is updated in no declared order. Allowed: updateConfig.order "start-first". Manual M17: "Deploy: Rebuild and restart".',
  },
  {
    refuses: "a backend that is replaced all at once",
    resource: "Service backend",
    set: { "updateConfig.parallelism": 0 },
    policy: "service-rolling",
    message:
      'Service backend is updated all tasks at once. Allowed: updateConfig.parallelism 1, or not set. Manual M17: "Deploy: Rebuild and restart".',
  },
  {
    refuses: "a rollback that stops what still serves",
    resource: "Service backend",
    set: { "rollbackConfig.order": "stop-first" },
    policy: "service-rolling",
    message:
      'Service backend is rolled back stop-first. Allowed: rollbackConfig.order "start-first". Manual M17: "Deploy: Rebuild and restart".',
  },
  {
    refuses: "an update that lets some tasks fail",
    resource: "Service frontend",
    set: { "updateConfig.maxFailureRatio": "0.5" },
    policy: "service-rollback",
    message:
      'Service frontend lets a share of 0.5 of its new tasks fail. Allowed: updateConfig.maxFailureRatio "0.0", or not set. Manual M20: "Rollback Code".',
  },
  {
    refuses: "an update that nobody watches",
    resource: "Service nginx",
    set: { "updateConfig.monitor": "1s" },
    policy: "service-rollback",
    message:
      'Service nginx is watched for 1s after an update. Allowed: updateConfig.monitor of 5s or more. Manual M20: "Rollback Code".',
  },
  {
    refuses: "a service that nothing waits for",
    resource: "Service redis",
    set: { convergeConfig: undefined },
    policy: "service-awaited",
    message:
      'Service redis is left to itself as soon as the engine knows of it. Allowed: convergeConfig. Manual M18: "Post-Deployment: Verify services".',
  },
  {
    refuses: "a service that is given no time",
    resource: "Service redis",
    set: { "convergeConfig.timeout": "0s" },
    policy: "service-awaited",
    message:
      'Service redis is given 0s to get healthy. Allowed: convergeConfig.timeout above 0, or not set. Manual M18: "Post-Deployment: Verify services".',
  },
  {
    refuses: "a backend that is killed with requests under way",
    resource: "Service backend",
    set: { "taskSpec.containerSpec.stopGracePeriod": "10s" },
    policy: "service-stop-grace",
    message:
      'Service backend is killed 10s after it was told to stop. Allowed: taskSpec.containerSpec.stopGracePeriod of 30s or more. Manual M4: "Restart specific service".',
  },
  {
    refuses: "an edge with the engine's own grace",
    resource: "Service nginx",
    set: { "taskSpec.containerSpec.stopGracePeriod": undefined },
    policy: "service-stop-grace",
    message:
      'Service nginx is killed 10s after it was told to stop. Allowed: taskSpec.containerSpec.stopGracePeriod of 30s or more. Manual M4: "Restart specific service".',
  },
  {
    refuses: "a database that is killed while it writes",
    resource: "Service db",
    set: { "taskSpec.containerSpec.stopGracePeriod": "30s" },
    policy: "service-stop-grace",
    message:
      'Service db is killed 30s after it was told to stop. Allowed: taskSpec.containerSpec.stopGracePeriod of 60s or more. Manual M4: "Restart specific service".',
  },
  {
    refuses: "an agent on one node only",
    resource: "Service agent",
    set: { mode: { replicated: { replicas: 1 } } },
    policy: "agent-on-every-node",
    message:
      'Service agent does not run on every node. Allowed: mode.global true. Manual M28: "Check system resources".',
  },
  {
    refuses: "a folder in memory without a limit",
    resource: "Service nginx",
    set: { "taskSpec.containerSpec.mounts.0.tmpfsOptions": undefined },
    policy: "service-resource-limits",
    message:
      'Service nginx keeps /tmp in memory without a limit. Allowed: mounts[].tmpfsOptions.sizeBytes above 0. Manual M35: "Out of Memory: Increase container memory limits".',
  },
];

describe("policies on updates", () => {
  refusals(cases);
});

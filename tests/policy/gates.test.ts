import { type Case, refusals } from "./support/cases";

const cases: Case[] = [
  {
    refuses: "a stack without a gate before",
    resource: "Command gate-before",
    set: { create: "true" },
    policy: "gate-before-deployment",
    message:
      'Stack local is deployed without a gate before it. Allowed: a command.local.Command that runs ./fitnesscrm gate before. Manual M16: "Pre-Deployment: Backup database, Run health check".',
  },
  {
    refuses: "a gate before that runs once",
    resource: "Command gate-before",
    set: { triggers: [] },
    policy: "gate-before-deployment",
    message:
      'Command gate-before runs at the first deployment and at no other. Allowed: triggers with the attempt\'s id. Manual M16: "Pre-Deployment: Backup database, Run health check".',
  },
  {
    refuses: "a service that changes before the gate",
    resource: "Service redis",
    edit: (redis) => {
      redis.dependsOn = [];
    },
    policy: "gate-before-deployment",
    message:
      'Service redis may change before gate-before has said yes. Allowed: dependsOn gate-before. Manual M16: "Pre-Deployment: Backup database, Run health check".',
  },
  {
    refuses: "a migration before the backup",
    resource: "Command gate-migrate",
    edit: (gate) => {
      gate.dependsOn = [];
    },
    policy: "gate-migration",
    message:
      'Command gate-migrate may change the schema before gate-before has made a backup. Allowed: dependsOn gate-before. Manual M16: "Pre-Deployment: Backup database, Run health check".',
  },
  {
    refuses: "a migration at the first deployment only",
    resource: "Command gate-migrate",
    set: { triggers: undefined },
    policy: "gate-migration",
    message:
      'Command gate-migrate runs at the first deployment and at no other. Allowed: triggers with the attempt\'s id. Manual M17: "Deploy: Rebuild and restart".',
  },
  {
    refuses: "a backend that does not wait for the migration",
    resource: "Service backend",
    edit: (backend) => {
      backend.dependsOn = ["command:local:Command::gate-before"];
    },
    policy: "gate-migration",
    message:
      'Service backend may start on a schema that it does not know. Allowed: dependsOn gate-migrate. Manual M17: "Deploy: Rebuild and restart".',
  },
  {
    refuses: "a stack without a gate after",
    resource: "Command gate-after",
    policy: "gate-after-deployment",
    message:
      'Stack local is deployed without a gate after it. Allowed: a command.local.Command that runs ./fitnesscrm gate after. Manual M18: "Post-Deployment: Verify services, Check logs, Test critical endpoints".',
  },
  {
    refuses: "a gate after that runs once",
    resource: "Command gate-after",
    set: { triggers: undefined },
    policy: "gate-after-deployment",
    message:
      'Command gate-after runs at the first deployment and at no other. Allowed: triggers with the attempt\'s id. Manual M18: "Post-Deployment: Verify services, Check logs, Test critical endpoints".',
  },
  {
    refuses: "a verification that does not wait for a service",
    resource: "Command gate-after",
    edit: (gate) => {
      gate.dependsOn = gate.dependsOn?.filter((key) => !key.endsWith("::agent")) ?? [];
    },
    policy: "gate-after-deployment",
    message:
      'Command gate-after may say yes before the service agent has changed. Allowed: dependsOn agent. Manual M18: "Post-Deployment: Verify services, Check logs, Test critical endpoints".',
  },
  {
    refuses: "a release without an image",
    resource: "Stack fitnesscrm-local",
    set: { "release.images.backend": undefined },
    policy: "release-recorded",
    message:
      'Stack fitnesscrm-local does not say which image of backend it runs. Allowed: the output release.images.backend with an image ID or a digest. Manual M19: "Identify Previous Version".',
  },
  {
    refuses: "a release by a tag",
    resource: "Stack fitnesscrm-local",
    set: { "release.images.nginx": "nginx:1.26" },
    policy: "release-recorded",
    message:
      'Stack fitnesscrm-local does not say which image of nginx it runs. Allowed: the output release.images.nginx with an image ID or a digest. Manual M19: "Identify Previous Version".',
  },
  {
    refuses: "a release that does not say whether its commit is all",
    resource: "Stack fitnesscrm-local",
    set: { "release.dirty": undefined },
    policy: "release-recorded",
    message:
      'Stack fitnesscrm-local does not say whether files differ from its commit. Allowed: the output release.dirty. Manual M19: "Identify Previous Version".',
  },
  {
    refuses: "a release of nobody",
    resource: "Stack fitnesscrm-local",
    set: { "release.by": undefined },
    policy: "release-recorded",
    message:
      'Stack fitnesscrm-local does not say who deployed it. Allowed: the output release.by. Manual M56: "Update after each deployment, Record configuration changes".',
  },
  {
    refuses: "a release that does not say what was saved before it",
    resource: "Stack fitnesscrm-local",
    set: { "release.backup": undefined },
    policy: "release-recorded",
    message:
      'Stack fitnesscrm-local does not say what was saved before it was deployed. Allowed: the output release.backup. Manual M16: "Pre-Deployment: Backup database, Run health check".',
  },
  {
    refuses: "a release that does not say what its application runs with",
    resource: "Stack fitnesscrm-local",
    set: { "release.app.environment": undefined },
    policy: "release-recorded",
    message:
      'Stack fitnesscrm-local does not say the environment that its application runs with. Allowed: the output release.app.environment. Manual M20: "Rollback Code".',
  },
];

describe("policies on gates and releases", () => {
  refusals(cases);
});

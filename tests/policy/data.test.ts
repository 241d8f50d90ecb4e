import { type Case, refusals } from "./support/cases";
import { set, valueAt } from "./support/harness";

const cases: Case[] = [
  {
    refuses: "a network that a destroy would take along",
    resource: "Network foundation",
    edit: (network) => {
      network.protect = false;
    },
    policy: "network-protected",
    message:
      'Network foundation is not protected from deletion. Allowed: the resource option protect: true. Manual M2: "Stop all services".',
  },
  {
    refuses: "a database that may start on any node",
    resource: "Service db",
    set: { "taskSpec.placement": undefined },
    policy: "stateful-service-alone",
    message:
      'Service db may be started on a node that does not have its data. Allowed: taskSpec.placement.constraints that name the node with the data. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "uploads that no backup has",
    resource: "Service ops",
    set: { "taskSpec.containerSpec.mounts.1": undefined },
    policy: "data-within-reach-of-backup",
    message:
      'Service ops does not read the volume fitnesscrm-local-uploads, where backend keeps its data. Allowed: a read-only mount of the volume fitnesscrm-local-uploads. Manual M44: "Type: Full database dump".',
  },
  {
    refuses: "a restore that may change the backups",
    resource: "Service restore",
    edit: (restore) => {
      const backups = valueAt(restore, "taskSpec.containerSpec.mounts.1");
      set(restore, "taskSpec.containerSpec.mounts.2", {
        ...Object(backups),
        target: "/again",
        readOnly: false,
      });
    },
    policy: "data-within-reach-of-backup",
    message:
      'Service restore may change the volume fitnesscrm-local-backups, which is ops\'s. Allowed: a read-only mount of the volume fitnesscrm-local-backups. Manual M44: "Type: Full database dump".',
  },
  {
    refuses: "local backups that a restore does not see",
    resource: "Service restore",
    set: { "taskSpec.containerSpec.mounts.1": undefined },
    policy: "data-within-reach-of-backup",
    message:
      'Service restore does not read the volume fitnesscrm-local-backups, where ops keeps its data. Allowed: a read-only mount of the volume fitnesscrm-local-backups. Manual M44: "Type: Full database dump".',
  },
];

describe("policies on data", () => {
  refusals(cases);
});

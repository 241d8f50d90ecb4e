import assert from "node:assert/strict";
import { type Case, refusals } from "./support/cases";
import { happyStack } from "./support/happy";
import { change, type Declared, declare, judge, set, valueAt } from "./support/harness";

const CERTIFICATES = { type: "volume", source: "fitnesscrm-local-certificates", target: "/certificates" };

/** Mounts one more volume into a service. */
function mount(service: Declared, mounted: object): void {
  const mounts = valueAt(service, "taskSpec.containerSpec.mounts");
  set(service, "taskSpec.containerSpec.mounts", [...(Array.isArray(mounts) ? mounts : []), mounted]);
}

const KEY_REFUSED = (service: string): string =>
  `Service ${service} has the volume at /certificates, where the key of the certificate lies, and need not. Allowed: a mount at /certificates of ops, and a read-only one of nginx. Manual M40: "Update SSL certificates".`;

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
  {
    refuses: "an ops whose data is gone with its container, though it writes a status page",
    resource: "Service ops",
    set: { "taskSpec.containerSpec.mounts.0": undefined },
    policy: "stateful-service-alone",
    message:
      'Service ops keeps its data in the container. Allowed: a mount of type volume with a source, not read-only. Manual M60: "P0 (Critical): Service down, data loss".',
  },
  {
    refuses: "a status page that nobody can write",
    resource: "Service ops",
    set: { "taskSpec.containerSpec.mounts.2.readOnly": true },
    policy: "status-page-served",
    message:
      'Service ops has no volume at /pages to write the status page to. Allowed: a mount of type volume at /pages, not read-only. Manual M38: "Status page update".',
  },
  {
    refuses: "an edge that could change the status page",
    resource: "Service nginx",
    set: { "taskSpec.containerSpec.mounts.1.readOnly": false },
    policy: "status-page-served",
    message:
      'Service nginx does not serve the status page that ops writes. Allowed: a read-only mount at /pages of the volume that ops has there. Manual M38: "Status page update".',
  },
  {
    refuses: "an edge that serves another volume's pages",
    resource: "Service nginx",
    set: { "taskSpec.containerSpec.mounts.1.source": "fitnesscrm-local-uploads" },
    policy: "status-page-served",
    message:
      'Service nginx does not serve the status page that ops writes. Allowed: a read-only mount at /pages of the volume that ops has there. Manual M38: "Status page update".',
  },
  {
    refuses: "an edge that may change its certificate",
    resource: "Service nginx",
    edit: (nginx) => mount(nginx, { ...CERTIFICATES, readOnly: false }),
    policy: "certificate-key-apart",
    message: KEY_REFUSED("nginx"),
  },
  {
    refuses: "a backend that can read the key of the certificate",
    resource: "Service backend",
    edit: (backend) => mount(backend, { ...CERTIFICATES, readOnly: true }),
    policy: "certificate-key-apart",
    message: KEY_REFUSED("backend"),
  },
];

describe("policies on data", () => {
  refusals(cases);

  it("accept a certificate that ops writes, nginx reads, and no backup has", () => {
    const volume = declare(
      "docker:index/volume:Volume",
      "certificates",
      { name: CERTIFICATES.source, labels: [{ label: "fitnesscrm.stack", value: "local" }] },
      { protect: true },
    );
    const written = change([...happyStack(), volume], "Service ops", (ops) =>
      mount(ops, { ...CERTIFICATES, readOnly: false }),
    );
    const stack = change(written, "Service nginx", (nginx) =>
      mount(nginx, { ...CERTIFICATES, readOnly: true }),
    );
    assert.deepEqual(judge(stack), []);
  });
});

import { type Basis, known, type Rule, resourceRule, stackRule } from "./lib/rule";
import { container, named, SERVICE, type Service, serviceName, task } from "./lib/service";

const VOLUME = "docker:index/volume:Volume";
const NETWORK = "docker:index/network:Network";

const DATA: Basis = { row: "M60", says: "P0 (Critical): Service down, data loss" };

/** Services whose data two tasks at once would destroy; two of ops or restore would run everything on their calendar twice. */
const ALONE: readonly string[] = ["db", "redis", "ops", "restore"];
/** Services that write what must outlive their containers: the backend keeps the uploads. */
const KEEPS_DATA: readonly string[] = [...ALONE, "backend"];

/** Where ops puts what people look at, and nginx finds it. Made anew every minute: no data of its own is lost with it. */
const PAGES = "/pages";
/** Where ops puts the edge's certificate. Another one takes seconds, and a backup would carry its key about. */
const CERTIFICATES = "/certificates";
/** Where volumes are mounted whose content is made anew when it is lost. */
const MADE_ANEW: readonly string[] = [PAGES, CERTIFICATES];

const stateful = resourceRule(
  {
    name: "stateful-service-alone",
    section: "Troubleshooting",
    basis: DATA,
    demands:
      "Database, cache, ops and restore run once and stop before they start anew; they and the backend keep their data on a volume, and stay on the node that has it.",
    types: [SERVICE],
  },
  ({ props }, judge) => {
    const applies = () => ALONE.includes(serviceName(props) ?? "");
    judge.must(
      () => !applies() || (props.mode?.replicated?.replicas === 1 && props.mode.global !== true),
      () =>
        `runs ${props.mode?.global ? "on every node" : `${props.mode?.replicated?.replicas ?? "an undeclared number of"} times`}`,
      "mode.replicated.replicas 1: two tasks must never share its volume",
    );
    judge.must(
      () => !applies() || props.updateConfig?.order === "stop-first",
      () => `is updated ${props.updateConfig?.order ?? "in no declared order"}`,
      'updateConfig.order "stop-first"',
    );
    judge.must(
      () => !applies() || (props.rollbackConfig?.order ?? "stop-first") === "stop-first",
      () => `is rolled back ${props.rollbackConfig?.order}`,
      'rollbackConfig.order "stop-first", or not set',
    );
    const keeps = () => KEEPS_DATA.includes(serviceName(props) ?? "");
    judge.must(
      () => !keeps() || (task(props).placement?.constraints ?? []).length > 0,
      "may be started on a node that does not have its data",
      "taskSpec.placement.constraints that name the node with the data",
    );
    judge.must(
      () => !keeps() || keepsData(props),
      "keeps its data in the container",
      "a mount of type volume with a source, not read-only",
    );
  },
);

function keepsData(props: Service): boolean {
  return (container(props).mounts ?? []).some(
    ({ type, source, readOnly, target }) =>
      type === "volume" && (source ?? "") !== "" && readOnly !== true && !MADE_ANEW.includes(target ?? ""),
  );
}

const declaredVolumes = stackRule(
  {
    name: "volumes-declared",
    section: "Backup & Recovery",
    basis: DATA,
    demands: "What a service keeps lies on a volume of the stack, not on one that the engine makes up.",
  },
  ({ of }) => {
    const names = () => of(VOLUME).map(({ props }) => props.name);
    for (const service of of(SERVICE)) {
      const mounts = () => container(service.props).mounts ?? [];
      for (let index = 0; index < (known(() => mounts().length) ?? 0); index++) {
        const mount = () => mounts()[index];
        service.judge.must(
          () => mount()?.type !== "volume" || names().includes(mount()?.source),
          () =>
            `keeps ${mount()?.target} on the volume ${mount()?.source || "without a name"}, which the stack does not declare`,
          "the name of a docker.Volume of the stack",
        );
      }
    }
  },
);

const volumes = resourceRule(
  {
    name: "volume-protected",
    section: "Backup & Recovery",
    basis: DATA,
    demands: "A volume cannot be deleted by accident.",
    types: [VOLUME],
  },
  ({ props, opts }, judge) =>
    judge.must(
      // What lies in memory is gone with the last container that uses it.
      () => opts.protect || props.driverOpts?.type === "tmpfs",
      "is not protected from deletion",
      "the resource option protect: true",
    ),
);

const network = resourceRule(
  {
    name: "network-protected",
    section: "Deployment Procedures",
    basis: { row: "M2", says: "Stop all services" },
    demands:
      "The network cannot be deleted by accident: without it no service of the stack finds another one.",
    types: [NETWORK],
  },
  ({ opts }, judge) =>
    judge.must(() => opts.protect, "is not protected from deletion", "the resource option protect: true"),
);

const backedUp = stackRule(
  {
    name: "data-within-reach-of-backup",
    section: "Backup & Recovery",
    basis: { row: "M44", says: "Type: Full database dump" },
    demands:
      "What the backend keeps is there for ops to back up, and the backups of ops for restore; neither can change what it only reads.",
  },
  (stack) => {
    for (const [reader, owner] of [
      ["ops", "backend"],
      ["restore", "ops"],
    ] as const) {
      for (const { props, judge } of named(stack, reader)) {
        const read = () => (container(props).mounts ?? []).filter(({ type }) => type === "volume");
        for (const source of known(() => named(stack, owner).flatMap((own) => keeps(own.props))) ?? []) {
          judge.must(
            () => read().some((mount) => mount.source === source && mount.readOnly === true),
            `does not read the volume ${source}, where ${owner} keeps its data`,
            `a read-only mount of the volume ${source}`,
          );
          judge.must(
            () => read().every((mount) => mount.source !== source || mount.readOnly === true),
            `may change the volume ${source}, which is ${owner}'s`,
            `a read-only mount of the volume ${source}`,
          );
        }
      }
    }
  },
);

const pages = stackRule(
  {
    name: "status-page-served",
    section: "Maintenance Windows",
    basis: { row: "M38", says: "Status page update" },
    demands:
      "What ops writes for people lies on a volume, from which nginx serves it and which it cannot change.",
  },
  (stack) => {
    for (const { props, judge } of named(stack, "ops")) {
      judge.must(
        () => (pagesOf(props)?.source ?? "") !== "" && pagesOf(props)?.readOnly !== true,
        `has no volume at ${PAGES} to write the status page to`,
        `a mount of type volume at ${PAGES}, not read-only`,
      );
    }
    for (const { props, judge } of named(stack, "nginx")) {
      judge.must(
        () =>
          pagesOf(props)?.readOnly === true &&
          named(stack, "ops").every((ops) => pagesOf(ops.props)?.source === pagesOf(props)?.source),
        `does not serve the status page that ops writes`,
        `a read-only mount at ${PAGES} of the volume that ops has there`,
      );
    }
  },
);

const certificateKey = stackRule(
  {
    name: "certificate-key-apart",
    section: "Security Operations",
    basis: { row: "M40", says: "Update SSL certificates" },
    demands:
      "The key of the edge's certificate is written by ops and read by nginx, and no other service has it.",
  },
  ({ of }) => {
    for (const { props, judge } of of(SERVICE)) {
      judge.must(
        () =>
          (container(props).mounts ?? []).every(
            ({ target, readOnly }) =>
              target !== CERTIFICATES ||
              serviceName(props) === "ops" ||
              (serviceName(props) === "nginx" && readOnly === true),
          ),
        `has the volume at ${CERTIFICATES}, where the key of the certificate lies, and need not`,
        `a mount at ${CERTIFICATES} of ops, and a read-only one of nginx`,
      );
    }
  },
);

function pagesOf(props: Partial<Service>) {
  return (container(props).mounts ?? []).find(({ type, target }) => type === "volume" && target === PAGES);
}

/** Volumes of a service's data. */
function keeps(props: Partial<Service>): string[] {
  return (container(props).mounts ?? [])
    .filter(
      ({ type, readOnly, target }) =>
        type === "volume" && readOnly !== true && !MADE_ANEW.includes(target ?? ""),
    )
    .map(({ source }) => source ?? "");
}

export const DATA_RULES: readonly Rule[] = [
  stateful,
  declaredVolumes,
  volumes,
  network,
  backedUp,
  pages,
  certificateKey,
];

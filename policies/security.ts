import { type Basis, known, type Rule, resourceRule } from "./lib/rule";
import { findsCredential, isSecretName } from "./lib/secrets";
import { container, SERVICE, type Service, serviceName } from "./lib/service";
import { subsetOf } from "./lib/settings";

const ISOLATE: Basis = { row: "M52", says: "Containment: Isolate affected systems" };
const SUSPICIOUS: Basis = { row: "M49", says: "Check for suspicious activity" };

/** The one service that is reachable from outside the machine. */
const EDGE = "nginx";

/** What a server may need that starts as root, takes over its data folder and becomes a user of its own. */
const CAPABILITIES = [
  "CHOWN",
  "DAC_OVERRIDE",
  "FOWNER",
  "FSETID",
  "KILL",
  "NET_BIND_SERVICE",
  "SETGID",
  "SETUID",
] as const;

/** Folders of the host below which an engine's socket lies. */
const SOCKET_FOLDERS: readonly string[] = ["/", "/run", "/var", "/var/run", "/run/containerd", "/run/docker"];

const ports = resourceRule(
  {
    name: "published-ports",
    section: "Security Operations",
    basis: ISOLATE,
    demands: `Only ${EDGE} is reachable from outside the machine, the database and the cache never.`,
    types: [SERVICE],
  },
  ({ props }, judge) =>
    judge.must(
      () => (props.endpointSpec?.ports ?? []).length === 0 || serviceName(props) === EDGE,
      () =>
        `publishes port ${(props.endpointSpec?.ports ?? []).map((p) => p.publishedPort ?? p.targetPort).join(", ")}`,
      `endpointSpec.ports on the service labelled fitnesscrm.service = ${EDGE} only`,
    ),
);

const environment = resourceRule(
  {
    name: "secret-free-environment",
    section: "Security Operations",
    basis: SUSPICIOUS,
    demands: "No secret stands in an environment or a command line, where `docker inspect` and `ps` show it.",
    types: [SERVICE],
  },
  ({ props }, judge) => {
    const env = known(() => container(props).env) ?? {};
    for (const name of Object.keys(env)) {
      judge.must(
        () => !(isSecretName(name) && env[name] !== ""),
        `has a secret in its environment: ${name}`,
        `a file below /run/secrets, named by ${name}_FILE`,
      );
      judge.must(
        () => isSecretName(name) || !findsCredential(env[name] ?? ""),
        `has credentials in the value of its environment's ${name}`,
        `a file below /run/secrets, named by ${name}_FILE`,
      );
    }
    for (const property of ["args", "commands"] as const) {
      judge.must(
        () => !(container(props)[property] ?? []).some((_word, index, words) => hasSecret(words, index)),
        `has a secret in its ${property === "args" ? "arguments" : "command"}`,
        "a file below /run/secrets, read by the command",
      );
    }
    judge.must(
      () => !(container(props).healthcheck?.tests ?? []).some((_word, i, words) => hasSecret(words, i)),
      "has a secret in its health check",
      "a file below /run/secrets, read by the health check",
    );
  },
);

/** True for a word of a command line that holds a secret, by itself or after an option that takes one. */
function hasSecret(words: readonly string[], index: number): boolean {
  const word = words[index] ?? "";
  const option = index === 0 ? "" : (words[index - 1] ?? "");
  const takesSecret = /^--?(requirepass|masterauth|password|pass|token|secret)$/i.test(option);
  return findsCredential(word) || (takesSecret && word !== "" && !/^[$-]/.test(word));
}

const capabilities = resourceRule(
  {
    name: "service-capabilities",
    section: "Security Operations",
    basis: ISOLATE,
    demands: "A service drops all capabilities and takes back only harmless ones.",
    types: [SERVICE],
    settings: { allowed: subsetOf(CAPABILITIES, "Capabilities that a service may take back.") },
  },
  ({ props }, judge, { allowed }) => {
    const plain = (names: readonly string[] | undefined) =>
      (names ?? []).map((name) => name.toUpperCase().replace(/^CAP_/, ""));
    judge.must(
      () => plain(container(props).capDrops).includes("ALL"),
      "keeps the engine's default capabilities",
      'taskSpec.containerSpec.capDrops ["ALL"]',
    );
    const extra = () => plain(container(props).capAdds).filter((name) => !allowed.includes(name));
    judge.must(
      () => extra().length === 0,
      () => `takes the capabilities ${extra().join(", ")}`,
      `capAdds of ${allowed.length === 0 ? "none" : allowed.join(", ")}`,
    );
  },
);

const socket = resourceRule(
  {
    name: "no-engine-socket",
    section: "Security Operations",
    basis: ISOLATE,
    demands:
      "No service but the engine's reader mounts the engine's socket, not even read-only: whoever reaches it is root on the machine. The reader answers what metrics and the archive of logs need, has no capability and no port. A folder that holds the socket is mounted read-only, by a service without any right to use it.",
    types: [SERVICE],
  },
  ({ props }, judge) => {
    const mounts = known(() => container(props).mounts) ?? [];
    for (let index = 0; index < mounts.length; index++) {
      judge.must(
        () => !isSocket(mounts[index]) || (mounts[index]?.readOnly === true && readsEngine(props)),
        () => `mounts ${mounts[index]?.source}, the engine's socket`,
        `what the service needs to know, by the metrics agent or through Pulumi; or the service ${ENGINE_READER}, read-only, without capAdds and ports`,
      );
      judge.must(
        () => !holdsSocket(mounts[index]) || (mounts[index]?.readOnly === true && isPowerless(props)),
        () => `mounts ${mounts[index]?.source} of the host, where the engine's socket lies`,
        "another folder; or readOnly, a numeric user other than 0, no capAdds and no groups",
      );
    }
  },
);

/** The one service that may ask the engine. */
const ENGINE_READER = "engine";

function readsEngine(service: Service): boolean {
  return (
    serviceName(service) === ENGINE_READER &&
    (container(service).capAdds ?? []).length === 0 &&
    (service.endpointSpec?.ports ?? []).length === 0
  );
}

type Mount = NonNullable<Service["taskSpec"]["containerSpec"]["mounts"]>[number];

function isSocket(mount: Mount | undefined): boolean {
  return mount?.type === "bind" && /(docker|containerd|podman)[^/]*\.sock\/*$/.test(mount.source ?? "");
}

function holdsSocket(mount: Mount | undefined): boolean {
  const source = (mount?.source ?? "").replace(/\/+$/, "") || "/";
  return mount?.type === "bind" && SOCKET_FOLDERS.includes(source);
}

/** Neither root nor of any group of the host, so that the permissions of the host's files keep it out. */
function isPowerless(service: Service): boolean {
  const { user, capAdds, groups } = container(service);
  return (
    /^[1-9]\d*(:[1-9]\d*)?$/.test(user ?? "") && (capAdds ?? []).length === 0 && (groups ?? []).length === 0
  );
}

export const SECURITY: readonly Rule[] = [ports, environment, capabilities, socket];

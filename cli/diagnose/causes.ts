import { size } from "../table";
import type { ServiceFacts, TaskFacts } from "./facts";

/** Why a task does not run. */
export interface Cause {
  /** A word for scripts. */
  readonly cause: string;
  readonly what: string;
  readonly todo: string;
}

/** The engine's words for what keeps a task from starting, the particular ones first. */
const NEVER_STARTED: readonly [pattern: RegExp, cause: string, what: string, todo: string][] = [
  [
    /no such image|image .*not found|manifest (for .* )?(not found|unknown)|pull access denied|failed to resolve reference/i,
    "image-missing",
    "never started: its image is not there",
    "./fitnesscrm up builds or pulls the image; a registry that refuses: docker login on the host",
  ],
  [
    /invalid mount config|bind source path does not exist|error while mounting|no such volume|failed to mount/i,
    "mount",
    "never started: something that it mounts is not there",
    "./fitnesscrm up --refresh makes volumes that are gone again; `docker volume ls` on the host shows those that are there",
  ],
  [
    /secret.* (not found|does not exist)|no such secret/i,
    "secret-missing",
    "never started: a secret that it is given is not on the engine",
    "./fitnesscrm up --refresh makes it again from the stack's configuration",
  ],
  [
    /config.* (not found|does not exist)|no such config/i,
    "config-missing",
    "never started: a file that it is given is not on the engine",
    "./fitnesscrm up --refresh makes it again",
  ],
  [
    /port is already allocated|host-mode port already in use|address already in use/i,
    "port-taken",
    "never started: something else has its port",
    "`ss -ltnp` on the host names it; stop that, or ./fitnesscrm up --set http.port=PORT",
  ],
  [
    /no suitable node|insufficient resources/i,
    "no-node",
    "never started: no server may run it",
    "`docker node ls` on the host: a server that is down or drained, or lacks the label fitnesscrm.data (./fitnesscrm up sets it)",
  ],
  [
    /executable file not found|exec format error|permission denied|no such file or directory/i,
    "command",
    "never started: its command cannot be run",
    "the image's command or platform is wrong: ./fitnesscrm rollback goes back to the release before",
  ],
  [
    /no space left on device/i,
    "disk-full",
    "never started: the disk is full",
    "see docs/runbooks/disk.md; `docker system df` on the host says what takes the room",
  ],
];

/** What a program's exit code says by itself. */
const EXIT_CODES: Readonly<Record<number, string>> = {
  64: "the stack's own entrypoint refused its environment or its files",
  126: "its command may not be run",
  127: "its command does not exist in the image",
  134: "it gave up by itself (abort)",
  137: "it was killed",
  139: "it crashed (segmentation fault)",
  143: "it was told to stop",
};

/** Why a task that ended, or never began, did so. Undefined for one that has nothing wrong with it. */
export function causeOf(
  task: TaskFacts,
  { service, memoryLimitBytes }: Pick<ServiceFacts, "service" | "memoryLimitBytes">,
): Cause | undefined {
  const allowed = task.memoryLimitBytes ?? memoryLimitBytes;
  const limit = allowed === null ? "the host has" : `its limit of ${size(allowed)}`;
  // Of a container that was killed before it ran, the engine says so in words alone.
  if (task.oomKilled || /OOM-killed|memory limit too low/i.test(task.error ?? "")) {
    return {
      cause: "out-of-memory",
      what: `killed for want of memory: it wanted more than ${limit}`,
      todo:
        `./fitnesscrm up --set resources.${service}.memoryMiB=MORE if it needs that much; ` +
        "./fitnesscrm rollback if it began with a release (docs/runbooks/oom.md)",
    };
  }
  const error = task.error ?? "";
  const start = NEVER_STARTED.find(([pattern]) => pattern.test(error));
  if (start !== undefined) {
    const [, cause, what, todo] = start;
    return { cause, what: `${what}: ${error}`, todo };
  }
  if (/unhealthy container/i.test(error)) {
    return {
      cause: "health-check",
      what: "killed because its health check failed",
      todo: "its last lines below say what it waited for; database and cache are checked further down",
    };
  }
  if (task.state === "failed") {
    const code = task.exitCode ?? exitCodeIn(error);
    const meaning = code === undefined ? undefined : EXIT_CODES[code];
    return {
      cause: code === 64 ? "environment" : "crash",
      what: `crashes: ${code === undefined ? error || "it ended" : `exit code ${code}`}${meaning === undefined ? "" : ` (${meaning})`}`,
      todo: "its last lines below; ./fitnesscrm rollback if it began with a release",
    };
  }
  return task.state === "rejected" || (task.state === "pending" && error !== "")
    ? {
        cause: "rejected",
        what: `never started: ${error || "the engine does not say why"}`,
        todo: "./fitnesscrm up, and the engine's own log on the host if it comes again",
      }
    : undefined;
}

function exitCodeIn(error: string): number | undefined {
  const [, code] = /non-zero exit \((\d+)\)/.exec(error) ?? [];
  return code === undefined ? undefined : Number(code);
}

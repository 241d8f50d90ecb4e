import { z } from "zod";
import { SERVICES, type ServiceName } from "../../../config";
import { type DockerHost, type TaskInfo, words } from "../../docker";
import { causeOf } from "../causes";
import type { ServiceFacts, TaskFacts } from "../facts";
import { redact } from "../redact";

const reference = { File: z.object({ Name: z.string() }) };
const serviceSchema = z.object({
  ID: z.string(),
  Spec: z.object({
    Name: z.string(),
    Labels: z.record(z.string(), z.string()).nullish(),
    Mode: z.object({ Replicated: z.object({ Replicas: z.number().optional() }).optional() }),
    TaskTemplate: z.object({
      ContainerSpec: z.object({
        Image: z.string(),
        Env: z.array(z.string()).nullish(),
        Secrets: z.array(z.object({ ...reference, SecretID: z.string(), SecretName: z.string() })).nullish(),
        Configs: z
          .array(z.object({ File: reference.File.optional(), ConfigID: z.string(), ConfigName: z.string() }))
          .nullish(),
      }),
      Resources: z.object({ Limits: z.object({ MemoryBytes: z.number().optional() }).nullish() }).nullish(),
    }),
  }),
  UpdateStatus: z.object({ State: z.string().optional(), Message: z.string().optional() }).nullish(),
});
type Inspected = z.infer<typeof serviceSchema>;

const containerSchema = z.object({
  Id: z.string(),
  HostConfig: z.object({ Memory: z.number() }),
  State: z.object({
    Running: z.boolean(),
    OOMKilled: z.boolean(),
    Health: z
      .object({
        Status: z.string(),
        Log: z.array(z.object({ Output: z.string() })).nullish(),
      })
      .nullish(),
  }),
});
type Container = z.infer<typeof containerSchema>;

const LOG_LINES = 12;
const LOG_SECONDS = 10;

export interface ServicesGathering {
  readonly docker: DockerHost;
  readonly stack: string;
  readonly names: readonly ServiceName[];
  /** Values that no line of a log may show. */
  readonly secrets: readonly string[];
}

/** What the engine knows of the stack's services, in the order in which they depend on each other. */
export async function gatherServices(gathering: ServicesGathering): Promise<ServiceFacts[]> {
  const { docker, stack, names } = gathering;
  const ids = words(
    await docker.runChecked("services of the stack", [
      ...["service", "ls", "--quiet", "--filter", `label=fitnesscrm.stack=${stack}`],
    ]),
  );
  const found =
    ids.length === 0
      ? []
      : z
          .array(serviceSchema)
          .parse(JSON.parse(await docker.runChecked("services", ["service", "inspect", ...ids])));
  const tasks = await docker.tasks(found.map(({ Spec }) => Spec.Name));
  const [containers, secretIds, configIds] = await Promise.all([
    inspectContainers(docker, tasks),
    listIds(docker, "secret"),
    listIds(docker, "config"),
  ]);
  return Promise.all(
    SERVICES.filter((name) => names.includes(name)).map((name) => {
      const service = found.find(({ Spec }) => Spec.Labels?.["fitnesscrm.service"] === name);
      return service === undefined
        ? absent(name)
        : factsOf(gathering, name, service, {
            tasks: tasks.filter(({ serviceId }) => serviceId === service.ID),
            containers,
            present: new Set([...secretIds, ...configIds]),
          });
    }),
  );
}

function absent(service: string): ServiceFacts {
  return {
    service,
    exists: false,
    wanted: 0,
    image: "",
    memoryLimitBytes: null,
    variables: [],
    emptyVariables: [],
    secretFiles: [],
    files: [],
    absentFiles: [],
    tasks: [],
    log: [],
  };
}

interface Engine {
  readonly tasks: readonly TaskInfo[];
  readonly containers: ReadonlyMap<string, Container>;
  /** Ids of the secrets and configs that there are. */
  readonly present: ReadonlySet<string>;
}

async function factsOf(
  { docker, secrets }: ServicesGathering,
  service: ServiceName,
  { Spec, UpdateStatus }: Inspected,
  { tasks, containers, present }: Engine,
): Promise<ServiceFacts> {
  const { ContainerSpec, Resources } = Spec.TaskTemplate;
  const memoryLimitBytes = Resources?.Limits?.MemoryBytes || null;
  const seen = tasks.map((task): [TaskInfo, TaskFacts] => [task, taskFacts(task, containers)]);
  // What is unwell now says more than what failed before.
  const troubled =
    seen.find(([, { unwell, desiredState }]) => unwell !== undefined && desiredState === "running") ??
    seen.find(([, facts]) => causeOf(facts, { service, memoryLimitBytes }) !== undefined);
  const files = filesOf(ContainerSpec, present);
  const running = seen.find(
    ([, { state, desiredState }]) => state === "running" && desiredState === "running",
  );
  const [log, absentFiles] = await Promise.all([
    troubled?.[0].containerId === undefined ? [] : lastLines(docker, troubled[0].id, secrets),
    running?.[0].containerId === undefined ? [] : emptyFiles(docker, running[0].containerId, files),
  ]);
  return {
    service,
    exists: true,
    wanted: Spec.Mode.Replicated?.Replicas ?? Math.max(1, new Set(tasks.map(({ nodeId }) => nodeId)).size),
    ...(UpdateStatus?.State !== undefined && { updateState: UpdateStatus.State }),
    ...(UpdateStatus?.Message !== undefined && { updateMessage: UpdateStatus.Message }),
    image: ContainerSpec.Image,
    memoryLimitBytes,
    ...variablesOf(ContainerSpec.Env ?? []),
    files: files.map(({ kind, file, name, exists }) => ({ kind, file, name, exists })),
    absentFiles,
    tasks: seen.map(([, facts]) => facts),
    log,
  };
}

function taskFacts(task: TaskInfo, containers: ReadonlyMap<string, Container>): TaskFacts {
  const { state, desiredState, error, exitCode, createdAt, containerId = "" } = task;
  const container = containers.get(containerId);
  const health = container?.State.Health;
  const isUnwell = container?.State.Running === true && health?.Status === "unhealthy";
  return {
    state,
    desiredState,
    ...(error !== undefined && { error }),
    ...(exitCode !== undefined && { exitCode }),
    // Of one that runs on, a process beside its first one was killed.
    oomKilled: container?.State.OOMKilled ?? false,
    ...(container?.HostConfig.Memory && { memoryLimitBytes: container.HostConfig.Memory }),
    ...(isUnwell && { unwell: health?.Log?.at(-1)?.Output.trim().split("\n").at(-1) || "no reason given" }),
    createdAt,
  };
}

/** Names alone: what stands in them is nobody's business here. */
function variablesOf(
  environment: readonly string[],
): Pick<ServiceFacts, "variables" | "emptyVariables" | "secretFiles"> {
  const pairs = environment.map((line): [string, string] => {
    const at = line.indexOf("=");
    return at < 0 ? [line, ""] : [line.slice(0, at), line.slice(at + 1)];
  });
  const fromFiles = words(pairs.find(([name]) => name === "FITNESSCRM_SECRET_ENV")?.[1] ?? "").map((pair) =>
    pair.split("="),
  );
  return {
    variables: [...pairs.map(([name]) => name), ...fromFiles.map(([name = ""]) => name)],
    emptyVariables: pairs.filter(([, value]) => value === "").map(([name]) => name),
    secretFiles: fromFiles.map(([, file = ""]) => file),
  };
}

type File = ServiceFacts["files"][number] & { path: string };

function filesOf(
  { Secrets, Configs }: Inspected["Spec"]["TaskTemplate"]["ContainerSpec"],
  present: ReadonlySet<string>,
): File[] {
  return [
    ...(Secrets ?? []).map(({ File, SecretID, SecretName }) => ({
      kind: "secret" as const,
      file: File.Name,
      name: SecretName,
      exists: present.has(SecretID),
      path: File.Name.startsWith("/") ? File.Name : `/run/secrets/${File.Name}`,
    })),
    ...(Configs ?? []).flatMap(({ File, ConfigID, ConfigName }) =>
      File === undefined
        ? []
        : [
            {
              kind: "config" as const,
              file: File.Name,
              name: ConfigName,
              exists: present.has(ConfigID),
              path: File.Name.startsWith("/") ? File.Name : `/${File.Name}`,
            },
          ],
    ),
  ];
}

async function inspectContainers(
  docker: DockerHost,
  tasks: readonly TaskInfo[],
): Promise<Map<string, Container>> {
  const ids = tasks.flatMap(({ containerId }) => containerId ?? []);
  if (ids.length === 0) {
    return new Map();
  }
  // One that was cleaned up meanwhile is missing from the answer, which is right.
  const { stdout } = await docker.run(["container", "inspect", ...ids]);
  return new Map(
    z
      .array(containerSchema)
      .parse(JSON.parse(stdout || "[]"))
      .map((container) => [container.Id, container]),
  );
}

async function listIds(docker: DockerHost, kind: "secret" | "config"): Promise<string[]> {
  return words(await docker.runChecked(`${kind}s of the engine`, [kind, "ls", "--quiet"]));
}

async function lastLines(docker: DockerHost, task: string, secrets: readonly string[]): Promise<string[]> {
  const args = ["service", "logs", "--raw", "--tail", String(LOG_LINES), task];
  const { stdout, stderr } = await docker.run(args, LOG_SECONDS);
  return `${stdout}\n${stderr}`
    .split("\n")
    .map((line) => redact(line.trimEnd(), secrets))
    .filter((line) => line !== "")
    .slice(-LOG_LINES);
}

/** An image without a shell cannot be asked, and has nothing missing then. */
async function emptyFiles(docker: DockerHost, container: string, files: readonly File[]): Promise<string[]> {
  if (files.length === 0) {
    return [];
  }
  const script = 'for file; do [ -s "$file" ] || echo "$file"; done';
  const paths = files.map(({ path }) => path);
  const { code, stdout } = await docker.run(["exec", container, "sh", "-c", script, "sh", ...paths], 15);
  return code === 0 ? words(stdout) : [];
}

import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import type { DockerHost, TaskInfo } from "../docker";
import { UserError } from "../errors";
import { lastLine } from "../exec";
import type { Session } from "../session";
import type { GateEnvironment } from "./environment";

/** What `components/deploy/migration.ts` declares. */
const job = z.object({
  image: z.string(),
  command: z.array(z.string()),
  network: z.string(),
  environment: z.record(z.string(), z.string()),
  secrets: z.array(z.object({ name: z.string(), file: z.string() })),
  configs: z.array(z.object({ name: z.string(), path: z.string() })),
  volumes: z.record(z.string(), z.string()),
  memoryMiB: z.number(),
  constraint: z.string(),
});
type Job = z.infer<typeof job>;

const POLL_MILLISECONDS = 500;
/** An image that cannot be run never starts; the engine says why long before. */
const START_SECONDS = 120;
const SHOWN_LINES = 20;

export interface MigrationReport {
  attempt: string;
  /** The last lines that the command printed. */
  output: string[];
  seconds: number;
}

/** Runs the application's migration once, as a Swarm job beside what serves; the job is removed in any case. */
export async function runMigration(
  { docker, context }: Session,
  handed: GateEnvironment,
  say: (text: string) => void,
): Promise<MigrationReport> {
  const started = Date.now();
  const declared = job.parse(handed.json("JOB"));
  const name = `fitnesscrm-${context.stack}-migrate`;
  say(`migration: ${declared.command.slice(1).join(" ")}`);
  // What a killed run left has the name.
  await remove(docker, name);
  try {
    await docker.runChecked("migration", createArguments(name, context.stack, declared));
    const task = await waitForEnd(docker, name);
    const output = await outputOf(docker, name);
    for (const line of output) {
      say(line);
    }
    if (task.state !== "complete") {
      throw new UserError(
        `the migration failed, and no service was changed: ${lastLine(output.join("\n")) || task.error || task.state}`,
      );
    }
    return { attempt: handed.attempt, output, seconds: (Date.now() - started) / 1000 };
  } finally {
    await remove(docker, name);
  }
}

function createArguments(name: string, stack: string, declared: Job): string[] {
  return [
    "service",
    "create",
    "--detach",
    "--quiet",
    "--no-resolve-image",
    ...[
      "--name",
      name,
      "--mode",
      "replicated-job",
      "--endpoint-mode",
      "dnsrr",
      "--restart-condition",
      "none",
    ],
    ...["--container-label", `fitnesscrm.job=${name}`, "--container-label", `fitnesscrm.stack=${stack}`],
    ...["--network", declared.network, "--constraint", declared.constraint],
    ...["--limit-memory", `${declared.memoryMiB}m`, "--cap-drop", "ALL"],
    ...Object.entries(declared.environment).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    ...declared.secrets.flatMap(({ name: source, file }) => ["--secret", `source=${source},target=${file}`]),
    ...declared.configs.flatMap(({ name: source, path }) => [
      "--config",
      `source=${source},target=${path},mode=0555`,
    ]),
    ...Object.entries(declared.volumes).flatMap(([target, source]) => [
      "--mount",
      `type=volume,source=${source},target=${target}`,
    ]),
    "--entrypoint",
    declared.command[0] ?? "",
    declared.image,
    ...declared.command.slice(1),
  ];
}

const ENDED = ["complete", "failed", "rejected", "shutdown", "orphaned", "remove"];

async function waitForEnd(docker: DockerHost, name: string): Promise<TaskInfo> {
  const deadline = Date.now() + START_SECONDS * 1000;
  for (;;) {
    const [task] = await docker.tasks([name]);
    if (task !== undefined && ENDED.includes(task.state)) {
      return task;
    }
    if (task?.state !== "running" && Date.now() > deadline) {
      throw new UserError(
        `the migration did not start within ${START_SECONDS} s: ${task?.error ?? task?.state ?? "the engine made no task"}`,
      );
    }
    await sleep(POLL_MILLISECONDS);
  }
}

async function outputOf(docker: DockerHost, name: string): Promise<string[]> {
  const { stdout, stderr } = await docker.run([
    "service",
    "logs",
    "--raw",
    "--tail",
    String(SHOWN_LINES),
    name,
  ]);
  return `${stdout}${stderr}`.split("\n").filter((line) => line.trim() !== "");
}

/** The engine forgets the service at once, and leaves its container. */
async function remove(docker: DockerHost, name: string): Promise<void> {
  await docker.run(["service", "rm", name]);
  const label = `label=fitnesscrm.job=${name}`;
  const { stdout } = await docker.run(["container", "ls", "--all", "--quiet", "--filter", label]);
  for (const container of stdout.split(/\s+/).filter((id) => id !== "")) {
    await docker.run(["container", "rm", "--force", container]);
  }
}

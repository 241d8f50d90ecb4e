import { z } from "zod";
import type { Reporter } from "../toolchain/types";
import type { BackupOptions } from "./commands/backup";
import type { DockerHost } from "./docker";
import { UserError } from "./errors";
import { type OpsService, runInOps } from "./ops";
import { ageOf, type BackupEntry, backupEntry } from "./restore/plan";
import { columns, formatBytes } from "./restore/report";
import { inStep, openSession, progressReporter } from "./session";

/** What a task's run in a container has come to; more may stand beside it. */
const taskResult = z.looseObject({
  result: z.string().optional(),
  reason: z.string(),
  details: z.record(z.string(), z.unknown()).nullish(),
});

/** `./fitnesscrm backup` (M6, M42). @throws UserError with the reason when no verified copy came out of it. */
export async function backup(options: BackupOptions): Promise<void> {
  const { docker } = openSession(options.stack);
  const label = options.label === undefined ? [] : ["--label", options.label];
  const result = await runTask(docker, options.stack, "ops", ["run", "backup", ...label], "backup");
  print(options.json, result, () => result.reason);
}

/** `./fitnesscrm drill restore` (M47): a run of the task, so that it is recorded and measured like the monthly one. */
export async function drillRestore(options: { stack: string; json?: boolean }): Promise<void> {
  const { docker } = openSession(options.stack);
  const result = await runTask(
    docker,
    options.stack,
    "restore",
    ["run", "restore-drill"],
    "restore drill, from S3",
  );
  print(options.json, result, () => result.reason);
}

/** `./fitnesscrm backups` (M43). */
export async function listBackups(options: { stack: string; json?: boolean }): Promise<void> {
  const { docker } = openSession(options.stack);
  const answer = await runInOps(docker, options.stack, "ops", ["backups"], {
    timeoutSeconds: 120,
    onLine: (line) => process.stderr.write(`${line}\n`),
  });
  const backups = parseAnswer(z.array(backupEntry), answer, "backups", options.stack);
  print(options.json, backups, () => formatBackups(backups, options.stack, new Date()));
}

async function runTask(
  docker: DockerHost,
  stack: string,
  service: OpsService,
  args: readonly string[],
  title: string,
): Promise<z.infer<typeof taskResult>> {
  const reporter: Reporter = progressReporter();
  const answer = await inStep(reporter, title, (detail) =>
    runInOps(docker, stack, service, args, { onLine: detail }),
  );
  const result = parseAnswer(taskResult, answer, args.join(" "), stack);
  if (result.result !== undefined && result.result !== "ok") {
    throw new UserError(`${args[1]}: ${result.reason}`);
  }
  return result;
}

function parseAnswer<T>(schema: z.ZodType<T>, answer: unknown, what: string, stack: string): T {
  const parsed = schema.safeParse(answer);
  if (!parsed.success) {
    throw new UserError(
      `${what}: answered something unexpected: its image and this checkout differ, run ./fitnesscrm up --stack ${stack}`,
    );
  }
  return parsed.data;
}

function print(json: boolean | undefined, value: unknown, text: () => string): void {
  process.stdout.write(`${json ? JSON.stringify(value, null, 2) : text()}\n`);
}

/** A table for a person, newest first. */
export function formatBackups(backups: readonly BackupEntry[], stack: string, now: Date): string {
  if (backups.length === 0) {
    return `Stack ${stack} has no backup yet: ./fitnesscrm backup makes one.`;
  }
  const yesNo = (value: boolean): string => (value ? "yes" : "no");
  const rows = backups.map((entry) => [
    entry.id,
    ageOf(entry.createdAt, now),
    formatBytes(entry.bytes),
    entry.label ?? "",
    yesNo(entry.local),
    yesNo(entry.s3),
    entry.verifiedAt === null ? "no" : `${ageOf(entry.verifiedAt, now)} ago`,
  ]);
  const head = ["ID", "AGE", "SIZE", "LABEL", "LOCAL", "S3", "VERIFIED"];
  return columns([head, ...rows], [false, true, true, false, false, false, false]).join("\n");
}

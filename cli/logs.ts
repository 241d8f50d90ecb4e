import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { UserError } from "./errors";
import type { Session } from "./session";

/** Prints the logs of one service, or of all of them with each line's service before it. */
export async function showLogs(
  { docker, context }: Session,
  service: string | undefined,
  options: { follow?: boolean; tail: string },
): Promise<void> {
  if (!/^(\d+|all)$/.test(options.tail)) {
    throw new UserError(`--tail ${options.tail}: must be a number of lines, or all`, 2);
  }
  const services =
    service === undefined
      ? await docker.services(context.stack)
      : [await docker.service(context.stack, service)];
  if (services.length === 0) {
    throw new UserError(`stack ${context.stack} has no services: run ./fitnesscrm up`);
  }
  const width = Math.max(...services.map((each) => each.service.length));
  const codes = await Promise.all(
    services.map((each) =>
      follow(
        [
          "service",
          "logs",
          "--raw",
          "--tail",
          options.tail,
          ...(options.follow ? ["--follow"] : []),
          each.name,
        ],
        docker.environment,
        services.length === 1 ? "" : `${each.service.padEnd(width)} | `,
      ),
    ),
  );
  if (codes.some((code) => code !== 0)) {
    throw new UserError("logs: the engine ended the stream: what it said stands above");
  }
}

function follow(args: string[], env: NodeJS.ProcessEnv, prefix: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn("docker", args, { env, stdio: ["ignore", "pipe", "pipe"] });
    const lines = [child.stdout, child.stderr].map(
      (input) =>
        new Promise<void>((done) => {
          createInterface({ input })
            .on("line", (line) => process.stdout.write(`${prefix}${line}\n`))
            .on("close", done);
        }),
    );
    child.on("error", reject);
    child.on("close", (code) => void Promise.all(lines).then(() => resolve(code ?? 1)));
  });
}

import { UserError } from "../errors";
import { secretAges } from "../rotation/plan";
import { inStep, openSession, progressReporter, type Session } from "../session";
import { formatScan } from "./format";
import { lookAtImages, stackImages } from "./look";
import { judge, type SecurityScan } from "./model";
import { lookAtNpm } from "./npm";

/**
 * `./fitnesscrm security scan`: packages of each image against the fixes that its own archives have, npm packages against the registry's
 * list, and secrets against their limit of age. Exit code 1 when something is to be done, or when an archive is away. Changes nothing.
 */
export async function showScan({ stack, json }: { stack: string; json?: boolean }): Promise<void> {
  const scan = await scanStack(openSession(stack));
  process.stdout.write(`${json ? JSON.stringify(scan, null, 2) : formatScan(scan)}\n`);
  if (!scan.passed) {
    process.exitCode = 1;
  }
}

async function scanStack({ context, config, docker }: Session): Promise<SecurityScan> {
  const { stack } = context;
  const problem = await docker.problem();
  if (problem !== undefined) {
    throw new UserError(`security scan: ${problem}`);
  }
  const images = await stackImages(docker, stack);
  const reporter = progressReporter();
  const [looked, npm] = await Promise.all([
    inStep(reporter, "packages of images", (detail) => lookAtImages(docker, stack, images, detail)),
    inStep(reporter, "npm packages", lookAtNpm),
  ]);
  const secrets = secretAges(config, new Date()).filter(({ overLimit }) => overLimit);
  return judge({ stack, images: looked, npm, secrets });
}

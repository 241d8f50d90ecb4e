import { createInterface } from "node:readline/promises";
import type { Pin } from "../../config";
import { deployer } from "../deploy/environment";
import { servingImages } from "../deploy/serving";
import { UserError } from "../errors";
import { momentOf } from "../restore/plan";
import { formatSummary, type RestoreSummary } from "../restore/report";
import { inStep, openSession, progressReporter, type Session } from "../session";
import { applyRelease } from "./apply";
import { chooseTarget } from "./choose";
import { requireBackup, restoreDatabase } from "./database";
import { describeRollback, settingsFor, settingsOf } from "./difference";
import { openHistory } from "./history";
import { type ImagePlan, planImages, rebuildImages } from "./images";
import { releasesIn } from "./list";

export interface RollbackOptions {
  stack: string;
  to?: string;
  restoreDatabase?: boolean;
  yes?: boolean;
  json?: boolean;
}

/** What a rollback has done, as `--json` prints it. */
interface RollbackReport {
  stack: string;
  /** Numbers of releases in the state's history. */
  from: number;
  to: number;
  commit: string | null;
  images: Pin["images"];
  /** Services whose image was gone and was built again. */
  rebuilt: string[];
  /** null where the database stayed. */
  restored: RestoreSummary | null;
  seconds: number;
}

/** `./fitnesscrm rollback` (M20, M21). Looks at everything first: what cannot be done to its end is not begun. */
export async function rollback(options: RollbackOptions): Promise<void> {
  const to = parseVersion(options.to);
  if (!options.yes && !process.stdin.isTTY) {
    throw new UserError(
      `rollback of stack ${options.stack}: needs an answer and there is no terminal to ask on: add --yes`,
      2,
    );
  }
  const started = performance.now();
  const session = openSession(options.stack, { builds: true });
  const { context, config, docker, pulumi } = session;
  const { stack } = context;
  const problem = await docker.problem();
  if (problem !== undefined) {
    throw new UserError(`rollback: ${problem}: start it and run this again; nothing was changed`);
  }
  const serving = await servingImages(docker, stack);
  const choice = await chooseTarget(releasesIn(await openHistory(pulumi)), to, serving, stack);
  const { live, target } = choice;
  const kept = serving.nginx ?? live.release.images.nginx;
  const plan = await planImages(docker, target.release, kept, config);
  const backup = options.restoreDatabase ? await requireBackup(session, choice) : undefined;

  const today = settingsOf(config);
  const text = describeRollback(stack, choice, plan, { serving, today, backup, now: new Date() });
  process.stderr.write(`${text}\n\n`);
  if (!options.yes && !(await isConfirmed(`Roll back stack ${stack} to release ${target.version}?`))) {
    process.stderr.write("rollback: nothing was changed\n");
    return;
  }

  const pin: Pin = {
    version: target.version,
    commit: target.release.commit,
    images: await rebuild(session, plan),
    app: settingsFor(target.release, today),
    by: deployer(process.env),
    // Not an ISO time: YAML would take it for a timestamp, and the program get another text than the launcher.
    at: momentOf(new Date().toISOString()),
  };
  await applyRelease(session, choice, pin);
  const restored = backup === undefined ? undefined : await restoreDatabase(stack, backup, target.version);
  print(options, {
    stack,
    from: live.version,
    to: target.version,
    commit: pin.commit,
    images: pin.images,
    rebuilt: plan.rebuild.map(({ service }) => service),
    restored: restored ?? null,
    seconds: (performance.now() - started) / 1000,
  });
}

function parseVersion(to: string | undefined): number | undefined {
  if (to !== undefined && !/^[1-9]\d{0,8}$/.test(to)) {
    throw new UserError(
      `--to ${to}: must be the number of a release, such as 12: ./fitnesscrm releases lists them`,
      2,
    );
  }
  return to === undefined ? undefined : Number(to);
}

async function isConfirmed(question: string): Promise<boolean> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  try {
    return /^y(es)?$/i.test((await terminal.question(`${question} [y/N] `)).trim());
  } finally {
    terminal.close();
  }
}

async function rebuild({ docker, context }: Session, plan: ImagePlan): Promise<Pin["images"]> {
  if (plan.rebuild.length === 0) {
    return plan.images;
  }
  return inStep(
    progressReporter(),
    "images that are gone",
    (detail) => rebuildImages(docker, context.stack, plan, detail),
    () => plan.rebuild.map(({ service, commit }) => `${service} from ${commit.slice(0, 12)}`).join(", "),
  );
}

function print(options: RollbackOptions, report: RollbackReport): void {
  if (options.json) {
    process.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
    return;
  }
  const option = report.stack === "local" ? "" : ` --stack ${report.stack}`;
  const lines = [
    `Stack ${report.stack} runs release ${report.to} again after ${report.seconds.toFixed(1)} s.`,
    ...(report.restored === null ? [] : ["", formatSummary(report.restored)]),
    "",
    `It is pinned: ./fitnesscrm up is refused until ./fitnesscrm unpin${option}.`,
  ];
  process.stdout.write(`${lines.join("\n")}\n`);
}

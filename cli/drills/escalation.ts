import { join } from "node:path";
import { alarmName, escalationName, escalationSteps } from "../../alarmCatalogue";
import { ESCALATION_STEPS, type EscalationStep } from "../../manual";
import { PROJECT_FOLDER } from "../context";
import { runChecked } from "../exec";
import { type Drill, drillOf } from "./catalogue";
import { CAUSES } from "./causes/causes";
import { type ChainResult, judgeChain } from "./chain";
import { Mailbox } from "./mailbox";
import { recipientsAt } from "./pages";
import { type DrillStage, pageLimitSeconds } from "./stage";
import { until, watchedOf } from "./watch";

/** Of the most severe alarms: the CEO is its last step. */
const CRITICAL = drillOf("service-down");
/** Of a lesser one: the chain ends before the CEO. */
const LESSER = drillOf("disk");
/** Of a lesser one that somebody responds to at once. */
const ACKNOWLEDGED = drillOf("memory");

/** What a step is waited for beyond its time: an evaluation more, its mail, and a busy machine. */
const PATIENCE_SECONDS = 60;
const RECOVERY_SECONDS = 180;

export { formatChain } from "./chain";

/**
 * `./fitnesscrm drill escalation` (M59, M61): three alarms at once whose causes stay. Nobody responds to two of them, of which the
 * manager and the CTO have to hear in turn, and the CEO of the critical one alone; the third is acknowledged, so that nobody may.
 */
export async function drillChain(stage: DrillStage): Promise<ChainResult> {
  const begun = new Date();
  const mailbox = new Mailbox(stage.mailboxUrl, begun);
  const step = stage.reporter.step(
    `drill escalation: ${CRITICAL.name} and ${LESSER.name} that nobody responds to, ${ACKNOWLEDGED.name} that somebody does`,
  );
  const drills = [CRITICAL, LESSER, ACKNOWLEDGED];
  try {
    try {
      await makeCauses(stage, drills);
      step.detail("waiting for the pages to on-call");
      // Somebody responds the moment that they are paged, whatever the others do.
      const paged = drills.map(async (each) => {
        await onCallHears(stage, mailbox, each);
        if (each === ACKNOWLEDGED) {
          await acknowledge(stage, each);
        }
      });
      await Promise.allSettled(paged);
      await Promise.all(paged);
      await chainHears(stage, mailbox, step.detail);
    } finally {
      step.detail("the causes are removed");
      await removeCauses(stage, drills);
    }
    await untilOver(stage, mailbox, drills, step.detail);
    const result = judgeChain(
      {
        stack: stage.stack,
        respondSeconds: stage.config.alarms.respondSeconds,
        contacts: stage.config.contacts,
        alarms: {
          critical: watchedOf(stage, CRITICAL),
          lesser: watchedOf(stage, LESSER),
          acknowledged: watchedOf(stage, ACKNOWLEDGED),
        },
      },
      await mailbox.pages(),
    );
    if (result.faults.length > 0) {
      step.fail(result.faults.join("; "));
    } else {
      step.done("every step heard in its order");
    }
    return result;
  } catch (error) {
    step.fail(stage.signal.aborted ? "interrupted" : "see below");
    throw error;
  }
}

async function makeCauses(
  { stack, config, docker, signal }: DrillStage,
  drills: readonly Drill[],
): Promise<void> {
  const begun = drills.map(({ name }) =>
    CAUSES[name].begin({ stack, config, docker, signal, load: undefined }),
  );
  // None is still being made when the first has failed and all are removed.
  await Promise.allSettled(begun);
  await Promise.all(begun);
}

async function removeCauses({ stack, config, docker }: DrillStage, drills: readonly Drill[]): Promise<void> {
  await Promise.allSettled(drills.map(({ name }) => CAUSES[name].remove({ stack, config, docker })));
}

type Detail = (text: string) => void;

async function onCallHears(stage: DrillStage, mailbox: Mailbox, drill: Drill): Promise<void> {
  const watched = watchedOf(stage, drill);
  await until(
    `page of ${drill.name} to on-call`,
    pageLimitSeconds(watched) + PATIENCE_SECONDS,
    stage.signal,
    async () => {
      const own = (await mailbox.pages()).filter(
        ({ alarm, state }) => alarm === watched.fullName && state === "ALARM",
      );
      const due = recipientsAt(watched.severity, own[0]?.changedAt ?? new Date(), stage.config);
      return due.every((address) => own.some(({ to }) => to === address)) || undefined;
    },
    () => "no mail of it arrived",
  );
}

/** As somebody does who is paged: by the command. */
async function acknowledge({ stack }: DrillStage, { alarm }: Drill): Promise<void> {
  const ack = ["ack", alarm, "--stack", stack, "--by", "fire drill"];
  await runChecked(`./fitnesscrm ${ack.join(" ")}`, join(PROJECT_FOLDER, "fitnesscrm"), ack);
}

async function chainHears(stage: DrillStage, mailbox: Mailbox, detail: Detail): Promise<void> {
  const { critical, other } = stage.config.alarms.respondSeconds;
  const due: [Drill, EscalationStep, number][] = ESCALATION_STEPS.flatMap((step) => [
    [CRITICAL, step, critical] as [Drill, EscalationStep, number],
    ...(escalationSteps(watchedOf(stage, LESSER).severity).includes(step)
      ? [[LESSER, step, other] as [Drill, EscalationStep, number]]
      : []),
  ]);
  for (const [{ name, alarm }, step, seconds] of due) {
    detail(`waiting for the ${step} to hear of ${name}`);
    const fullName = escalationName(stage.stack, alarm, step);
    await until(
      `page of ${name} to the ${step}`,
      seconds + PATIENCE_SECONDS,
      stage.signal,
      async () => {
        const pages = await mailbox.pages();
        return pages.some((page) => page.alarm === fullName && page.state === "ALARM") || undefined;
      },
      () => `no mail of ${fullName} arrived`,
    );
  }
  // Long enough for the steps that must not hear: the CEO of the lesser one, everybody of the acknowledged one.
  const extra = other + watchedOf(stage, LESSER).evaluationSeconds;
  detail(`waiting ${extra} s for mails that must not come`);
  const end = Date.now() + extra * 1000;
  await until(
    "the time to pass",
    extra + PATIENCE_SECONDS,
    stage.signal,
    async () => Date.now() > end || undefined,
    () => "",
  );
}

async function untilOver(
  stage: DrillStage,
  mailbox: Mailbox,
  drills: readonly Drill[],
  detail: Detail,
): Promise<void> {
  for (const each of drills) {
    const fullName = alarmName(stage.stack, each.alarm);
    detail(`waiting for ${each.name} to be over`);
    await until(
      `mail that ${each.name} is over`,
      RECOVERY_SECONDS,
      stage.signal,
      async () =>
        (await mailbox.pages()).some(({ alarm, state }) => alarm === fullName && state === "OK") || undefined,
      () => `no mail of ${fullName} with OK arrived`,
    );
  }
}

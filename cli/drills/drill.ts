import { messageOf, UserError } from "../errors";
import type { Drill } from "./catalogue";
import { CAUSES } from "./causes/causes";
import { DrillLoad, loadRate } from "./load";
import { Mailbox } from "./mailbox";
import { type Delivery, judgeDelivery, type Page, recipientsAt } from "./pages";
import { consequencesOf, type DrillResult, failed, otherPagesOf } from "./result";
import { type DrillStage, pageLimitSeconds, type Watched } from "./stage";
import { alarmNow, until, watchedOf } from "./watch";

/** How long an alarm may still be on because of what went before, seconds. */
const QUIET_SECONDS = 120;
/** What is waited for beyond the limit, so that a late page is told from none. */
const PATIENCE_SECONDS = 60;
/** A service that was stopped has to start before its alarm can be over. */
const RECOVERY_SECONDS = 120;

/** Runs one drill from its cause to the word that it is over. Never throws but for an interrupt: whatever went wrong is its result. */
export async function runDrill(
  stage: DrillStage,
  drill: Drill,
  together: readonly Drill[],
): Promise<DrillResult> {
  const watched = watchedOf(stage, drill);
  const step = stage.reporter.step(`drill ${drill.name}: ${drill.cause}`);
  try {
    const result = await new Run(stage, drill, watched, together, (text) => step.detail(text)).run();
    if (result.verdict === "failed") {
      step.fail(result.reason ?? "");
    } else {
      step.done(`paged ${result.pagedTo.join(", ")} after ${result.causeToPageSeconds?.toFixed(1)} s`);
    }
    return result;
  } catch (error) {
    step.fail(messageOf(error));
    stage.signal.throwIfAborted();
    return failed(drill, watched, messageOf(error));
  }
}

class Run {
  private readonly begun = new Date();
  private readonly mailbox: Mailbox;
  /** What was seen last, for whoever waits and for the reason of a failure. */
  private state = "not known";
  private pages: Page[] = [];

  constructor(
    private readonly stage: DrillStage,
    private readonly drill: Drill,
    private readonly watched: Watched,
    private readonly together: readonly Drill[],
    private readonly detail: (text: string) => void,
  ) {
    this.mailbox = new Mailbox(stage.mailboxUrl, this.begun);
  }

  async run(): Promise<DrillResult> {
    await this.untilQuiet();
    const { page, causedAt } = await this.makeAndAwait();
    this.detail("the cause is removed");
    const over = await this.delivered("OK", RECOVERY_SECONDS + 2 * this.watched.evaluationSeconds, causedAt);
    return this.judge(causedAt, page, over);
  }

  private async untilQuiet(): Promise<void> {
    const now = await until(
      `alarm ${this.watched.name} to be over from before`,
      QUIET_SECONDS,
      this.stage.signal,
      async () => {
        const current = await alarmNow(this.stage, this.watched);
        this.see(current.state);
        return current.state === "ALARM" ? undefined : current;
      },
      () => `it is in ${this.state}: see ./fitnesscrm alarms --stack ${this.stage.stack}`,
    );
    if (!now.pages) {
      throw new UserError(
        `alarm ${this.watched.name} pages nobody, its actions are disabled: run ./fitnesscrm up --stack ${this.stage.stack}`,
      );
    }
  }

  /** The cause is gone when this ends, in whatever way. */
  private async makeAndAwait(): Promise<{ page: Delivery; causedAt: Date }> {
    const { stack, config, docker, signal } = this.stage;
    const cause = CAUSES[this.drill.name];
    const load = this.drill.load ? new DrillLoad(config.http.port, loadRate(config.alarms)) : undefined;
    try {
      this.detail("making the cause");
      await cause.begin({ stack, config, docker, load, signal });
      const causedAt = new Date();
      const limit = pageLimitSeconds(this.watched) + PATIENCE_SECONDS;
      return { page: await this.delivered("ALARM", limit, this.begun), causedAt };
    } finally {
      await cause.remove({ stack, config, docker });
      load?.stop();
    }
  }

  /** Waits until everybody who has to hear of a state has. */
  private delivered(state: "ALARM" | "OK", limitSeconds: number, from: Date): Promise<Delivery> {
    return until(
      `mail of ${state} to everybody who has to hear`,
      limitSeconds,
      this.stage.signal,
      async () => {
        this.see((await alarmNow(this.stage, this.watched)).state);
        this.pages = await this.mailbox.pages();
        const delivery = this.judgeState(state, from);
        return delivery.missing.length === 0 ? delivery : undefined;
      },
      () =>
        `the alarm is in ${this.state}; no mail to ${this.judgeState(state, from).missing.join(", ")}; ` +
        `mails: ${this.pages.map((page) => `${page.alarm} ${page.state} to ${page.to}`).join(", ") || "none"}`,
    );
  }

  private judgeState(state: "ALARM" | "OK", from: Date): Delivery {
    const own = this.pages.filter(
      (page) => page.alarm === this.watched.fullName && page.state === state && page.changedAt >= from,
    );
    return judgeDelivery(own, (at) => recipientsAt(this.watched.severity, at, this.stage.config), new Date());
  }

  private see(state: string): void {
    this.state = state;
    this.detail(`the alarm is in ${state}, ${this.pages.length} mails`);
  }

  private judge(causedAt: Date, page: Delivery, over: Delivery): DrillResult {
    const { stack } = this.stage;
    const drilled = this.together.map((each) => watchedOf(this.stage, each).fullName);
    const otherPages = otherPagesOf(this.pages, drilled, this.begun);
    // Once more, with what came while the end was waited for.
    const { wrong, twice } = this.judgeState("ALARM", this.begun);
    const consequences = consequencesOf(otherPages, stack);
    const faults = [
      ...wrong.map((address) => `${address} was paged and is not on call`),
      ...twice.map((address) => `${address} was paged more than once`),
      ...over.wrong.map((address) => `${address} was told of the end and is not on call`),
      ...consequences.map((other) => `the one cause paged ${other}`),
    ];
    const seconds = (from: Date | undefined, to: Date | undefined): number | null =>
      from === undefined || to === undefined ? null : (to.getTime() - from.getTime()) / 1000;
    const causeToPageSeconds = seconds(causedAt, page.completeAt);
    const limitSeconds = pageLimitSeconds(this.watched);
    const late = (causeToPageSeconds ?? 0) > limitSeconds;
    return {
      ...failed(this.drill, this.watched, ""),
      verdict: faults.length > 0 ? "failed" : late ? "late" : "passed",
      reason: faults.length > 0 ? faults.join("; ") : undefined,
      causeToPageSeconds,
      pageToOkSeconds: seconds(page.completeAt, over.completeAt),
      pagedTo: recipientsOf(this.pages, this.watched.fullName, this.begun),
      otherPages,
    };
  }
}

function recipientsOf(pages: readonly Page[], alarm: string, from: Date): string[] {
  return [
    ...new Set(
      pages
        .filter((page) => page.alarm === alarm && page.state === "ALARM" && page.changedAt >= from)
        .map(({ to }) => to),
    ),
  ];
}

import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { CreateTopicCommand, PublishCommand, SNSClient } from "@aws-sdk/client-sns";
import type { Browser } from "playwright-core";
import { topicName } from "../../alarmCatalogue";
import { Mailbox } from "../../cli/drills/mailbox";
import type { WindowOverview } from "../../cli/window";
import { nextWindow } from "../../maintenanceWindow";
import { MANUAL } from "../../manual";
import { RENEW_DAYS } from "../../ops/certificates/certificate";
import { noticeText } from "../../ops/pages/notice";
import type { TaskRecord } from "../../ops/tasks/records";
import { violations } from "../support/accessibility";
import { openBrowser } from "../support/browser";
import { ADMIN_EMAIL } from "./support/app";
import { ServiceClock } from "./support/clock";
import { containersOf, docker, sql } from "./support/docker";
import { mustOnStack, PORTS, STACK } from "./support/launcher";
import { listMails, mailsTo, newestMail } from "./support/mails";
import { type Moment, monthAfter, type Run, TASKS_OF_THE_MONTH } from "./support/month";
import { PublicStack } from "./support/publicStack";
import { waitFor } from "./support/wait";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const HANDOFFS = 4;
const RECORDS = { ops: "/backups/.records", restore: "/var/lib/restore/.records" };
/** Days of the month after which the certificate has to be renewed. */
const CERTIFICATE_DAYS = 10;
/** Where pictures of what people see are put, for whoever wants to look at them. */
const PICTURES = process.env.FITNESSCRM_PICTURES;

const SUBJECTS: Readonly<Record<string, string>> = {
  "report-morning": "Morning report",
  "report-security": "Security report",
  "report-errors": "Errors of the week",
  "report-tables": "Tables and indexes",
  "report-performance": "Performance of the week",
};

describe("a month of the operations calendar, on a stack whose clock is set from moment to moment", function () {
  this.timeout(3_600_000);
  const month = monthAfter(new Date());
  const { window } = month;
  const noticeAt = new Date(window.from.getTime() - MANUAL.maintenanceWindow.noticeHours * HOUR);
  const pending = [...month.moments];
  let stack: PublicStack;
  let clock: ServiceClock;
  let browser: Browser;

  before(async () => {
    const ahead = Math.ceil((month.from.getTime() - Date.now()) / DAY);
    stack = await PublicStack.up(ahead + CERTIFICATE_DAYS + RENEW_DAYS);
    // From now on it gives certificates that outlast the month.
    await stack.certifyFor(365);
    const declared = JSON.parse((await mustOnStack("tasks", "--json")).stdout) as { name: string }[];
    assert.deepEqual(declared.map(({ name }) => name).sort(), [...TASKS_OF_THE_MONTH].sort());
    browser = await openBrowser(...stack.browserOptions);
    clock = await ServiceClock.of(["db", "ops", "restore"]);
    clock.set(month.from);
  });

  after(async () => {
    await browser?.close();
    clock?.remove();
    await stack?.leave();
  });

  async function records(): Promise<TaskRecord[]> {
    const texts = await Promise.all(
      Object.entries(RECORDS).map(async ([service, folder]) => {
        const [container] = await containersOf(service);
        return docker("exec", container ?? service, "sh", "-c", `cat ${folder}/*.jsonl 2>/dev/null || true`);
      }),
    );
    return texts
      .join("\n")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line) as TaskRecord);
  }

  const isOf =
    ({ task, at }: Run) =>
    (record: TaskRecord): boolean =>
      record.task === task && Date.parse(record.scheduledFor ?? "") === at.getTime();

  /** Sets the clock to a moment, and waits until all that it is the time of has run. */
  async function live({ at, runs }: Moment): Promise<void> {
    clock.set(at);
    await waitFor(
      `${runs.map(({ task }) => task).join(", ")} of ${at.toISOString()}`,
      async () => {
        const found = await records();
        return runs.every((run) => found.some(isOf(run)));
      },
      240,
    );
  }

  /** Lives through all moments up to one, and its own. */
  async function liveUntil(end: Date): Promise<void> {
    for (let next = pending[0]; next !== undefined && next.at <= end; next = pending[0]) {
      await live(next);
      pending.shift();
    }
  }

  /** Looks at a page as people do: on a screen, and on a phone in the dark; with nothing that axe finds wrong. */
  async function look(name: string, open: (page: Awaited<ReturnType<Browser["newPage"]>>) => Promise<void>) {
    for (const [device, viewport, colorScheme] of [
      ["screen", { width: 1280, height: 800 }, "light"],
      ["phone", { width: 390, height: 844 }, "dark"],
    ] as const) {
      const page = await browser.newPage({ viewport, colorScheme, ignoreHTTPSErrors: true });
      await open(page);
      const wide = await page.evaluate<number>("document.documentElement.scrollWidth - window.innerWidth");
      assert.ok(wide <= 0, `${name} is ${wide} pixels wider than a ${device}`);
      if (PICTURES !== undefined) {
        mkdirSync(PICTURES, { recursive: true });
        await page.screenshot({ path: join(PICTURES, `${name}-${device}.png`), fullPage: true });
      }
      await page.close();
    }
  }

  const pageText = async (path: string): Promise<string> => (await stack.ask(path)).body;

  it("begins with days on which backups are made and reports come, and users are told 48 hours before the window", async () => {
    await liveUntil(new Date(noticeAt.getTime() - 1));
    const banner = noticeText({ state: "ahead", window }, MANUAL.timeZone);
    assert.ok(!(await pageText("/")).includes(banner), "the banner is there too early");
    assert.deepEqual(await mailsTo(ADMIN_EMAIL, "Planned maintenance: Sunday, "), []);

    await liveUntil(new Date(noticeAt.getTime() + 60_000));
    await waitFor("the banner", async () => (await pageText("/")).includes(banner));
    await waitFor("the status page to tell of it", async () =>
      /Notice by mail<\/dt><dd>Sent /.test(await pageText("/status")),
    );
    const [mail, ...more] = await waitFor("the notice by mail", async () => {
      const mails = await mailsTo(ADMIN_EMAIL, "Planned maintenance: Sunday, ");
      return mails.length > 0 && mails;
    });
    assert.deepEqual(more, []);
    assert.match(mail?.text ?? "", /02:00–04:00 E[SD]T/);
    await look("banner", async (page) => {
      await page.goto(stack.url, { waitUntil: "networkidle" });
      await page.getByRole("complementary", { name: "Maintenance" }).waitFor();
    });
    await look("status-before-window", async (page) => {
      await page.goto(`${stack.url}/status`);
      assert.deepEqual(await violations(page), []);
    });
  });

  it("has its window on the first Sunday at 02:00, in which every step is done, and takes the notices back", async () => {
    await liveUntil(window.to);
    const { last } = JSON.parse((await mustOnStack("window", "--json")).stdout) as WindowOverview;
    assert.deepEqual(
      [last?.state, last?.rehearsal, last?.window.from],
      ["done", false, window.from.toISOString()],
    );
    for (const { name, result } of last?.steps ?? []) {
      assert.ok(["passed", "skipped"].includes(result ?? "none"), `${name}: ${result}`);
    }
    assert.equal(last?.steps.find(({ name }) => name === "notices")?.result, "passed");
    await waitFor(
      "the banner to go",
      async () => !/Planned maintenance|Under maintenance/.test(await pageText("/")),
    );
    await waitFor("the page to say so", async () => /Last window/.test(await pageText("/status")));
  });

  it("goes on to its end", async () => {
    await liveUntil(new Date(month.from.getTime() + month.days * 24 * HOUR));
    assert.deepEqual(pending, []);
  });

  it("ran every task at its times, once, and each did what it is for", async () => {
    const found = await records();
    const since = month.from.getTime();
    const text = (task: string, at: string): string => `${task} ${at}`;
    const scheduled = found.filter(({ scheduledFor }) => Date.parse(scheduledFor ?? "") >= since);
    assert.deepEqual(
      scheduled.map(({ task, scheduledFor }) => text(task, scheduledFor ?? "")).sort(),
      month.runs.map(({ task, at }) => text(task, at.toISOString())).sort(),
    );
    assert.deepEqual(
      scheduled.filter(({ result }) => result !== "ok").map(({ task, reason }) => `${task}: ${reason}`),
      [],
    );
    const drill = scheduled.find(({ task }) => task === "restore-drill");
    const restored = String(drill?.details?.id ?? "");
    // The backup of two and a half hours before.
    assert.equal(restored.slice(0, 8), drill?.scheduledFor?.slice(0, 10).replaceAll("-", ""));
  });

  it("looked at the certificate each day, and had another one 30 days before it ended, which is served", async () => {
    const looks = (await records())
      .filter(({ task, scheduledFor }) => task === "certificates" && scheduledFor !== undefined)
      .filter(({ scheduledFor }) => Date.parse(scheduledFor ?? "") >= month.from.getTime())
      .sort((a, b) => ((a.scheduledFor ?? "") < (b.scheduledFor ?? "") ? -1 : 1));
    const renewals = looks.filter(({ reason }) => reason.includes(" is new and good for "));
    assert.equal(renewals.length, 1, looks.map(({ reason }) => reason).join());
    const before = looks.slice(0, looks.indexOf(renewals[0] ?? assert.fail()));
    assert.deepEqual(
      before.map(({ reason }) => Number(/ is good for (\d+) days$/.exec(reason)?.[1])),
      before.map((_, index) => RENEW_DAYS + before.length - 1 - index),
    );
    const { certificate } = await stack.ask("/");
    assert.equal(new Date(certificate.valid_to).toISOString(), renewals[0]?.details?.until);
  });

  it("sent each report to its mailbox as often as its day came", async () => {
    for (const [task, title] of Object.entries(SUBJECTS)) {
      const wanted = month.runs.filter((run) => run.task === task).length;
      const mails = await listMails(title);
      // One that was due before the month, when the clock was set to it, is a day that was missed.
      assert.ok(
        [wanted, wanted + 1].includes(mails.length),
        `${title}: ${mails.length} mails, ${wanted} days`,
      );
      const newest = await newestMail(title);
      assert.doesNotMatch(newest?.text ?? "", /could not be made/);
      await look(task, (page) => page.setContent(newest?.html ?? ""));
    }
  });

  it("keeps backups of 30 days on the machine, and all of them in the bucket", async () => {
    const backups = JSON.parse((await mustOnStack("backups", "--json")).stdout) as {
      createdAt: string;
      local: boolean;
      s3: boolean;
    }[];
    const ageInDays = ({ createdAt }: { createdAt: string }): number =>
      (clock.now().getTime() - Date.parse(createdAt)) / (24 * HOUR);
    assert.ok(backups.length >= month.days);
    assert.deepEqual(
      backups.filter(({ s3 }) => !s3),
      [],
    );
    assert.ok(backups.some((backup) => ageInDays(backup) > MANUAL.backup.retentionDaysLocal));
    assert.deepEqual(
      backups.filter((backup) => backup.local && ageInDays(backup) > MANUAL.backup.retentionDaysLocal + 1),
      [],
    );
  });

  it("hands over on Fridays at 17:00: what happens before and after reaches the mailbox of who is on call then", async () => {
    const aws = new SNSClient({
      region: "us-east-1",
      endpoint: `http://127.0.0.1:${PORTS.aws}`,
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
    try {
      // A topic that exists is found, not made.
      const { TopicArn } = await aws.send(new CreateTopicCommand({ Name: topicName(STACK, "P3") }));
      const mailbox = new Mailbox(`http://127.0.0.1:${PORTS.mailbox}`, new Date());
      const handoffs: Date[] = [];
      for (let at = new Date(); handoffs.length < HANDOFFS; ) {
        at = new Date((await onCall(at)).until);
        handoffs.push(at);
      }
      const moments = handoffs.flatMap((handoff) => [new Date(handoff.getTime() - 60_000), handoff]);
      const engineers: string[] = [];
      for (const [index, moment] of moments.entries()) {
        // As CloudWatch words it; the emulator's own clock cannot be set.
        const Message = JSON.stringify({
          AlarmName: `handoff-${index}`,
          NewStateValue: "ALARM",
          StateChangeTime: moment.toISOString().replace("Z", "+0000"),
        });
        await aws.send(new PublishCommand({ TopicArn, Message, Subject: `handoff ${index}` }));
        engineers.push((await onCall(moment)).engineer.email);
      }
      const pages = await waitFor("a page for each moment", async () => {
        const arrived = (await mailbox.pages()).filter(({ alarm }) => alarm.startsWith("handoff-"));
        return arrived.length >= moments.length && arrived;
      });
      assert.deepEqual(
        pages.map(({ alarm, to }) => `${alarm} to ${to}`).sort(),
        engineers.map((email, index) => `handoff-${index} to ${email}`).sort(),
      );
      // Two engineers take turns: each handoff changes who is paged.
      for (const index of handoffs.keys()) {
        assert.notEqual(engineers[2 * index], engineers[2 * index + 1]);
      }
    } finally {
      aws.destroy();
    }
  });

  it("goes on with the window of the month after where ops is killed in it, and begins no step twice", async () => {
    const after = nextWindow(month.window.to, MANUAL.timeZone);
    // What VACUUM waits for and a dump does not.
    const held = sql("BEGIN; LOCK TABLE clients IN SHARE UPDATE EXCLUSIVE MODE; SELECT pg_sleep(900)");
    const isOver = assert.rejects(held, /terminating connection/);
    clock.set(new Date(after.from.getTime() + 1_000));
    const journal = async (): Promise<WindowOverview["last"]> => {
      const { last } = JSON.parse((await mustOnStack("window", "--json")).stdout) as WindowOverview;
      return last?.window.from === after.from.toISOString() ? last : null;
    };
    const before = await waitFor(
      "the window to vacuum",
      async () => {
        const found = await journal();
        return found?.steps.some(({ name, result }) => name === "vacuum" && result === null) && found;
      },
      240,
    );
    const [ops = "ops"] = await containersOf("ops");
    await docker("kill", ops);
    await sql(
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'BEGIN; LOCK TABLE clients%'",
    );
    await isOver;

    const found = await waitFor(
      "the window to be done",
      async () => {
        const last = await journal();
        return last?.state === "done" && last.steps.some(({ name }) => name === "notices") && last;
      },
      240,
    );
    assert.deepEqual(
      found.steps.slice(0, before.steps.length - 1),
      before.steps.slice(0, -1),
      "what had ended is as it was",
    );
    const names = found.steps.map(({ name }) => name);
    assert.deepEqual(names, [...new Set(names)]);
    const vacuum = found.steps.find(({ name }) => name === "vacuum");
    assert.deepEqual(
      [vacuum?.result, vacuum?.startedAt, vacuum?.detail],
      ["failed", before.steps.at(-1)?.startedAt, "ops was stopped in it; it is not begun again"],
    );
    for (const { name, result } of found.steps.filter((step) => step !== vacuum)) {
      assert.ok(["passed", "skipped"].includes(result ?? "none"), `${name}: ${result}`);
    }
  });

  async function onCall(at: Date): Promise<{ engineer: { email: string }; until: string }> {
    const { stdout } = await mustOnStack("oncall", "--json", "--at", at.toISOString());
    return JSON.parse(stdout) as { engineer: { email: string }; until: string };
  }
});

import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import fc from "fast-check";
import { MANUAL } from "../../../../manual";
import { type Mail, MailError, Mailer } from "../../../../ops/mail/mailer";
import type { Clock } from "../../../../ops/tasks/clock";
import { TaskAbort } from "../../../../ops/tasks/runner";
import { Scheduler } from "../../../../ops/tasks/scheduler";
import { deliveriesFile, readAnnouncement } from "../../../../ops/window/announcement";
import { Deliveries } from "../../../../ops/window/deliveries";
import { type NoticeTask, noticeWork } from "../../../../ops/window/notify";
import { taskDefinitions } from "../../../../tasks";
import { TempFolders } from "../../../support/temp";
import { FakeClock, until } from "../tasks/fakeClock";

const ZONE = MANUAL.timeZone;
const NAME = "maintenance-notice";
const FROM = new Date("2026-12-06T07:00:00Z");
const DUE = new Date("2026-12-04T07:00:00Z");
const USERS = ["ada", "ben", "cleo", "dan", "eve", "fay"].map((name) => `${name}@example.com`);

/** A clock that whoever waits moves on. */
class QuickClock implements Clock {
  readonly waits: number[] = [];
  constructor(private wall: number) {}
  now(): Date {
    return new Date(this.wall);
  }
  after(milliseconds: number, callback: () => void): () => void {
    const timer = setImmediate(() => {
      this.waits.push(milliseconds);
      this.wall += milliseconds;
      callback();
    });
    return () => clearImmediate(timer);
  }
}

/** What becomes of a mail. `lost`: ops is killed while it is sent, before or after the service has taken it. */
type Outcome = "taken" | "refused" | "gone" | "killed before" | "killed after" | "stopped" | "overdue";

describe("the notice of a maintenance window by mail (M38)", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  interface Setup extends Partial<NoticeTask> {
    folder?: string;
    at?: Date;
    scheduledFor?: Date | null;
    outcome?: (address: string, attempt: number) => Outcome;
  }

  /** One start of ops. `killed` resolves when it is killed or has ended. */
  function start({
    folder = folders.create(),
    at = DUE,
    scheduledFor = DUE,
    outcome = () => "taken",
    ...more
  }: Setup = {}) {
    const clock = new QuickClock(at.getTime());
    const stop = new AbortController();
    const taken: Mail[] = [];
    const asked: string[] = [];
    const lines: string[] = [];
    let kill: () => void = () => undefined;
    const killed = new Promise<void>((resolve) => {
      kill = resolve;
    });
    const send = async (mail: Mail): Promise<void> => {
      const address = String(mail.to[0]);
      asked.push(address);
      const attempt = asked.filter((one) => one === address).length;
      const how = outcome(address, attempt);
      if (how === "taken" || how === "killed after") taken.push(mail);
      if (how === "killed before" || how === "killed after") {
        kill();
        await new Promise(() => undefined);
      }
      if (how === "stopped") {
        stop.abort(new TaskAbort("interrupted", "was stopped with its container"));
        throw new MailError(mail.to, "was stopped with its container");
      }
      if (how === "overdue") {
        stop.abort(new TaskAbort("failed", "took longer than its limit of 720 minutes"));
        throw new MailError(mail.to, "took longer");
      }
      if (how === "refused") throw new MailError(mail.to, "Email address is not verified");
      if (how === "gone") throw new MailError(mail.to, "connect ECONNREFUSED 127.0.0.1:4566");
    };
    const work = noticeWork({
      timeZone: ZONE,
      publicUrl: "https://crm.example.com",
      mail: true,
      folder,
      clock,
      users: async () => ({ addresses: USERS, unusable: 0 }),
      mailer: async () => ({ service: "Amazon SES in us-east-1", send }),
      ...more,
    });
    const result = work({ signal: stop.signal, log: (line) => lines.push(line), scheduledFor });
    const ended = result.then(
      () => undefined,
      () => undefined,
    );
    return {
      result,
      killed: Promise.race([killed, ended]),
      taken,
      asked,
      lines,
      clock,
      folder,
      record: () => readAnnouncement(folder, FROM),
    };
  }
  const addressesOf = (mails: readonly Mail[]): string[] => mails.flatMap(({ to }) => to);

  it("goes to every user in a mail of its own, and is on record as announced", async () => {
    const { result, taken, record, folder } = start();
    const { reason, details } = await result;
    assert.equal(reason, "6 of 6 users were told by mail");
    assert.deepEqual(details, { window: FROM.toISOString(), told: 6, of: 6 });
    assert.deepEqual(
      taken.map(({ to }) => to),
      USERS.map((address) => [address]),
    );
    for (const [index, { subject, text, html }] of taken.entries()) {
      for (const other of USERS.filter((_, at) => at !== index)) {
        assert.ok(![subject, text, html].join("\n").includes(other), "a user sees another one");
      }
    }
    const { state, mail, startedAt, told, of, clearedAt } = (await record()) ?? {};
    assert.deepEqual(
      { state, mail, startedAt, told, of, clearedAt },
      { state: "announced", mail: true, startedAt: DUE.toISOString(), told: 6, of: 6, clearedAt: null },
    );
    assert.doesNotMatch(await readFile(deliveriesFile(folder, FROM), "utf8"), /@|example/);
  });

  it("does not go out faster than the mail service takes it", async () => {
    const { result, clock } = start();
    await result;
    assert.deepEqual(clock.waits, Array(6).fill(200));
  });

  it("goes to nobody twice: a second run tells those who have come since", async () => {
    const { result, folder } = start();
    await result;
    const again = start({
      folder,
      users: async () => ({ addresses: [...USERS, "gus@example.com"], unusable: 2 }),
    });
    assert.equal((await again.result).reason, "7 of 7 users were told by mail, 2 without a usable address");
    assert.deepEqual(addressesOf(again.taken), ["gus@example.com"]);
  });

  for (const how of ["killed before", "killed after", "stopped"] as const) {
    for (const [index, unlucky] of USERS.entries()) {
      it(`is gone on with when ops was ${how} the mail to user ${index + 1} was taken`, async () => {
        const first = start({ outcome: (address) => (address === unlucky ? how : "taken") });
        first.result.catch(() => undefined);
        await first.killed;
        assert.equal((await first.record())?.state, "sending");
        const second = start({ folder: first.folder });
        assert.equal(
          (await second.result).reason,
          "5 of 6 users were told by mail, 1 may have been: ops was stopped while that mail was sent",
        );
        assert.deepEqual(second.asked, USERS.slice(index + 1));
        const all = addressesOf([...first.taken, ...second.taken]);
        assert.deepEqual(all, [...new Set(all)]);
        assert.equal((await second.record())?.startedAt, DUE.toISOString());
      });
    }
  }

  it("goes to nobody twice and misses at most one user a kill, whatever happens in however many runs", async () => {
    const outcome = fc.constantFrom<Outcome>(
      "taken",
      "refused",
      "gone",
      "killed before",
      "killed after",
      "stopped",
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(outcome, { minLength: 1, maxLength: 12 }), { maxLength: 5 }),
        async (runs) => {
          const folder = folders.create();
          const all: string[] = [];
          let cuts = 0;
          for (const outcomes of [...runs, []]) {
            let next = 0;
            const { result, killed, taken } = start({
              folder,
              outcome: () => {
                const how = outcomes[next++] ?? "taken";
                cuts += how.startsWith("killed") || how === "stopped" ? 1 : 0;
                return how;
              },
            });
            result.catch(() => undefined);
            await killed;
            all.push(...addressesOf(taken));
          }
          assert.deepEqual(all, [...new Set(all)]);
          assert.ok(all.length >= USERS.length - cuts, `${all.length} told, ${cuts} cuts`);
        },
      ),
      { numRuns: 60 },
    );
  });

  it("is tried again where the mail service is gone, then fails and names it, and no user; the next run tells all", async () => {
    const { result, asked, clock, record, folder } = start({ outcome: () => "gone" });
    await assert.rejects(
      result,
      new Error(
        "0 of 6 users were told by mail; Amazon SES in us-east-1 does not take mail: connect ECONNREFUSED 127.0.0.1:4566",
      ),
    );
    assert.deepEqual(
      asked,
      USERS.slice(0, 3).flatMap((address) => [address, address, address]),
    );
    assert.deepEqual(clock.waits.slice(0, 3), [5_000, 30_000, 200]);
    assert.equal((await record())?.state, "incomplete");
    assert.match((await record())?.reason ?? "", /ECONNREFUSED/);
    const again = start({ folder });
    await again.result;
    assert.deepEqual(addressesOf(again.taken), USERS);
    assert.equal((await again.record())?.state, "announced");
  });

  it("arrives where the mail service comes back in time", async () => {
    const { result, taken } = start({ outcome: (_address, attempt) => (attempt < 3 ? "gone" : "taken") });
    await result;
    assert.deepEqual(addressesOf(taken), USERS);
  });

  it("names a real mail service that is gone", async () => {
    const mailer = new Mailer({
      from: "crm@example.com",
      name: "FitnessCRM unit",
      region: "us-east-1",
      endpoint: "http://127.0.0.1:9",
      credentials: async () => ({ accessKeyId: "id", secretAccessKey: "planted-mail-key" }),
    });
    const { result } = start({
      mailer: async () => mailer,
      users: async () => ({ addresses: USERS.slice(0, 1), unusable: 0 }),
    });
    await assert.rejects(
      result,
      /^Error: 0 of 1 users were told by mail; Amazon SES in us-east-1 \(http:\/\/127\.0\.0\.1:9\) does not take mail: .*ECONNREFUSED/,
    );
  });

  it("goes to all others where one address is refused, and has failed", async () => {
    const { result, taken } = start({ outcome: (address) => (address === USERS[1] ? "refused" : "taken") });
    await assert.rejects(
      result,
      /^Error: 5 of 6 users were told by mail; .* does not take mail: Email address is not verified$/,
    );
    assert.equal(taken.length, 5);
  });

  it("that takes longer than the task may is incomplete, and says so", async () => {
    const { result, record } = start({ outcome: (address) => (address === USERS[2] ? "overdue" : "taken") });
    await assert.rejects(result);
    const { state, told, reason } = (await record()) ?? {};
    assert.deepEqual([state, told, reason], ["incomplete", 2, "took longer than its limit of 720 minutes"]);
  });

  it("is not sent by mail where the stack wants none, which is on record", async () => {
    const { result, asked, record } = start({ mail: false, users: () => Promise.reject(new Error("asked")) });
    assert.match((await result).reason, /^banner and status page tell of the window/);
    assert.deepEqual(asked, []);
    assert.equal((await record())?.state, "announced");
    assert.equal((await record())?.mail, false);
  });

  it("fails in one line where the application has no users to ask for, which is on record", async () => {
    const { result, record } = start({ users: () => Promise.reject(new Error("no table users")) });
    await assert.rejects(result, new Error("no table users"));
    assert.equal((await record())?.state, "incomplete");
    assert.equal((await record())?.reason, "no table users");
  });

  it("goes to nobody once the window has begun", async () => {
    const late = start({ at: FROM });
    await assert.rejects(late.result, /^Error: the window began before users could be told of it by mail$/);
    assert.deepEqual(late.asked, []);
    const during = start({ at: new Date(FROM.getTime() - 500) });
    await assert.rejects(during.result, /^Error: the window began when 3 of 6 users had been told$/);
    assert.equal(during.taken.length, 3);
  });

  it("is of the next window where an operator asks for it", async () => {
    const { result, taken, record } = start({ scheduledFor: null, at: new Date("2026-11-26T15:00:00Z") });
    await result;
    assert.equal(taken.length, 6);
    assert.equal((await record())?.state, "announced");
  });

  it("goes out 48 hours before the window by the calendar, and after a kill with the next start", async () => {
    const records = folders.create();
    const folder = folders.create();
    const lines: string[] = [];
    const mailed: string[] = [];
    const make = (clock: FakeClock, isStuck: boolean): Scheduler =>
      new Scheduler({
        definitions: taskDefinitions().filter(({ name }) => name === NAME),
        zone: ZONE,
        role: "ops",
        recordsFolder: records,
        works: {
          [NAME]: noticeWork({
            timeZone: ZONE,
            publicUrl: "https://crm.example.com",
            mail: true,
            folder,
            clock: new QuickClock(clock.now().getTime()),
            users: async () => ({ addresses: USERS, unusable: 0 }),
            mailer: async () => ({
              service: "SES",
              send: async ({ to }, signal) => {
                mailed.push(String(to[0]));
                if (isStuck && mailed.length === 3) {
                  await new Promise((_, reject) =>
                    signal.addEventListener("abort", () => reject(signal.reason)),
                  );
                }
              },
            }),
          }),
        },
        clock,
        log: (line) => lines.push(line),
      });
    const clock = FakeClock.at("2026-12-04T06:59:00Z");
    const first = make(clock, true);
    await first.start();
    assert.deepEqual(mailed, []);
    await clock.pass(61_000);
    await until(() => mailed.length === 3, "three mails");
    await first.stop();
    const second = make(FakeClock.at("2026-12-04T08:00:00Z"), false);
    await second.start();
    await until(() => lines.some((line) => line.startsWith(`${NAME}: ok: `)), lines.join("\n"));
    await second.stop();
    assert.deepEqual(mailed, USERS);
  });
});

describe("the deliveries of a notice", () => {
  const folders = new TempFolders();
  after(() => folders.remove());

  it("are read back, but for a line that a kill has cut short, behind which others go on", async () => {
    const file = deliveriesFile(folders.create(), FROM);
    const first = await Deliveries.open(file);
    await first.note("ada@example.com", "begun");
    await first.note("ada@example.com", "sent");
    await writeFile(file, '{"user":"00', { flag: "a" });
    const second = await Deliveries.open(file);
    assert.equal(second.of("ada@example.com"), "sent");
    assert.equal(second.of("ben@example.com"), undefined);
    await second.note("ben@example.com", "begun");
    const third = await Deliveries.open(file);
    assert.equal(third.of("ben@example.com"), "begun");
  });

  it("do not hide a volume that cannot be read", async () => {
    await assert.rejects(Deliveries.open(folders.create()), { code: "EISDIR" });
  });
});

import { nextWindow, type Window } from "../../maintenanceWindow";
import { reasonOf } from "../health";
import { type Mail, MailError } from "../mail/mailer";
import type { Clock } from "../tasks/clock";
import { TaskAbort, type TaskContext, type TaskWork } from "../tasks/runner";
import { type Announcement, deliveriesFile, readAnnouncement, writeAnnouncement } from "./announcement";
import { Deliveries } from "./deliveries";
import { noticeMail } from "./noticeMail";
import type { Users } from "./users";

export interface NoticeTask {
  /** IANA zone of the windows. */
  readonly timeZone: string;
  readonly publicUrl: string;
  /** Whether users get mail (`maintenance.noticeMail`). */
  readonly mail: boolean;
  /** Where the journals lie. */
  readonly folder: string;
  readonly clock: Clock;
  /** Whom to tell. @throws Error of one line. */
  users(): Promise<Users>;
  /** How to tell them. @throws Error of one line. */
  mailer(): Promise<NoticeMailer>;
}

export interface NoticeMailer {
  /** The mail service, for errors. */
  readonly service: string;
  /** @throws MailError */
  send(mail: Mail, signal: AbortSignal): Promise<void>;
}

/** Mails a second at most, below what Amazon SES takes at first outside of its sandbox (14). */
const PER_SECOND = 5;
/** A mail that was not taken is tried again after these pauses, milliseconds. */
const PAUSES_MS = [5_000, 30_000];
/** How many mails go out before the record of the notice says so. */
const RECORD_EVERY = 20;
/** As many users in a row who cannot be told say that it is not about them. */
const GIVE_UP_AFTER = 3;

/**
 * Tells users of the next window by mail (M38), one mail a user. A run that was cut short, or could not tell everybody, is gone on with by the
 * next: whoever was mailed, or may have been, is not mailed again. An operator's run tells of the next window now.
 *
 * @returns As a task: who was told. It fails, in one line, when anybody was not told that could be.
 */
export function noticeWork(task: NoticeTask): TaskWork {
  return async (context) => {
    const { folder, clock, timeZone } = task;
    const window = nextWindow(context.scheduledFor ?? clock.now(), timeZone);
    const record: Announcement = {
      from: window.from.toISOString(),
      state: "sending",
      mail: task.mail,
      startedAt: clock.now().toISOString(),
      endedAt: null,
      told: 0,
      of: 0,
      reason: "",
      clearedAt: null,
    };
    const known = await readAnnouncement(folder, window.from);
    if (known !== null) {
      // When users were first told of it is what counts.
      Object.assign(record, { startedAt: known.startedAt, told: known.told, of: known.of });
    }
    const end = async (state: Announcement["state"], reason: string): Promise<void> => {
      Object.assign(record, { state, reason, endedAt: clock.now().toISOString() });
      await writeAnnouncement(folder, record);
    };
    if (clock.now() >= window.from) {
      const reason = "the window began before users could be told of it by mail";
      await end("incomplete", reason);
      throw new Error(reason);
    }
    if (!task.mail) {
      await end("announced", "");
      return {
        reason: "banner and status page tell of the window; by maintenance.noticeMail no mail is sent",
      };
    }
    await writeAnnouncement(folder, record);
    try {
      const reason = await tellAll(task, context, window, record);
      await end("announced", "");
      return { reason, details: { window: record.from, told: record.told, of: record.of } };
    } catch (error) {
      // Of a container that stops the record stays one that is sent: its next start goes on.
      await (isStopped(context.signal)
        ? writeAnnouncement(folder, record)
        : end("incomplete", reasonOf(context.signal.aborted ? context.signal.reason : error)));
      throw error;
    }
  };
}

/** @returns Who was told, in one line. @throws Error of one line when anybody was not. */
async function tellAll(
  task: NoticeTask,
  { signal, log }: TaskContext,
  window: Window,
  record: Announcement,
): Promise<string> {
  const { addresses, unusable } = await task.users();
  const mailer = await task.mailer();
  const deliveries = await Deliveries.open(deliveriesFile(task.folder, window.from));
  const words = noticeMail({ window, zone: task.timeZone, publicUrl: task.publicUrl });
  const left = addresses.filter((address) => isLeft(deliveries, address));
  const uncertain = addresses.filter((address) => deliveries.of(address) === "begun").length;
  record.of = addresses.length;
  record.told = addresses.length - left.length - uncertain;
  await writeAnnouncement(task.folder, record);
  log(`${left.length} of ${addresses.length} users are to be told`);
  const failures: string[] = [];
  let failedInARow = 0;
  for (const address of left) {
    signal.throwIfAborted();
    if (task.clock.now() >= window.from) {
      throw new Error(`the window began when ${record.told} of ${record.of} users had been told`);
    }
    const failure = await tell(task, mailer, deliveries, { ...words, to: [address] }, signal);
    if (failure === undefined) {
      record.told += 1;
      failedInARow = 0;
      if (record.told % RECORD_EVERY === 0) {
        await writeAnnouncement(task.folder, record);
      }
    } else {
      failures.push(failure);
      failedInARow += 1;
    }
    if (failedInARow === GIVE_UP_AFTER) {
      break;
    }
    await pause(task.clock, 1000 / PER_SECOND, signal);
  }
  const state = [
    `${record.told} of ${record.of} users were told by mail`,
    ...(uncertain > 0 ? [`${uncertain} may have been: ops was stopped while that mail was sent`] : []),
    ...(unusable > 0 ? [`${unusable} without a usable address`] : []),
  ].join(", ");
  if (failures.length > 0) {
    throw new Error(`${state}; ${mailer.service} does not take mail: ${failures.at(-1)}`);
  }
  return state;
}

/** Whether the container stops, and not the time limit has come. */
function isStopped({ aborted, reason }: AbortSignal): boolean {
  return aborted && !(reason instanceof TaskAbort && reason.result === "failed");
}

function isLeft(deliveries: Deliveries, address: string): boolean {
  const state = deliveries.of(address);
  return state === undefined || state === "failed";
}

/** @returns Why somebody could not be told; undefined once the mail was taken. @throws The signal's reason. */
async function tell(
  { clock }: NoticeTask,
  mailer: NoticeMailer,
  deliveries: Deliveries,
  mail: Mail & { to: readonly [string] },
  signal: AbortSignal,
): Promise<string | undefined> {
  const [address] = mail.to;
  for (let attempt = 0; ; attempt += 1) {
    await deliveries.note(address, "begun");
    try {
      await mailer.send(mail, signal);
      await deliveries.note(address, "sent");
      return undefined;
    } catch (error) {
      // A mail that is on its way when ops stops may arrive: it stays as begun.
      signal.throwIfAborted();
      await deliveries.note(address, "failed");
      const wait = PAUSES_MS[attempt];
      if (wait === undefined) {
        return error instanceof MailError ? error.reason : reasonOf(error);
      }
      await pause(clock, wait, signal);
    }
  }
}

/** @throws The signal's reason. */
async function pause(clock: Clock, milliseconds: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted();
  await new Promise<void>((resolve) => {
    const cancel = clock.after(milliseconds, () => {
      signal.removeEventListener("abort", stop);
      resolve();
    });
    const stop = (): void => {
      cancel();
      resolve();
    };
    signal.addEventListener("abort", stop, { once: true });
  });
  signal.throwIfAborted();
}

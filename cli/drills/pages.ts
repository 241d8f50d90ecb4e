import type { Config } from "../../config";
import { MANUAL, type Severity } from "../../manual";
import { onCallAt } from "../../rota";

/** One alarm's mail to one person. */
export interface Page {
  /** The alarm's full name. */
  readonly alarm: string;
  /** What it has become. */
  readonly state: string;
  /** When it became so. */
  readonly changedAt: Date;
  readonly to: string;
  /** When it lay in the mailbox. */
  readonly receivedAt: Date;
}

/** One message of the mailbox. */
export interface Mail {
  readonly to: readonly string[];
  readonly text: string;
  readonly receivedAt: Date;
}

/** Pages in a mail, one a recipient; none in a mail of something else. */
export function pagesOf({ to, text, receivedAt }: Mail): Page[] {
  const message = parseMessage(text);
  return message === undefined
    ? []
    : to.map((address) => ({ ...message, to: address.toLowerCase(), receivedAt }));
}

/** CloudWatch's message is a JSON object, which begins a line; whoever hands it on may write around it. */
function parseMessage(text: string): Pick<Page, "alarm" | "state" | "changedAt"> | undefined {
  let message: unknown;
  try {
    message = JSON.parse(/^\{[\s\S]*\}/m.exec(text)?.[0] ?? "");
  } catch {
    return undefined;
  }
  if (typeof message !== "object" || message === null) {
    return undefined;
  }
  const { AlarmName, NewStateValue, StateChangeTime } = message as Record<string, unknown>;
  const changedAt = new Date(String(StateChangeTime));
  return typeof AlarmName === "string" &&
    typeof NewStateValue === "string" &&
    !Number.isNaN(changedAt.getTime())
    ? { alarm: AlarmName, state: NewStateValue, changedAt }
    : undefined;
}

/** Addresses that have to hear of a severity at a moment (M8, M57). */
export function recipientsAt(
  severity: Severity,
  at: Date,
  config: Pick<Config, "contacts" | "timeZone">,
): string[] {
  const critical: readonly string[] = MANUAL.onCall.critical;
  const { databaseAdmin, securityTeam } = config.contacts;
  const specialists = critical.includes(severity) ? [databaseAdmin, securityTeam] : [];
  return [onCallAt(at, config).engineer, ...specialists].map(({ email }) => email.toLowerCase());
}

/** Who heard of an alarm's becoming something, against who had to. */
export interface Delivery {
  /** Who had to hear and has not; everybody before anything came. */
  readonly missing: string[];
  /** Who heard and should not have. */
  readonly wrong: string[];
  /** Who heard more than once. */
  readonly twice: string[];
  /** When the last of those who had to hear had it; undefined while one is missing. */
  readonly completeAt?: Date;
}

/**
 * Judges an alarm's pages of one state.
 *
 * @param expected Addresses that have to hear at a moment: a page goes by the moment at which its alarm changed.
 */
export function judgeDelivery(
  pages: readonly Page[],
  expected: (at: Date) => readonly string[],
  now: Date,
): Delivery {
  const due = expected(pages[0]?.changedAt ?? now);
  const count = (address: string): number => pages.filter(({ to }) => to === address).length;
  const addresses = [...new Set(pages.map(({ to }) => to))];
  const missing = due.filter((address) => count(address) === 0);
  const first = due.flatMap((address) => pages.find(({ to }) => to === address)?.receivedAt.getTime() ?? []);
  return {
    missing,
    wrong: addresses.filter((address) => !due.includes(address)),
    twice: addresses.filter((address) => count(address) > 1),
    ...(missing.length === 0 && { completeAt: new Date(Math.max(...first)) }),
  };
}

/**
 * Who is on call (M57, M58), and how AWS is told: as filter policies of the engineers' subscriptions, so that a page finds its
 * engineer when nothing of the stack runs any more. Pure: nothing here asks for the time.
 *
 * A filter policy lists beginnings of `StateChangeTime`, which every message of an alarm carries, in UTC. It takes a limited
 * number of them, so that shifts are declared up to a horizon; before and behind it everybody is told.
 */
import type { Contact, RotaOverride } from "./config";
import { MANUAL } from "./manual";
import { periodPrefixes } from "./timePrefixes";
import { instantOf, wallClock } from "./wallClock";

/** What of the configuration the rota is made from. */
export interface RotaSettings {
  readonly contacts: {
    readonly onCall: readonly Contact[];
    readonly rota: {
      readonly from: string;
      readonly plannedFrom?: string | undefined;
      readonly overrides: readonly RotaOverride[];
    };
  };
  readonly timeZone: string;
}

/** One engineer's duty without a break. */
export interface Duty {
  readonly engineer: Contact;
  readonly from: Date;
  /** The moment from which somebody else, or the next shift, has it. */
  readonly until: Date;
  /** True where it is not the engineer's own shift. */
  readonly override: boolean;
}

/** What a subscription of an engineer is declared with; no policy means every message. */
export interface Declaration {
  readonly engineer: Contact;
  readonly filterPolicy: string | undefined;
}

export interface DeclaredRota {
  readonly engineers: readonly Declaration[];
  /** Shifts are declared from this moment. */
  readonly from: Date;
  /** And up to this one; undefined with one engineer, who is told everything for ever. */
  readonly until: Date | undefined;
}

/** What SNS takes in one filter policy. */
export const MAX_VALUES = 150;
/** The scope in which a policy looks into a message, and what of it the rota looks at. */
export const FILTER_SCOPE = "MessageBody";
export const FILTER_KEY = "StateChangeTime";

const DAY = 86_400_000;
const WEEK = 7 * DAY * MANUAL.onCall.shiftWeeks;
/** No alarm went off before the project was there, and nobody's rota is known for the next century. */
const EVER = { from: Date.UTC(2026, 0, 1), until: Date.UTC(2100, 0, 1) };

interface Span {
  readonly from: number;
  readonly until: number;
}

/** What the wall clock shows at the handoff of a Friday, as {@link wallClock} counts. */
export function handoffWall(friday: string): number {
  return Date.parse(`${friday}T${MANUAL.onCall.handoff.at}Z`);
}

/** A full hour of the wall clock, as {@link wallClock} counts. */
export function overrideWall(hour: string): number {
  return Date.parse(`${hour}Z`);
}

/** Number of the shift that a time of the wall clock lies in, 0 for the rota's first. */
export function shiftOfWall(from: string, wall: number): number {
  return Math.floor((wall - handoffWall(from)) / WEEK);
}

/** Whose shift it is, by its number. */
export function engineerOfShift(onCall: readonly Contact[], shift: number): Contact {
  const engineer = onCall.at(((shift % onCall.length) + onCall.length) % onCall.length);
  if (engineer === undefined) {
    throw new Error("a rota without engineers");
  }
  return engineer;
}

/** Who is on call at a moment, since when, and until when. */
export function onCallAt(at: Date, settings: RotaSettings): Duty {
  const shift = shiftAt(at.getTime(), settings);
  const duty = dutiesOf(shift, settings).find(({ until }) => at < until);
  if (duty === undefined) {
    throw new Error(`nobody is on call at ${at.toISOString()}`);
  }
  return duty;
}

function shiftStart(shift: number, { contacts, timeZone }: RotaSettings): number {
  return instantOf(timeZone, handoffWall(contacts.rota.from) + shift * WEEK);
}

function shiftAt(at: number, settings: RotaSettings): number {
  let shift = shiftOfWall(settings.contacts.rota.from, wallClock(settings.timeZone, at));
  // Where clocks are set at the hour of the handoff, what they show is off by one shift.
  while (shiftStart(shift, settings) > at) {
    shift--;
  }
  while (shiftStart(shift + 1, settings) <= at) {
    shift++;
  }
  return shift;
}

/** A shift, cut where somebody takes over a part of it, without gaps and in order. */
function dutiesOf(shift: number, settings: RotaSettings): Duty[] {
  const { contacts, timeZone } = settings;
  const own = engineerOfShift(contacts.onCall, shift);
  const end = shiftStart(shift + 1, settings);
  const duties: Duty[] = [];
  let at = shiftStart(shift, settings);
  const add = (engineer: Contact, until: number, override: boolean): void => {
    if (until > at) {
      duties.push({ engineer, from: new Date(at), until: new Date(until), override });
      at = until;
    }
  };
  const taken = contacts.rota.overrides
    .map(({ engineer, from, until }) => ({ engineer, from: overrideWall(from), until: overrideWall(until) }))
    .filter(({ from }) => shiftOfWall(contacts.rota.from, from) === shift)
    .sort((a, b) => a.from - b.from);
  for (const { engineer, from, until } of taken) {
    const other = contacts.onCall.find(({ name }) => name === engineer);
    if (other !== undefined) {
      add(own, Math.min(instantOf(timeZone, from), end), false);
      add(other, Math.min(instantOf(timeZone, until), end), true);
    }
  }
  add(own, end, false);
  return duties;
}

/** Filter policies that say for as many shifts as they can hold what {@link onCallAt} says. */
export function declareRota(settings: RotaSettings): DeclaredRota {
  const { onCall, rota } = settings.contacts;
  const plannedFrom = rota.plannedFrom ?? rota.from;
  const first = shiftOfWall(rota.from, handoffWall(plannedFrom));
  const from = new Date(shiftStart(first, settings));
  if (onCall.length < 2) {
    return {
      engineers: onCall.map((engineer) => ({ engineer, filterPolicy: undefined })),
      from,
      until: undefined,
    };
  }
  // A shift takes ten values or more.
  const most = (MAX_VALUES / 10) * onCall.length;
  const duties = Array.from({ length: most }, (_, index) => dutiesOf(first + index, settings));
  for (let shifts = most; ; shifts--) {
    const planned = duties.slice(0, shifts).flat();
    const prefixes = onCall.map((engineer) => prefixesOf(engineer, from, planned));
    if (shifts === 0 || prefixes.every(({ length }) => length <= MAX_VALUES)) {
      return {
        engineers: onCall.map((engineer, index) => ({
          engineer,
          filterPolicy: JSON.stringify({
            [FILTER_KEY]: (prefixes[index] ?? []).map((prefix) => ({ prefix })),
          }),
        })),
        from,
        until: new Date(shiftStart(first + shifts, settings)),
      };
    }
  }
}

/** @param planned Everybody's duties, in order and without gaps. */
function prefixesOf(engineer: Contact, begin: Date, planned: readonly Duty[]): string[] {
  const spans: Span[] = [
    { from: EVER.from, until: begin.getTime() },
    ...planned
      .filter((duty) => duty.engineer.name === engineer.name)
      .map(({ from, until }) => ({ from: from.getTime(), until: until.getTime() })),
    { from: (planned.at(-1)?.until ?? begin).getTime(), until: EVER.until },
  ];
  return joined(spans).flatMap(({ from, until }) => periodPrefixes(from, until));
}

/** Spans in order, those that touch as one: it takes fewer prefixes. */
function joined(spans: readonly Span[]): Span[] {
  const result: Span[] = [];
  for (const span of spans.filter(({ from, until }) => until > from)) {
    const last = result.at(-1);
    if (last !== undefined && last.until >= span.from) {
      result[result.length - 1] = { from: last.from, until: span.until };
    } else {
      result.push(span);
    }
  }
  return result;
}

/** Engineers that AWS hands a message to, by what is declared: what SNS itself does with the policies. */
export function declaredOnCall(engineers: readonly Declaration[], at: Date): Contact[] {
  const time = stateChangeTime(at);
  return engineers
    .filter(({ filterPolicy }) => filterPolicy === undefined || matches(filterPolicy, time))
    .map(({ engineer }) => engineer);
}

function matches(filterPolicy: string, time: string): boolean {
  const values = (JSON.parse(filterPolicy) as Record<string, { prefix: string }[]>)[FILTER_KEY] ?? [];
  return values.some(({ prefix }) => time.startsWith(prefix));
}

/** As CloudWatch writes it: `2026-11-26T11:12:22.123+0000`. */
export function stateChangeTime(at: Date): string {
  return at.toISOString().replace("Z", "+0000");
}

/** Days from a moment on for which shifts are declared; a very long time where there is nothing to declare. */
export function daysDeclared(at: Date, settings: RotaSettings): number {
  const { until } = declareRota(settings);
  return Math.max(0, ((until?.getTime() ?? EVER.until) - at.getTime()) / DAY);
}

/**
 * The Friday from which shifts should be declared from now on; undefined while more than half of the declared ones lie ahead, so
 * that the subscriptions are not written anew each week.
 */
export function nextPlannedFrom(at: Date, settings: RotaSettings): string | undefined {
  const { from, until } = declareRota(settings);
  if (until === undefined || at.getTime() < (from.getTime() + until.getTime()) / 2) {
    return undefined;
  }
  const { rota } = settings.contacts;
  const wall = handoffWall(rota.from) + shiftAt(at.getTime(), settings) * WEEK;
  const friday = new Date(wall).toISOString().slice(0, 10);
  // A rota so full of swaps that not one shift fits has nothing to move on to within the same week.
  return friday > (rota.plannedFrom ?? rota.from) ? friday : undefined;
}

import { type Html, html } from "./html";

/** Times as the pages show them: by the clocks of a zone, with the moment itself for machines. */

const LOCALE = "en-US";

function parts(zone: string, options: Intl.DateTimeFormatOptions, at: Date): string {
  return new Intl.DateTimeFormat(LOCALE, { timeZone: zone, hourCycle: "h23", ...options }).format(at);
}

/** `Sunday, December 6` */
export function dayText(at: Date, zone: string): string {
  return parts(zone, { weekday: "long", month: "long", day: "numeric" }, at);
}

/** `02:00` */
export function clockText(at: Date, zone: string): string {
  return parts(zone, { hour: "2-digit", minute: "2-digit" }, at);
}

/** `EST` */
export function zoneText(at: Date, zone: string): string {
  const found = new Intl.DateTimeFormat(LOCALE, { timeZone: zone, timeZoneName: "short" })
    .formatToParts(at)
    .find(({ type }) => type === "timeZoneName");
  return found?.value ?? zone;
}

/** `Nov 26, 10:42 EST` */
export function moment(at: Date, zone: string): Html {
  const day = parts(zone, { month: "short", day: "numeric" }, at);
  return stamped(at, `${day}, ${clockText(at, zone)} ${zoneText(at, zone)}`);
}

/** `Sunday, December 6, 02:00–04:00 EST`; the day and the zone of both ends where they differ. */
export function spanText({ from, to }: { from: Date; to: Date }, zone: string): string {
  const [firstDay, lastDay] = [dayText(from, zone), dayText(to, zone)];
  const [firstZone, lastZone] = [zoneText(from, zone), zoneText(to, zone)];
  const begins = `${firstDay}, ${clockText(from, zone)}${firstZone === lastZone ? "" : ` ${firstZone}`}`;
  const ends = `${firstDay === lastDay ? "" : `${lastDay}, `}${clockText(to, zone)} ${lastZone}`;
  return `${begins}–${ends}`;
}

export function stamped(at: Date, text: string): Html {
  return html`<time datetime="${at.toISOString().replace(/\.\d+Z$/, "Z")}">${text}</time>`;
}

/** `40 seconds`, `12 minutes`, `5 hours`, `3 days`: one unit, rounded down. */
export function durationText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [count, unit] =
    seconds < 120
      ? [seconds, "second"]
      : seconds < 2 * 3600
        ? [Math.floor(seconds / 60), "minute"]
        : seconds < 2 * 86_400
          ? [Math.floor(seconds / 3600), "hour"]
          : [Math.floor(seconds / 86_400), "day"];
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

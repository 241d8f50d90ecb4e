/** Durations as Go writes them (`1m30s`), against nanoseconds as the engine's API wants them. */

const UNIT_NS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
  m: 60e9,
  h: 3600e9,
};

const PART = /(\d+(?:\.\d+)?|\.\d+)(ns|us|µs|ms|s|m|h)/gy;

/** Nanoseconds, or undefined when the text is no duration. `0` needs no unit. */
export function parseDuration(text: unknown): number | undefined {
  if (typeof text !== "string" || text === "") return undefined;
  if (text === "0") return 0;
  let total = 0;
  let at = 0;
  PART.lastIndex = 0;
  for (let part = PART.exec(text); part; part = PART.exec(text)) {
    total += Number(part[1]) * (UNIT_NS[part[2] ?? ""] ?? 0);
    at = PART.lastIndex;
  }
  return at === text.length ? Math.round(total) : undefined;
}

/** The upstream provider's spelling: Go's, without zero seconds after minutes and zero minutes after hours. */
export function formatDuration(ns: number): string {
  if (ns === 0) return "0s";
  if (ns < 1e3) return `${ns}ns`;
  if (ns < 1e6) return `${ns / 1e3}µs`;
  if (ns < 1e9) return `${ns / 1e6}ms`;
  const hours = Math.floor(ns / 3600e9);
  const minutes = Math.floor((ns % 3600e9) / 60e9);
  const seconds = (ns % 60e9) / 1e9;
  const parts = [hours > 0 && `${hours}h`, minutes > 0 && `${minutes}m`, seconds > 0 && `${seconds}s`];
  // Go keeps zero minutes between hours and seconds: 1h0m5s.
  if (hours > 0 && minutes === 0 && seconds > 0) parts[1] = "0m";
  return parts.filter(Boolean).join("");
}

import type { Cell, Figure, Unit } from "./model";
import { changeOf, type Figures } from "./model";

const LONGEST = 240;

/**
 * Text of unknown origin, on one line: without control characters, which move a terminal's cursor, and without marks that turn
 * the direction of reading.
 */
export function plain(text: string, longest = LONGEST): string {
  const line = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\s]+/gu, " ")
    .replace(/[\p{Cf}\p{Cs}]/gu, "")
    .trim();
  const letters = Array.from(line);
  return letters.length > longest ? `${letters.slice(0, longest - 1).join("")}…` : line;
}

/** A number of a unit, short enough for a cell: `1.5 GiB`, `320 ms`, `2.1 %`. */
export function number(value: number, unit: Unit): string {
  switch (unit) {
    case "bytes":
      return bytes(value);
    case "percent":
      return `${fixed(value, 1)} %`;
    case "milliseconds":
      return Math.abs(value) >= 10_000
        ? duration(value / 1000)
        : `${fixed(value, Math.abs(value) < 10 ? 1 : 0)} ms`;
    case "seconds":
      return duration(value);
    case "count":
      return grouped(value);
  }
}

export function figure({ value, unit }: Figure): string {
  return value === null || !Number.isFinite(value) ? "no data" : number(value, unit);
}

/** As a cell is read, with its change. */
export function cell(content: Cell, before: Figures): string {
  if (typeof content === "string") {
    return plain(content);
  }
  const change = changeText(content, before);
  return change === undefined ? figure(content) : `${figure(content)} (${change})`;
}

/** The change since the report before, with its sign; undefined where there is nothing to compare or to say. */
export function changeText(content: Figure, before: Figures): string | undefined {
  const change = changeOf(content, before);
  if (change === undefined || !Number.isFinite(change)) {
    return undefined;
  }
  const unit = content.unit;
  const shown = number(Math.abs(change), unit);
  return shown === number(0, unit) ? "±0" : `${change > 0 ? "+" : "−"}${shown}`;
}

const STEPS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

function bytes(value: number): string {
  const size = Math.abs(value);
  const step = size < 1 ? 0 : Math.min(STEPS.length - 1, Math.floor(Math.log(size) / Math.log(1024)));
  return `${fixed(value / 1024 ** step, step === 0 ? 0 : 1)} ${STEPS[step]}`;
}

function duration(seconds: number): string {
  const size = Math.abs(seconds);
  if (size < 120) {
    return `${fixed(seconds, size < 10 ? 1 : 0)} s`;
  }
  if (size < 2 * 3600) {
    return `${fixed(seconds / 60, 0)} min`;
  }
  return size < 48 * 3600 ? `${fixed(seconds / 3600, 1)} h` : `${fixed(seconds / 86_400, 1)} d`;
}

/** Without a fraction of nothing but zeros. */
function fixed(value: number, digits: number): string {
  const text = value.toFixed(digits);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text.replace(/^-0$/, "0");
}

function grouped(value: number): string {
  return fixed(value, Number.isInteger(value) ? 0 : 1).replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ",");
}

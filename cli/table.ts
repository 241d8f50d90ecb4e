/** Lines of a table, its columns as wide as their widest cell. Columns of which every cell is a number stand to the right. */
export function columns(heads: readonly string[], rows: readonly (readonly string[])[]): string[] {
  const widths = heads.map((head, column) =>
    Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const isNumber = heads.map(
    (_, column) =>
      rows.length > 0 && rows.every((row) => /^(-|[\d.,]+( ?[%a-zA-Z]+)?)$/.test(row[column] ?? "")),
  );
  return [heads, ...rows].map((row) =>
    row
      .map((cell, column) =>
        isNumber[column] ? cell.padStart(widths[column] ?? 0) : cell.padEnd(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
}

/** How long ago a moment was, in its two largest units: `3 d 4 h`, `12 min 5 s`. */
export function ago(from: Date, now: Date): string {
  return duration((now.getTime() - from.getTime()) / 1000);
}

/** Seconds in their two largest units. A clock that goes wrong makes no negative one. */
export function duration(seconds: number): string {
  let rest = Math.max(0, Math.round(seconds));
  const parts: string[] = [];
  for (const [size, unit] of [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ] as const) {
    const count = Math.floor(rest / size);
    rest -= count * size;
    if (count > 0 || (unit === "s" && parts.length === 0)) {
      parts.push(`${count} ${unit}`);
    } else if (parts.length > 0) {
      break;
    }
  }
  return parts.slice(0, 2).join(" ");
}

/** Bytes as people read them: `1.5 GiB`. */
export function size(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  const power = bytes < 1 ? 0 : Math.min(units.length - 1, Math.floor(Math.log2(bytes) / 10));
  const value = bytes / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** `v1.2.3` or `1.2` as numbers; undefined when the text is no version. */
export function parseVersion(text: string): readonly number[] | undefined {
  const match = /(\d+(?:\.\d+)+)/.exec(text);
  return match?.[1]?.split(".").map(Number);
}

/** Below 0 when `a` is older than `b`. Missing parts count as 0. */
export function compareVersions(a: readonly number[], b: readonly number[]): number {
  for (let index = 0; index < Math.max(a.length, b.length); index++) {
    const difference = (a[index] ?? 0) - (b[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

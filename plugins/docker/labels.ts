/** Labels: a set of pairs in the SDK, a map in the engine. */

export interface Label {
  readonly label: string;
  readonly value: string;
}

export const toMap = (labels: readonly Label[] | undefined): Record<string, string> =>
  Object.fromEntries((labels ?? []).map(({ label, value }) => [label, value]));

/** Sorted by name, so that the state does not depend on the engine's order. */
export const fromMap = (labels: Readonly<Record<string, string>> | null | undefined): Label[] =>
  Object.entries(labels ?? {})
    .map(([label, value]) => ({ label, value }))
    .sort((a, b) => (a.label < b.label ? -1 : 1));

import type { KnownRelease } from "../../../../cli/releases/choose";
import type { ReleaseEntry } from "../../../../cli/releases/list";
import type { PastRelease } from "../../../../cli/releases/release";

/** Images of a release that are told from another one's by a letter. */
export function IMAGES(letter: string): { backend: string; frontend: string; nginx: string } {
  const image = (service: string): string =>
    `sha256:${Buffer.from(`${letter}-${service}`).toString("hex").padEnd(64, "0")}`;
  return { backend: image("backend"), frontend: image("frontend"), nginx: image("nginx") };
}

export function release(letter: string, more: Partial<PastRelease> = {}): PastRelease {
  return {
    attempt: letter,
    startedAt: "2026-11-25T10:00:00.000Z",
    by: "ada@workstation",
    backup: null,
    commit: null,
    dirty: false,
    app: { source: null, version: letter, environment: {}, logLevel: "INFO", allowedOrigins: [] },
    images: IMAGES(letter),
    pinned: null,
    ...more,
  };
}

export function entry(version: number, more: Partial<ReleaseEntry> & { release: PastRelease }): KnownRelease;
export function entry(version: number, more: Partial<ReleaseEntry>): ReleaseEntry;
export function entry(version: number, more: Partial<ReleaseEntry>): ReleaseEntry {
  return {
    version,
    result: "succeeded",
    time: "2026-11-25T10:00:30.000Z",
    current: false,
    release: undefined,
    ...more,
  };
}

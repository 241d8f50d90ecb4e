/** What an image's packages lack, read from the sections that `packages.sh` prints. Pure. */

/** A package of which the image's own archives have a newer version. */
export interface PackageUpdate {
  readonly name: string;
  readonly installed: string;
  /** The oldest version that is enough: of a security fix the security archive's, else the newest one. */
  readonly fixed: string;
  /** Whether it is a security fix. Alpine's archives do not tell one from any other fix, so there all count as one. */
  readonly security: boolean;
}

/**
 * What was found out about an image's packages.
 *
 * - `looked`: compared with its archives; `warning` where they lack what a security fix would come from.
 * - `not-looked`: it has neither apt nor apk, or no shell to ask them by.
 * - `failed`: an archive is away, or the engine did not answer. What is missing is not known.
 */
export type PackageLook =
  | {
      readonly state: "looked";
      /** Name of the distribution, e.g. `Debian GNU/Linux 13 (trixie)`. */
      readonly system: string;
      readonly packages: number;
      readonly updates: readonly PackageUpdate[];
      readonly warning?: string;
    }
  | { readonly state: "not-looked"; readonly reason: string }
  | { readonly state: "failed"; readonly reason: string };

const NEITHER = "it has neither dpkg with apt nor apk";

/** Reads what `packages.sh` printed in a container of an image. */
export function readPackages(output: string): PackageLook {
  const sections = sectionsOf(output);
  const system = sections.get("system")?.argument || "not named";
  const away = sections.get("unreachable");
  if (away !== undefined) {
    return { state: "failed", reason: `its package archives cannot be reached: ${reasonOf(away.argument)}` };
  }
  if (!sections.has("end")) {
    return { state: "failed", reason: "its packages could not be listed to their end" };
  }
  const [archives, policy] = [sections.get("archives"), sections.get("policy")];
  if (archives !== undefined && policy !== undefined) {
    return { state: "looked", system, ...readDebian(archives.lines, policy.lines) };
  }
  const [installed, outdated] = [sections.get("installed"), sections.get("outdated")];
  if (installed !== undefined && outdated !== undefined) {
    return {
      state: "looked",
      system,
      packages: installed.lines.filter((line) => line.trim() !== "").length,
      updates: readAlpine(outdated.lines),
    };
  }
  return { state: "not-looked", reason: NEITHER };
}

interface Section {
  readonly argument: string;
  readonly lines: string[];
}

function sectionsOf(output: string): Map<string, Section> {
  const sections = new Map<string, Section>();
  let current: Section | undefined;
  for (const line of output.split(/\r?\n/)) {
    const [, name, argument = ""] = /^== ([a-z]+)(?: (.*))?$/.exec(line) ?? [];
    if (name !== undefined) {
      current = { argument: argument.trim(), lines: [] };
      sections.set(name, current);
    } else {
      current?.lines.push(line);
    }
  }
  return sections;
}

/** The archive's own words, in one line and without its address. */
function reasonOf(line: string): string {
  const words = line.replace(/^(E|W|ERROR|WARNING): ?/, "").replace(/\b[a-z]+:\/\/\S+/g, "…");
  return words.replace(/\s+/g, " ").trim().slice(0, 200) || "no reason was given";
}

interface Archive {
  readonly uri: string;
  /** `trixie-security/main` */
  readonly suite: string;
}

/** `500 http://archive/debian trixie/main amd64 Packages`; undefined for any other line, such as one on dpkg's own status. */
function archiveIn(line: string): Archive | undefined {
  const [, uri, suite] = /^\s+-?\d+ (\S+) (\S+) \S+ Packages$/.exec(line) ?? [];
  return uri === undefined || suite === undefined ? undefined : { uri, suite };
}

function isSecurity({ uri, suite }: Archive): boolean {
  return /-security(\/|$)/.test(suite) || /-security\/?$/.test(uri);
}

function readDebian(
  archiveLines: readonly string[],
  policy: readonly string[],
): { packages: number; updates: PackageUpdate[]; warning?: string } {
  const archives = archiveLines.flatMap((line) => archiveIn(line) ?? []);
  const packages = packagesIn(policy);
  const warning =
    archives.length === 0
      ? "its apt has no package archive at all, so that nothing is known to be missing"
      : archives.some(isSecurity)
        ? undefined
        : "its apt has no security archive: only what has come to the others is known";
  return {
    packages: packages.length,
    updates: packages.flatMap((one) => updateOf(one) ?? []),
    ...(warning !== undefined && { warning }),
  };
}

interface Version {
  readonly version: string;
  readonly isInstalled: boolean;
  readonly isSecurity: boolean;
}

interface Package {
  readonly name: string;
  /** Newest first, as apt shows them. */
  readonly versions: readonly Version[];
}

/** Packages of `apt-cache policy`. One that is not installed has no version that is. */
function packagesIn(lines: readonly string[]): Package[] {
  const packages: { name: string; versions: { -readonly [key in keyof Version]: Version[key] }[] }[] = [];
  for (const line of lines) {
    const [, name] = /^(\S+):$/.exec(line) ?? [];
    if (name !== undefined) {
      packages.push({ name, versions: [] });
      continue;
    }
    const current = packages.at(-1);
    // A release that is phased in says so behind the priority.
    const [, mark, version] = /^( \*\*\*| {4}) (\S+) -?\d+(?: \(phased \d+%\))?$/.exec(line) ?? [];
    if (version !== undefined) {
      current?.versions.push({ version, isInstalled: mark === " ***", isSecurity: false });
      continue;
    }
    const newest = current?.versions.at(-1);
    const archive = archiveIn(line);
    if (newest !== undefined && archive !== undefined) {
      newest.isSecurity ||= isSecurity(archive);
    }
  }
  return packages.filter(({ versions }) => versions.some(({ isInstalled }) => isInstalled));
}

/**
 * What lies above the installed version. The newest one may have come with a point release, and the security archive still have the fix
 * that it contains: so every version counts, not only the candidate.
 */
function updateOf({ name, versions }: Package): PackageUpdate | undefined {
  const at = versions.findIndex(({ isInstalled }) => isInstalled);
  const newer = versions.slice(0, at);
  const fix = newer.findLast((version) => version.isSecurity);
  const chosen = fix ?? newer[0];
  const installed = versions[at]?.version;
  return chosen === undefined || installed === undefined
    ? undefined
    : { name, installed, fixed: chosen.version, security: fix !== undefined };
}

/** Lines of `apk version -l '<'`: `busybox-1.36.1-r15 < 1.36.1-r29`. */
function readAlpine(lines: readonly string[]): PackageUpdate[] {
  return lines.flatMap((line) => {
    const [, name, installed, fixed] = /^(\S+)-([^\s-]+-r\d+)\s+<\s+(\S+)/.exec(line) ?? [];
    return name === undefined || installed === undefined || fixed === undefined
      ? []
      : [{ name, installed, fixed, security: true }];
  });
}

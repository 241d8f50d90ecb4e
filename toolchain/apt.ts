import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { CommandFailed, type Host, run, runAsRoot } from "./host";
import type { Step } from "./types";

const QUIET = { DEBIAN_FRONTEND: "noninteractive", NEEDRESTART_SUSPEND: "1" };

/** Why packages cannot be installed here by apt, or undefined. */
export async function aptObstacle(host: Host): Promise<string | undefined> {
  return (await host.which("apt-get")) === undefined ? "this machine has no apt-get" : undefined;
}

/** Installs Debian packages without what they only recommend. Fetches the lists when they are missing or old. */
export async function aptInstall(host: Host, packages: readonly string[], step: Step): Promise<void> {
  const onLine = (line: string) => {
    const busy = /^(Get:\d+|Unpacking|Setting up) .*/.exec(line)?.[0];
    if (busy !== undefined) step.detail(`apt: ${busy.split(" ").slice(0, 3).join(" ")}`);
  };
  const install = () =>
    runAsRoot(
      host,
      [
        "apt-get",
        "install",
        "--yes",
        "--no-install-recommends",
        "-o",
        "DPkg::Lock::Timeout=300",
        "-o",
        "Dpkg::Use-Pty=0",
        ...packages,
      ],
      { env: QUIET, onLine },
    );
  try {
    await install();
  } catch (error) {
    if (!(error instanceof CommandFailed)) throw error;
    step.detail("apt: fetching the package lists");
    await aptUpdate(host);
    await install();
  }
}

export async function aptUpdate(host: Host): Promise<void> {
  await runAsRoot(host, ["apt-get", "update", "-o", "DPkg::Lock::Timeout=300"], { env: QUIET });
}

/** The version of a package that apt would install, or undefined when it knows none. */
export async function aptCandidate(host: Host, name: string): Promise<string | undefined> {
  const { code, stdout } = await host.exec(["apt-cache", "policy", name]);
  const version = /^\s*Candidate:\s*(\S+)/m.exec(stdout)?.[1];
  return code !== 0 || version === undefined || version === "(none)" ? undefined : version;
}

/** One archive that the machine's apt reads. */
export interface Archive {
  readonly uri: string;
  readonly suites: readonly string[];
}

/** The machine's apt archives, from both formats of the sources. What is switched off is left out. */
export async function archives(root: string): Promise<Archive[]> {
  const folder = join(root, "etc/apt/sources.list.d");
  const names = (await readdir(folder).catch(() => [])).sort();
  const files = [join(root, "etc/apt/sources.list"), ...names.map((name) => join(folder, name))];
  const found: Archive[] = [];
  for (const file of files) {
    const text = await readFile(file, "utf8").catch(() => "");
    if (file.endsWith(".sources")) found.push(...parseDeb822(text));
    else if (file.endsWith(".list")) found.push(...parseOneLine(text));
  }
  return found;
}

/** `deb [options] URI SUITE COMPONENT…`, one a line. */
export function parseOneLine(text: string): Archive[] {
  const found: Archive[] = [];
  for (const line of text.split("\n")) {
    const match = /^\s*deb\s+(?:\[[^\]]*\]\s+)?(\S+)\s+([^\s#]+)/.exec(line);
    if (match?.[1] !== undefined && match[2] !== undefined) found.push({ uri: match[1], suites: [match[2]] });
  }
  return found;
}

/** Paragraphs of `Field: value`, a line that begins with a blank continuing the one before. */
export function parseDeb822(text: string): Archive[] {
  const found: Archive[] = [];
  const lines = text.split("\n").filter((line) => !line.startsWith("#"));
  for (const paragraph of lines.join("\n").split(/\n\s*\n/)) {
    const fields = new Map<string, string>();
    for (const line of paragraph.replace(/\n[ \t]+/g, " ").split("\n")) {
      const colon = line.indexOf(":");
      if (colon > 0) fields.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
    }
    const words = (name: string) => (fields.get(name) ?? "").split(/\s+/).filter((word) => word !== "");
    if (!words("types").includes("deb") || fields.get("enabled")?.toLowerCase() === "no") continue;
    for (const uri of words("uris")) found.push({ uri, suites: words("suites") });
  }
  return found;
}

/** Where this machine gets Debian and Debian's security updates; undefined for what it does not use. */
export function debianMirrors(list: readonly Archive[]): { main?: string; security?: string } {
  const trim = (uri: string) => uri.replace(/\/+$/, "");
  const security = list.find(({ uri }) => /\/debian-security\/?$/.test(uri))?.uri;
  const main = list.find(({ uri }) => /\/debian\/?$/.test(uri) && !/docker|nodesource/.test(uri))?.uri;
  return {
    ...(main === undefined ? {} : { main: trim(main) }),
    ...(security === undefined ? {} : { security: trim(security) }),
  };
}

/**
 * The machine's apt settings without which its archives may be out of reach, as lines of an apt.conf: proxies, and checks
 * of dates that an archive of an older day would not pass.
 */
export async function networkSettings(host: Host): Promise<string[]> {
  const dump = await run(host, ["apt-config", "dump"]).catch(() => "");
  return dump.split("\n").filter((line) => {
    const name = line.split(" ", 1)[0] ?? "";
    const wanted =
      /^Acquire::(https?|ftp)::proxy(::|$)/i.test(name) || /^Acquire::Check-(Valid-Until|Date)$/i.test(name);
    // Passwords do not go into images, and a proxy on this machine's loopback is not a container's.
    return wanted && !/"[^"]*:\/\/[^"/]*@/.test(line) && !/"[^"]*:\/\/(localhost|127\.)/.test(line);
  });
}

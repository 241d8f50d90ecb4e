import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Resolver } from "../../../toolchain/resolver";
import { BASE_IMAGE, baseImageId, baseTool } from "../../../toolchain/tools/base";
import { chromiumTool } from "../../../toolchain/tools/chromium";
import { AWS_EMULATOR, AWS_EMULATOR_IMAGE, imageTool } from "../../../toolchain/tools/images";
import { MAILBOX_IMAGE, mailbox, telegrafTool } from "../../../toolchain/tools/programs";
import type { Tool } from "../../../toolchain/types";
import { type FakeHost, RecordingReporter, scratch } from "./fakes";

const labelsIn = (argv: readonly string[]): Record<string, string> =>
  Object.fromEntries(
    argv
      .filter((_, index) => argv[index - 1] === "--label")
      .map((label) => label.split("=") as [string, string]),
  );

/** An engine that knows its images. */
class FakeEngine {
  readonly images = new Map<string, Record<string, string> | null>();
  /** Dockerfiles that were built, by tag. */
  readonly built = new Map<string, string>();
  private readonly ids = new Map<string, string>();

  constructor(host: FakeHost) {
    host.on("docker image inspect", (argv) => {
      const name = argv.at(-1) ?? "";
      const labels = this.images.get(name);
      if (labels === undefined) return { code: 1, stderr: `Error: No such image: ${name}` };
      return JSON.stringify({ id: this.ids.get(name) ?? `sha256:${name}`, labels });
    });
    host.on("docker pull", (argv) => {
      this.images.set(argv.at(-1) ?? "", null);
      return "";
    });
    host.on("docker tag", (argv) => {
      this.images.set(argv.at(-1) ?? "", this.images.get(argv.at(-2) ?? "") ?? null);
      return "";
    });
    host.on("docker import", (argv) => {
      this.images.set(argv.at(-1) ?? "", null);
      return "";
    });
    host.on("docker build", async (argv) => {
      const tag = argv[argv.indexOf("--tag") + 1] ?? "";
      this.built.set(tag, await readFile(join(argv.at(-1) ?? "", "Dockerfile"), "utf8"));
      this.images.set(tag, labelsIn(argv));
      this.ids.set(tag, `sha256:${tag}-${this.built.size}`);
      return "";
    });
  }
}

const engine: Tool = { name: "Engine", why: "x", remedy: "y", ways: [], present: async () => "there" };

describe("images", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  let docker: FakeEngine;
  beforeEach(async () => {
    made = await scratch();
    docker = new FakeEngine(made.host);
    const folder = join(made.context.project, "images/aws-emulator");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "Dockerfile"), "ARG BASE\nFROM $BASE\n");
  });
  afterEach(() => made.remove());

  const base = () => baseTool(made.context, engine);
  const provide = async (...tools: Tool[]) =>
    new Map(
      (await new Resolver(made.host, new RecordingReporter()).provide(tools)).map(({ tool, way }) => [
        tool,
        way,
      ]),
    );

  /** A debootstrap that makes a folder, on a machine with a Debian mirror of its own. */
  async function offerDebootstrap(prefix = ""): Promise<void> {
    made.host.have("debootstrap", "apt-config");
    await made.host.file("etc/apt/sources.list", "deb http://m.example/debian bookworm main\n");
    await made.host.file("usr/share/debootstrap/scripts/trixie", "");
    made.host.on("apt-config dump", 'Acquire::http::Proxy "http://proxy.example:3128";\n');
    made.host.on(`${prefix}debootstrap`, "");
    made.host.on(`${prefix}tar`, async (_argv, options) => {
      await writeFile(options.stdoutFile ?? "", "tarball");
      return "";
    });
    made.host.on(`${prefix}rm -rf`, "");
  }

  it("that are better made here are built even where Docker Hub answers", async () => {
    made.host.online.add("registry-1.docker.io");
    const ways = await provide(imageTool(made.context, AWS_EMULATOR, engine, base()));
    assert.equal(ways.get("AWS emulator image"), "building images/aws-emulator");
  });

  it("of others are pulled from Docker Hub where it answers, without a base being made", async () => {
    made.host.online.add("registry-1.docker.io");
    const { better: _, ...ordinary } = AWS_EMULATOR;
    const ways = await provide(imageTool(made.context, ordinary, engine, base()));
    assert.deepEqual(
      [...ways],
      [
        ["Engine", "already there"],
        ["AWS emulator image", "Docker Hub"],
      ],
    );
    assert.deepEqual(made.host.called("docker pull"), ["docker pull --quiet localstack/localstack:4.14.0"]);
    assert.deepEqual(made.host.called("docker tag"), [
      `docker tag localstack/localstack:4.14.0 ${AWS_EMULATOR_IMAGE}`,
    ]);
    assert.deepEqual(made.host.called("docker build"), []);
    assert.equal(
      (await provide(imageTool(made.context, AWS_EMULATOR, engine, base()))).get("AWS emulator image"),
      "already there",
    );
  });

  it("are built on a debootstrapped base where only registries answer", async () => {
    await offerDebootstrap();
    const ways = await provide(imageTool(made.context, AWS_EMULATOR, engine, base()));
    assert.equal(ways.get("Base image"), "debootstrap");
    assert.equal(ways.get("AWS emulator image"), "building images/aws-emulator");
    assert.match(
      made.host.called("docker build").at(-1) ?? "",
      new RegExp(
        `--build-arg BASE=${BASE_IMAGE} --label fitnesscrm\\.role=aws-emulator --label fitnesscrm\\.inputs=`,
      ),
    );
    const debootstrap = made.host.called("debootstrap --variant")[0] ?? "";
    assert.match(debootstrap, /^debootstrap --variant=minbase .* trixie \S+ http:\/\/m\.example\/debian$/);
  });

  it("are built again when their folder or their base changes, and not otherwise", async () => {
    await offerDebootstrap();
    const way = async () =>
      (await provide(imageTool(made.context, AWS_EMULATOR, engine, base()))).get("AWS emulator image");
    await way();
    assert.equal(await way(), "already there");
    await writeFile(join(made.context.project, "images/aws-emulator/extra"), "new");
    assert.equal(await way(), "building images/aws-emulator");
    docker.images.delete(BASE_IMAGE);
    assert.equal(await way(), "building images/aws-emulator");
  });

  it("whose folder changed while they were built say so", async () => {
    await offerDebootstrap();
    docker.images.set(BASE_IMAGE, null);
    made.host.on("docker build", async () => {
      await writeFile(join(made.context.project, "images/aws-emulator/Dockerfile"), "FROM scratch\n");
      return "";
    });
    await assert.rejects(
      provide(imageTool(made.context, AWS_EMULATOR, engine, base())),
      /- building images\/aws-emulator: images\/aws-emulator or its base changed while it was built: run this again\n/,
    );
  });

  it("say what failed when neither can be had", async () => {
    made.host.on("docker build", { code: 1, stderr: "pip: no matching distribution" });
    await offerDebootstrap();
    docker.images.set(BASE_IMAGE, null);
    await assert.rejects(provide(imageTool(made.context, AWS_EMULATOR, engine, base())), {
      message: [
        "AWS emulator image is needed to run without an AWS account, and no way to get it works:",
        "  - building images/aws-emulator: `docker build --tag fitnesscrm/aws-emulator:4.14.0 …` ended with 1: pip: no matching distribution",
        "  - Docker Hub: registry-1.docker.io did not answer in 3 s",
        "  What to do: let the engine pull localstack/localstack:4.14.0 and tag it fitnesscrm/aws-emulator:4.14.0, or see what the build in images/aws-emulator says.",
      ].join("\n"),
    });
  });

  it("of the mailbox get their program from the home, and only where they are built", async () => {
    const folder = join(made.context.project, "images/mailbox");
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, "Dockerfile"), "ARG BASE\nFROM $BASE\nCOPY mailpit /\n");
    let got = 0;
    const mailpit: Tool = {
      name: "Mailpit",
      why: "x",
      remedy: "y",
      present: async () => (got > 0 ? "v1" : undefined),
      ways: [
        {
          name: "build",
          get: async () => {
            await writeFile(join(made.home.bin, "mailpit"), "program");
            got++;
          },
        },
      ],
    };
    const tool = () => imageTool(made.context, mailbox(mailpit), engine, base());
    made.host.online.add("registry-1.docker.io");
    await provide(tool());
    assert.equal(got, 0);

    made.host.online.clear();
    docker.images.clear();
    await offerDebootstrap();
    let program = "";
    const building = docker.built;
    made.host.on(`docker build --tag ${MAILBOX_IMAGE}`, async (argv) => {
      program = await readFile(join(argv.at(-1) ?? "", "mailpit"), "utf8");
      building.set(MAILBOX_IMAGE, "");
      docker.images.set(MAILBOX_IMAGE, labelsIn(argv));
      return "";
    });
    await provide(tool());
    assert.equal(program, "program");
    assert.equal((await provide(tool())).get("Mailbox image"), "already there");
  });

  describe("base", () => {
    it("is Docker Hub's slim Debian where that answers", async () => {
      made.host.online.add("registry-1.docker.io");
      assert.equal((await provide(base())).get("Base image"), "Docker Hub");
      assert.equal(docker.built.get(BASE_IMAGE), "FROM debian:trixie-slim\nCOPY overlay/ /\n");
      assert.equal(await baseImageId(made.context), `sha256:${BASE_IMAGE}-1`);
    });

    it("trusts what the machine trusts beyond its distribution, wherever it comes from", async () => {
      const pem = (text: string) => `-----BEGIN CERTIFICATE-----\n${text}\n-----END CERTIFICATE-----\n`;
      await made.host.file("usr/share/ca-certificates/a.crt", pem("AAAA"));
      await made.host.file("etc/ssl/certs/ca-certificates.crt", pem("AAAA") + pem("BBBB"));
      made.host.online.add("registry-1.docker.io");
      await provide(base());
      assert.match(
        docker.built.get(BASE_IMAGE) ?? "",
        /RUN .* && update-ca-certificates\nENV NODE_EXTRA_CA_CERTS=\/etc\/ssl\/certs\/ca-certificates\.crt/,
      );
    });

    it("is made again when what the machine trusts changes, from the tarball that was kept", async () => {
      await offerDebootstrap();
      assert.equal((await provide(base())).get("Base image"), "debootstrap");
      assert.equal((await provide(base())).get("Base image"), "already there");
      made.host.on("apt-config dump", 'Acquire::http::Proxy "http://another.example:3128";\n');
      assert.equal((await provide(base())).get("Base image"), "the tarball kept from an earlier debootstrap");
    });

    it("is imported again from the tarball when the engine lost its images, and a broken tarball is not kept", async () => {
      await offerDebootstrap();
      await provide(base());
      docker.images.clear();
      assert.equal((await provide(base())).get("Base image"), "the tarball kept from an earlier debootstrap");
      docker.images.clear();
      let imports = 0;
      made.host.on("docker import", (argv) => {
        if (++imports === 1) return { code: 1, stderr: "Error: unexpected EOF" };
        docker.images.set(argv.at(-1) ?? "", null);
        return "";
      });
      assert.equal((await provide(base())).get("Base image"), "debootstrap");
    });

    it("is made through sudo where that asks no password, and otherwise says that root is missing", async () => {
      made.host.rights = "sudo";
      await offerDebootstrap("sudo -n ");
      assert.equal((await provide(base())).get("Base image"), "debootstrap");
      docker.images.clear();
      await (await import("node:fs/promises")).rm(made.home.cache, { recursive: true });
      made.host.rights = "none";
      await assert.rejects(provide(base()), {
        message: [
          "Base image is needed to build the project's images, and no way to get it works:",
          "  - Docker Hub: registry-1.docker.io did not answer in 3 s",
          "  - the tarball kept from an earlier debootstrap: there is none yet",
          "  - debootstrap: needs root: you are not root and sudo asks for a password or is missing",
          "  What to do: let the engine pull debian:trixie-slim, tag it fitnesscrm/base:trixie yourself, or run this as root on Debian or Ubuntu.",
        ].join("\n"),
      });
    });

    it("half made by a run that was killed is removed first, after what is mounted in it", async () => {
      const left = join(made.home.cache, "bootstrap-999999999");
      await mkdir(left);
      await made.host.file(
        "proc/self/mounts",
        `proc /proc proc rw 0 0\nproc ${left}/proc proc rw 0 0\nsysfs ${left}/sys sysfs rw 0 0\n`,
      );
      await offerDebootstrap();
      made.host.on("umount", "");
      await provide(base());
      const line = (text: string) => made.host.calls.findIndex((call) => call.startsWith(text));
      assert.deepEqual(made.host.called("umount"), [`umount ${left}/sys`, `umount ${left}/proc`]);
      assert.ok(line("umount") < line(`rm -rf --one-file-system ${left}`));
      assert.ok(line(`rm -rf --one-file-system ${left}`) < line("debootstrap"));
    });

    it("that a person tagged is left alone", async () => {
      docker.images.set(BASE_IMAGE, { maintainer: "me" });
      assert.equal((await provide(base())).get("Base image"), "already there");
    });

    it("follows the recipe of the newest release that an older debootstrap knows", async () => {
      await offerDebootstrap();
      await (await import("node:fs/promises")).rm(join(made.host.root, "usr"), { recursive: true });
      await provide(base());
      assert.match(
        made.host.called("debootstrap --variant")[0] ?? "",
        /http:\/\/m\.example\/debian \S+\/scripts\/sid$/,
      );
    });
  });
});

describe("Telegraf", () => {
  let made: Awaited<ReturnType<typeof scratch>>;
  beforeEach(async () => {
    made = await scratch();
    await mkdir(join(made.context.project, "toolchain/go/telegraf"), { recursive: true });
    await list("custom\ninputs.cpu\n");
  });
  const list = (plugins: string) =>
    writeFile(join(made.context.project, "toolchain/go/telegraf/tags"), `# used by the agent\n${plugins}`);
  afterEach(() => made.remove());
  const go: Tool = { name: "Go", why: "x", remedy: "y", ways: [], present: async () => "go" };
  const provide = () =>
    new Resolver(made.host, new RecordingReporter()).provide([telegrafTool(made.context, engine, go)]);

  it("is copied out of the official image where Docker Hub answers, and the container is removed", async () => {
    made.host.online.add("registry-1.docker.io");
    made.host.on("docker pull", "").on("docker create", "abc\n").on("docker rm", "");
    made.host.on("docker cp", async (argv) => {
      await writeFile(argv.at(-1) ?? "", "telegraf");
      return "";
    });
    assert.equal((await provide())[0]?.way, "Docker Hub");
    assert.deepEqual(made.host.called("docker rm"), ["docker rm --volumes abc"]);
  });

  it("is built with nothing but the plugins that are listed where only registries answer", async () => {
    made.host.have("go").on("go version", "go version go1.26.6 linux/amd64");
    made.host.on("go build", async (argv) => {
      await writeFile(argv[argv.indexOf("-o") + 1] ?? "", "built");
      return "";
    });
    const download = (Sum: string) =>
      made.host.on("go mod download", JSON.stringify({ Dir: "/module", Sum }));
    download("h1:of something else");
    await assert.rejects(
      provide(),
      /- Go module: github\.com\/influxdata\/telegraf has the checksum h1:of something else, expected h1:/,
    );
    download("h1:mYr0I/suEw9+UM4KrCFuYuzJuq/e99cINniIwqO6ykw=");
    assert.equal((await provide())[0]?.what, "v1.37.2 (Go module)");
    assert.match(made.host.called("go build")[0] ?? "", /-tags custom,inputs\.cpu \.\/cmd\/telegraf$/);
  });
});

describe("Chromium", () => {
  it("is whichever browser of its family is on PATH, else the distribution's", async () => {
    const { context, host, remove } = await scratch();
    try {
      host.have("google-chrome");
      assert.equal(await chromiumTool(context).present(), "/usr/bin/google-chrome");
      host.commands.clear();
      host.have("apt-get").on("env DEBIAN_FRONTEND", () => {
        host.have("chromium");
        return "";
      });
      const [provided] = await new Resolver(host, new RecordingReporter()).provide([chromiumTool(context)]);
      assert.equal(provided?.way, "the distribution's package chromium");
    } finally {
      await remove();
    }
  });
});

import { appendFileSync, cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { PROJECT_FOLDER } from "../../cli/context";
import { run } from "../../cli/exec";
import { launch } from "../e2e/support/launcher";
import type { Images } from "./compose";

const PORTS = { http: 18070, tunnel: 25470, aws: 24570, mailbox: 28070 } as const;
/** A backend of one task, since docker compose runs one, too. */
const SETTINGS = [
  `http.port=${PORTS.http}`,
  `database.tunnelPort=${PORTS.tunnel}`,
  `local.awsPort=${PORTS.aws}`,
  `local.mailboxPort=${PORTS.mailbox}`,
  "replicas.backend=1",
];
const POLL_MS = 200;

/** A stack of the bench's own, on a git checkout of the example application that the bench edits. */
export class BenchStack {
  readonly name = "bench";
  readonly url = `http://127.0.0.1:${PORTS.http}`;
  private readonly checkout = mkdtempSync(join(tmpdir(), "fitnesscrm-bench-"));
  private settings: string[] = [];

  /** @param more - Settings beside the bench's own, `KEY=VALUE`. */
  static async start(...more: readonly string[]): Promise<BenchStack> {
    const stack = new BenchStack();
    cpSync(join(PROJECT_FOLDER, "examples", "app"), stack.checkout, { recursive: true });
    await stack.git("init", "--quiet");
    await stack.commit("first");
    stack.settings = [...SETTINGS, `app.source=${stack.checkout}`, ...more];
    try {
      await stack.up();
    } catch (error) {
      await stack.remove();
      throw error;
    }
    return stack;
  }

  /** Makes the next {@link up} replace a service, as a new release does. */
  async edit(service: "backend" | "frontend" | "nginx"): Promise<void> {
    if (service === "nginx") {
      // Its image is the project's own, which the bench leaves alone; a new limit replaces the task in the same way.
      this.settings.push("resources.nginx.memoryMiB=144");
      return;
    }
    const [file, text] =
      service === "backend"
        ? ["backend/app.py", "\n# the next release\n"]
        : ["frontend/public/index.html", "<!-- the next release -->\n"];
    appendFileSync(join(this.checkout, file), text);
    await this.commit(`next ${service}`);
  }

  async up(): Promise<void> {
    await this.run("up", ...this.settings.flatMap((setting) => ["--set", setting]));
    this.settings = [];
  }

  /** Runs a command of the launcher on the stack. @throws Error when it fails. @returns What it printed. */
  async run(command: string, ...args: readonly string[]): Promise<string> {
    const { code, stdout, stderr } = await launch([command, ...args, "--stack", this.name], {
      timeoutSeconds: 900,
    });
    if (code !== 0) {
      throw new Error(`./fitnesscrm ${command} ended with ${code}:\n${stdout}\n${stderr}`);
    }
    return stdout;
  }

  async images(): Promise<Images> {
    const text = await launch(["pulumi", "--stack", this.name, "stack", "output", "--json"]);
    return (JSON.parse(text.stdout) as { release: { images: Images } }).release.images;
  }

  /** @returns When every running backend was of that image, by the clock of `performance`. */
  async whenEveryBackendRuns(image: string): Promise<number> {
    const deadline = performance.now() + 600_000;
    const filter = [
      "--filter",
      `label=fitnesscrm.stack=${this.name}`,
      "--filter",
      "label=fitnesscrm.service=backend",
    ];
    while (performance.now() < deadline) {
      const ids = (await checked("docker", ["container", "ls", "--quiet", ...filter]))
        .split("\n")
        .filter(Boolean);
      const found = await run("docker", [
        "container",
        "inspect",
        "--format",
        "{{.Image}} {{.State.Health.Status}}",
        ...ids,
      ]);
      const lines = found.stdout.split("\n").filter(Boolean);
      if (lines.length > 0 && lines.every((line) => line === `${image} healthy`)) {
        return performance.now();
      }
      await sleep(POLL_MS);
    }
    throw new Error("the old backend did not come back within 600 s");
  }

  /** The manual's way: check out the commit before and build it. @returns The image. */
  async rebuildPrevious(part: "backend"): Promise<string> {
    const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-manual-"));
    try {
      await checked("git", ["clone", "--quiet", this.checkout, folder]);
      await checked("git", ["-C", folder, "checkout", "--quiet", "HEAD~1"]);
      const base = "fitnesscrm/base:trixie";
      const isKnown = (await run("docker", ["image", "inspect", base])).code === 0;
      const dockerfile = join(folder, part, "Dockerfile.prod");
      const baseArgs = isKnown ? ["--build-arg", `BASE=${base}`] : [];
      const built = await checked("docker", [
        ...["build", "--quiet", "--file", dockerfile, ...baseArgs],
        join(folder, part),
      ]);
      return built.trim();
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  async remove(): Promise<void> {
    await launch(["destroy", "--stack", this.name, "--delete-data", this.name, "--without-backup"]);
    rmSync(this.checkout, { recursive: true, force: true });
  }

  private async commit(message: string): Promise<void> {
    const who = ["-c", "user.name=bench", "-c", "user.email=bench@example.com"];
    await this.git("add", "--all");
    await this.git(...who, "commit", "--quiet", "--message", message);
  }

  private async git(...args: readonly string[]): Promise<void> {
    await checked("git", ["-C", this.checkout, ...args]);
  }
}

async function checked(command: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await run(command, args);
  if (code !== 0) {
    throw new Error(`${command} ${args.join(" ")} ended with ${code}: ${stderr.trim()}`);
  }
  return stdout;
}

import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { stringify } from "yaml";
import { run } from "../../cli/exec";

export type Images = Record<"backend" | "frontend" | "db" | "redis" | "nginx", string>;

const PROJECT = "fitnesscrm-bench-compose";

/**
 * What the manual's users have today: the same images in a docker-compose file, deployed by `docker compose up -d`. Even the
 * nginx is ours, which asks for the backend's address again every second; one that resolves it once would go on failing.
 */
export class ComposeStack {
  private readonly folder = mkdtempSync(join(tmpdir(), "fitnesscrm-compose-"));
  private nginxGeneration = 1;

  private constructor(
    private readonly command: readonly string[],
    readonly port: number,
    private images: Images,
  ) {}

  /** @throws Error when there is no docker compose on this machine. */
  static async start(port: number, images: Images): Promise<ComposeStack> {
    const stack = new ComposeStack(await composeCommand(), port, images);
    const secrets = join(stack.folder, "secrets");
    mkdirSync(secrets, { mode: 0o755 });
    for (const name of ["postgres_password", "redis_password", "secret_key"]) {
      stack.passwords[name] = randomBytes(16).toString("hex");
      writeFileSync(join(secrets, name), stack.passwords[name] ?? "", { mode: 0o444 });
    }
    await stack.up();
    return stack;
  }

  private readonly passwords: Record<string, string> = {};

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Another image of one service, or the same nginx with another environment, as after an edit of the file. */
  async change(service: "backend" | "frontend" | "nginx", image: string): Promise<void> {
    this.images = { ...this.images, [service]: image };
    this.nginxGeneration += service === "nginx" ? 1 : 0;
    await this.up();
  }

  /** Waits until the application answers. */
  async answers(): Promise<void> {
    const deadline = performance.now() + 120_000;
    while (performance.now() < deadline) {
      const answer = await fetch(`${this.url}/api/health`, { signal: AbortSignal.timeout(5_000) }).catch(
        () => undefined,
      );
      if (answer?.ok) {
        return;
      }
      await sleep(100);
    }
    throw new Error("the application behind docker compose did not answer within 120 s");
  }

  async remove(): Promise<void> {
    await this.compose("down", "--volumes");
    rmSync(this.folder, { recursive: true, force: true });
  }

  private async up(): Promise<void> {
    writeFileSync(join(this.folder, "docker-compose.yml"), stringify(this.file()), { mode: 0o600 });
    await this.compose("up", "-d");
  }

  private file(): object {
    const { images, passwords } = this;
    const common = { restart: "unless-stopped" };
    const secrets = `${join(this.folder, "secrets")}:/run/secrets:ro`;
    return {
      version: "2.4",
      services: {
        db: {
          ...common,
          image: images.db,
          volumes: ["db:/var/lib/postgresql/data", secrets],
          tmpfs: ["/run/postgresql:mode=1777", "/tmp:mode=1777"],
        },
        redis: {
          ...common,
          image: images.redis,
          volumes: ["redis:/data", secrets],
          tmpfs: ["/run/redis:mode=1777"],
        },
        backend: {
          ...common,
          image: images.backend,
          environment: {
            DATABASE_URL: `postgresql://postgres:${passwords.postgres_password}@db:5432/fitnesscrm`,
            REDIS_URL: `redis://:${passwords.redis_password}@redis:6379/0`,
            SECRET_KEY: passwords.secret_key,
          },
        },
        frontend: { ...common, image: images.frontend },
        nginx: {
          ...common,
          image: images.nginx,
          environment: { GENERATION: String(this.nginxGeneration) },
          ports: [`127.0.0.1:${this.port}:80`],
          tmpfs: ["/tmp:mode=1777"],
        },
      },
      volumes: { db: {}, redis: {} },
    };
  }

  private async compose(...args: readonly string[]): Promise<void> {
    const [program = "", ...first] = this.command;
    const all = [...first, "--project-name", PROJECT, ...args];
    const { code, stderr } = await run(program, all, { cwd: this.folder });
    if (code !== 0) {
      throw new Error(`${program} ${all.join(" ")} ended with ${code}: ${stderr.trim()}`);
    }
  }
}

async function composeCommand(): Promise<readonly string[]> {
  for (const command of [["docker", "compose"], ["docker-compose"]]) {
    const [program = "", ...first] = command;
    if ((await run(program, [...first, "version"])).code === 0) {
      return command;
    }
  }
  throw new Error(
    "docker compose is not installed, which bench:deploy compares with: apt-get install docker-compose",
  );
}

import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunResult } from "../../../../cli/exec";
import type { OpsOptions } from "../../../../cli/ops";
import { createReporter } from "../../../../cli/reporter";
import type { TableRows } from "../../../../cli/restore/catalog";
import type { Engine, EngineOptions } from "../../../../cli/restore/engine";
import type { Journal, JournalStore } from "../../../../cli/restore/journal";
import type { BackupEntry } from "../../../../cli/restore/plan";
import { type Interruption, type Tools, toolsOf } from "../../../../cli/restore/tools";
import { type Database, FakeServer } from "./server";

/** The process is gone: nothing that it does from here on has an effect. */
export class Killed extends Error {}

export const BACKUP: BackupEntry = {
  id: "20250131T070000Z-1a2b",
  createdAt: "2025-01-31T07:00:00.000Z",
  bytes: 5 * 1024 * 1024,
  sha256: "ab".repeat(32),
  label: "nightly",
  release: "sha256:release",
  local: true,
  s3: true,
  verifiedAt: "2025-01-31T07:02:00.000Z",
};

export const NOW = new Date("2025-01-31T10:00:00Z");
export const PASSWORD = "only-on-standard-input";

const OLD_ROWS: TableRows[] = [
  { schema: "public", name: "contacts", rows: 12 },
  { schema: "public", name: "notes", rows: 3 },
];
const NEW_ROWS: TableRows[] = [
  { schema: "public", name: "contacts", rows: 10 },
  { schema: "public", name: "tags", rows: 1 },
];

export function liveDatabase(): Database {
  return {
    content: "old",
    owner: "postgres",
    allowConnections: true,
    connectionLimit: 90,
    comment: "the application's",
    rows: OLD_ROWS,
  };
}

/** Stack `unit` in memory, its uploads volume in a folder, and a process that can be killed or failed at every step. */
export class World implements Engine {
  readonly server = new FakeServer();
  readonly log: string[] = [];
  readonly said: string[] = [];
  readonly questions: string[] = [];
  /** Why logs cannot be archived. */
  archiveFault: string | undefined;
  readonly loads: { args: readonly string[]; input: unknown }[] = [];
  replicas = 2;
  running = 2;
  backups: BackupEntry[] = [BACKUP];
  stored: Journal | undefined;
  answer = true;
  healthy = true;
  now = NOW;
  onHold: () => string | undefined = () => undefined;
  loadFails: string | undefined;
  /** Moments at which the process could be killed until it is. */
  killAfter = Number.POSITIVE_INFINITY;
  /** Calls to the engine until one fails. */
  failAfter = Number.POSITIVE_INFINITY;
  failed: string | undefined;
  moments = 0;
  calls = 0;
  private dead = false;
  private readonly backupUploads: string;

  /** @param folder An empty one. */
  constructor(readonly folder: string) {
    for (const [name, files] of Object.entries({
      uploads: { "photo.jpg": "old photo", "-rf": "old dash", ".hidden": "old hidden" },
      backup: { "photo.jpg": "new photo", "only new.txt": "new file" },
    })) {
      mkdirSync(join(folder, name, "sub"), { recursive: true });
      for (const [file, content] of Object.entries(files)) {
        writeFileSync(join(folder, name, file), content);
      }
      writeFileSync(join(folder, name, "sub", "deep.txt"), `${name} deep`);
    }
    this.backupUploads = join(folder, "backup");
    this.server.databases.set("fitnesscrm", liveDatabase());
    this.server.databases.set("postgres", { ...liveDatabase(), content: "postgres", comment: null });
    this.server.tick = () => this.tick();
  }

  /** As another process sees the same stack. */
  revive(): void {
    this.dead = false;
    this.killAfter = Number.POSITIVE_INFINITY;
    this.failAfter = Number.POSITIVE_INFINITY;
  }

  get volume(): string {
    return join(this.folder, "uploads");
  }

  /** Uploads as the application sees them. */
  uploads(): Record<string, string> {
    return contents(this.volume);
  }

  /** Names in the volume that are ours. */
  ours(): string[] {
    return readdirSync(this.volume)
      .filter((name) => /^\.(incoming|arriving|replaced)-/.test(name))
      .sort();
  }

  tools(): Tools {
    return toolsOf({
      stack: "unit",
      live: "fitnesscrm",
      engine: this,
      journal: this.journal(),
      ops: (service, args, options) => this.ops(service, args, options),
      password: async () => PASSWORD,
      health: async () => ({
        healthy: this.healthy,
        components: [{ name: "backend", healthy: this.healthy, reason: this.healthy ? "fine" : "it is ill" }],
      }),
      ask: async (question) => {
        this.questions.push(question);
        return this.answer;
      },
      reporter: createReporter({ stream: { write: () => true, isTTY: false, columns: 80 } }),
      say: (line) => {
        this.said.push(line);
      },
      now: () => this.now,
      interruption: this.interruption(),
    });
  }

  private interruption(): Interruption {
    let held: string | undefined;
    return {
      hold: () => {
        held = this.onHold();
      },
      release: () => {},
      get held() {
        return held;
      },
    };
  }

  private journal(): JournalStore {
    return {
      read: () => {
        this.tick();
        return structuredClone(this.stored);
      },
      write: (entry) => {
        this.tick();
        this.stored = structuredClone(entry);
        this.tick();
      },
      remove: () => {
        this.tick();
        this.stored = undefined;
        this.tick();
      },
    };
  }

  private tick(): void {
    if (this.dead || ++this.moments > this.killAfter) {
      this.dead = true;
      throw new Killed();
    }
  }

  private async ops(service: string, args: readonly string[], options?: OpsOptions): Promise<unknown> {
    this.tick();
    this.log.push(`${service}: ${args.join(" ")}`);
    if (args[0] === "backups") {
      return this.backups;
    }
    if (args[0] === "run") {
      if (this.archiveFault !== undefined) {
        throw new Error(this.archiveFault);
      }
      return {};
    }
    const input = JSON.parse(options?.input ?? "null") as { target: string; id?: string; toTime?: string };
    this.loads.push({ args, input });
    if (this.loadFails !== undefined) {
      const { UserError } = await import("../../../../cli/errors");
      throw new UserError(this.loadFails);
    }
    this.server.databases.set(input.target, {
      content: "new",
      owner: "fitnesscrm_app",
      allowConnections: true,
      connectionLimit: -1,
      comment: null,
      rows: NEW_ROWS,
    });
    this.tick();
    return {
      id: input.id ?? null,
      createdAt: input.toTime ?? BACKUP.createdAt,
      target: input.target,
      tables: 2,
      rows: 11,
      seconds: 0.1,
      timings: { fetch: 0.1 },
    };
  }

  async run(args: readonly string[], options: EngineOptions = {}): Promise<RunResult> {
    this.tick();
    this.log.push(this.commandLine(args));
    if (++this.calls > this.failAfter) {
      this.failAfter = Number.POSITIVE_INFINITY;
      this.failed = this.commandLine(args);
      return failure("Error response from daemon: the engine is out of sorts");
    }
    const result = this.perform(args, options.input ?? "");
    this.tick();
    return result;
  }

  async pipe(
    source: readonly string[],
    sink: readonly string[],
    { input = "" }: { input?: string } = {},
  ): Promise<{ source: RunResult; sink: RunResult }> {
    this.tick();
    this.log.push(`${this.commandLine(source)} <<< ${input} | ${this.commandLine(sink)}`);
    if (++this.calls > this.failAfter) {
      this.failAfter = Number.POSITIVE_INFINITY;
      this.failed = "pipe";
      return { source: failure("ops: uploads of the backup are damaged"), sink: success("") };
    }
    const tar = execFileSync("tar", ["--create", "--file=-", "--directory", this.backupUploads, "."]);
    const result = { source: success(""), sink: this.uploadsContainer(sink, tar) };
    this.tick();
    return result;
  }

  /** The script is shown by its name: it has a test of its own. */
  private commandLine(args: readonly string[]): string {
    const script = args.indexOf("-c");
    return args.map((arg, index) => (script >= 0 && index === script + 1 ? "SCRIPT" : arg)).join(" ");
  }

  private perform(args: readonly string[], input: string): RunResult {
    const words = args.join(" ");
    if (words.startsWith("container ls ")) {
      return success(`${/fitnesscrm\.service=(\w+)/.exec(words)?.[1]}-container\n`);
    }
    if (words === "container inspect --format {{.Image}} db-container") {
      return success("sha256:postgres\n");
    }
    if (words.startsWith("service inspect ")) {
      return success(`${this.replicas}\n`);
    }
    if (words.startsWith("service update ")) {
      this.replicas = Number(args[args.indexOf("--replicas") + 1]);
      return success("");
    }
    if (words.startsWith("service ps ")) {
      this.running = this.replicas;
      return success("Running 2 seconds ago\n".repeat(this.running));
    }
    if (words.startsWith("exec -i db-container psql ")) {
      return this.server.psql(args[args.indexOf("--dbname") + 1] ?? "", input);
    }
    if (args[0] === "run") {
      return this.uploadsContainer(args, Buffer.alloc(0));
    }
    throw new Error(`no such command is expected: docker ${words}`);
  }

  private uploadsContainer(args: readonly string[], input: Buffer): RunResult {
    const script = args.slice(args.indexOf("-c")).map((arg) => (arg === "/uploads" ? this.volume : arg));
    const result = spawnSync("/bin/bash", script, { input, encoding: "utf8" });
    return { code: result.status ?? 137, stdout: result.stdout, stderr: result.stderr };
  }
}

/** Files below a folder by path, without what is ours. */
export function contents(folder: string): Record<string, string> {
  const files: Record<string, string> = {};
  for (const name of readdirSync(folder, { recursive: true }) as string[]) {
    if (!/^\.(incoming|arriving|replaced)-/.test(name) && statSync(join(folder, name)).isFile()) {
      files[name] = readFileSync(join(folder, name), "utf8");
    }
  }
  return files;
}

function success(stdout: string): RunResult {
  return { code: 0, stdout, stderr: "" };
}

function failure(stderr: string): RunResult {
  return { code: 1, stdout: "", stderr };
}

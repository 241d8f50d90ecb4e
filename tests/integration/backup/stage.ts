import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CreateBucketCommand, PutBucketVersioningCommand, S3Client } from "@aws-sdk/client-s3";
import { generateIdentity, recipientOf } from "../../../ageKey";
import type { BackupSettings } from "../../../ops/backup/settings";
import { docker, eventually, exec, healthy, image, type Result, Sandbox, tryDocker } from "../images/sandbox";
import { emulatorImage, emulatorIsReady } from "../plugins/aws-emulator";

export const DATABASE = "fitnesscrm";
export const BUCKET = "backups-test";

/** The entry of this suite as one file, made as `ops/build.ts` makes the program's. */
async function bundle(file: string): Promise<void> {
  const fromTsx = createRequire(require.resolve("tsx/package.json"));
  const { build } = fromTsx("esbuild") as { build(options: object): Promise<unknown> };
  await build({
    entryPoints: [join(__dirname, "entry.ts")],
    outfile: file,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: ["pg-native", "pg-cloudflare"],
    logLevel: "silent",
  });
}

export interface StageOptions {
  /** SQL of the database; `schema.sql` when left out. */
  readonly schema?: string;
  /** Settings of the server. */
  readonly server?: Readonly<Record<string, string>>;
  /** No relay in the way to S3, which costs time. */
  readonly direct?: boolean;
}

/** A database with the suite's schema, an S3 behind a relay that can be broken, and an ops container. */
export class Stage {
  readonly sandbox = new Sandbox();
  readonly identity = generateIdentity();
  readonly #password = randomBytes(12).toString("hex");
  readonly #backupPassword = `p:w\\${randomBytes(12).toString("hex")}@`;
  #opsImage = "";
  #secrets = "";
  #configuration = "";
  readonly #more: string[] = [];
  readonly #options: StageOptions;
  database = "";
  emulator = "";
  relay = "";
  ops = "";
  s3!: S3Client;

  constructor(options: StageOptions = {}) {
    this.#options = options;
  }

  async open(): Promise<void> {
    await this.sandbox.open();
    const work = await mkdtemp(join(tmpdir(), "fitnesscrm-backup-"));
    try {
      await bundle(join(work, "main.js"));
      this.#opsImage = await image("images/ops", { files: { "main.js": join(work, "main.js") } });
    } finally {
      await rm(work, { recursive: true });
    }
    this.#secrets = await this.#secretsFor("ops", "db");
    await this.configure(this.#options.direct ? { endpoint: "http://emulator:4566" } : {});
    await Promise.all([this.#startDatabase(), this.#startEmulator()]);
    this.relay = await this.sandbox.start({
      image: this.#opsImage,
      alias: "s3",
      args: ["node", "/opt/ops/main.js", "relay"],
      tmpfs: ["/tmp"],
      volumes: { "/fitnesscrm": this.#configuration },
    });
    this.ops = await this.startOps();
  }

  #secretsFor(name: string, host: string): Promise<string> {
    const superuser = `postgresql://postgres:${this.#password}@${host}:5432/${DATABASE}`;
    return this.sandbox.secrets(name, {
      postgres_password: this.#password,
      superuser_url: superuser,
      backup_database_url: `postgresql://${DATABASE}_backup:${encodeURIComponent(this.#backupPassword)}@${host}:5432/${DATABASE}\n`,
      backup_writer: JSON.stringify({ accessKeyId: "writer", secretAccessKey: "writer-secret" }),
      backup_reader: JSON.stringify({ accessKeyId: "reader", secretAccessKey: "reader-secret" }),
      backup_identity: this.identity,
      other_identity: generateIdentity(),
    });
  }

  /** What an ops container needs that saves the database on another host, below a prefix of its own. */
  async filesFor(host: string, prefix: string): Promise<{ secrets: string; configuration: string }> {
    const settings = JSON.parse(await exec(this.ops, "cat", "/fitnesscrm/backup.json")) as BackupSettings;
    const own: BackupSettings = { ...settings, database: { ...settings.database, host }, prefix };
    return {
      secrets: await this.#secretsFor(`ops-${host}`, host),
      configuration: await this.sandbox.secrets(`configuration-${host}`, {
        "backup.json": JSON.stringify(own),
      }),
    };
  }

  async close(): Promise<void> {
    this.s3?.destroy();
    if (this.#more.length > 0) await tryDocker(["rm", "--force", "--volumes", ...this.#more]);
    await this.sandbox.close();
  }

  async configure(change: Partial<BackupSettings> = {}): Promise<void> {
    const settings: BackupSettings = {
      stack: "test",
      database: { host: "db", port: 5432, name: DATABASE },
      timeZone: "America/New_York",
      bucket: BUCKET,
      prefix: "backups/",
      region: "us-east-1",
      endpoint: "http://s3:4566",
      recipients: [recipientOf(this.identity)],
      retentionDaysLocal: 30,
      metricNamespace: "FitnessCRM",
      ...change,
    };
    this.#configuration = await this.sandbox.secrets("configuration", {
      "backup.json": JSON.stringify(settings),
    });
  }

  /** A container like the stack's ops, that waits for commands. */
  startOps(
    secrets = this.#secrets,
    configuration = this.#configuration,
    backups = "backups",
  ): Promise<string> {
    return this.sandbox.start({
      image: this.#opsImage,
      args: ["sleep", "infinity"],
      tmpfs: ["/tmp"],
      volumes: {
        "/run/secrets": secrets,
        "/fitnesscrm": configuration,
        "/uploads": "uploads",
        "/backups": backups,
        "/var/lib/restore": "restore",
      },
    });
  }

  /** The same with a disk for /backups that is as small as `size`, e.g. "60m". */
  async startOpsWithDisk(size: string): Promise<string> {
    const name = `${this.sandbox.prefix}-disk-${size}`;
    this.#more.push(name);
    await docker([
      ...["run", "--detach", `--name=${name}`, `--network=${this.sandbox.prefix}`, "--cap-drop=ALL"],
      ...[
        `--tmpfs=/backups:size=${size},uid=996,gid=996,mode=0700`,
        `--volume=${this.sandbox.prefix}-uploads:/uploads:ro`,
      ],
      ...[`--volume=${this.#secrets}:/run/secrets:ro`, `--volume=${this.#configuration}:/fitnesscrm:ro`],
      ...[this.#opsImage, "sleep", "infinity"],
    ]);
    return name;
  }

  async #startDatabase(): Promise<void> {
    this.database = await this.sandbox.start({
      image: await image("images/postgres"),
      alias: "db",
      args: Object.entries({
        shared_preload_libraries: "pg_stat_statements",
        ...this.#options.server,
      }).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
      volumes: { "/var/lib/postgresql/data": "db", "/run/secrets": this.#secrets },
      tmpfs: ["/run/postgresql", "/tmp"],
    });
    await healthy(this.database);
    await this.fill(this.database);
  }

  /** Puts the suite's schema, and the role of the backups, into a new server. */
  async fill(database: string): Promise<void> {
    const schema = this.#options.schema ?? (await readFile(join(__dirname, "schema.sql"), "utf8"));
    await this.script(schema, DATABASE, database);
    // As components/database makes it.
    const roles = `CREATE ROLE ${DATABASE}_backup LOGIN PASSWORD '${this.#backupPassword}' CONNECTION LIMIT 4 IN ROLE pg_read_all_data;
      ALTER ROLE ${DATABASE}_backup SET idle_in_transaction_session_timeout = '10min';
      ALTER ROLE ${DATABASE}_backup SET lo_compat_privileges = on;
      ALTER DATABASE ${DATABASE} SET timezone = 'Asia/Kathmandu';
      ALTER DATABASE ${DATABASE} SET intervalstyle = 'sql_standard';`;
    await this.script(roles, DATABASE, database);
  }

  async #startEmulator(): Promise<void> {
    const name = `${this.sandbox.prefix}-emulator`;
    this.emulator = name;
    this.#more.push(name);
    await docker([
      "run",
      "--detach",
      `--name=${name}`,
      `--network=${this.sandbox.prefix}`,
      "--network-alias=emulator",
      "--publish=127.0.0.1::4566",
      await emulatorImage(),
    ]);
    const endpoint = `http://127.0.0.1:${await this.sandbox.port(name, 4566)}`;
    await emulatorIsReady(endpoint);
    this.s3 = new S3Client({
      endpoint,
      region: "us-east-1",
      forcePathStyle: true,
      credentials: { accessKeyId: "test", secretAccessKey: "test-secret" },
    });
    await this.s3.send(new CreateBucketCommand({ Bucket: BUCKET }));
    await this.s3.send(
      new PutBucketVersioningCommand({ Bucket: BUCKET, VersioningConfiguration: { Status: "Enabled" } }),
    );
  }

  /** Runs SQL as the superuser, stopping at the first error. */
  async script(sql: string, database = DATABASE, container = this.database): Promise<string> {
    return new Promise((resolve, reject) => {
      const args = ["exec", "-i", container, "psql", "-U", "postgres", "-d", database, "-AtqX", "-v"];
      const child = execFile("docker", [...args, "ON_ERROR_STOP=1"], (error, stdout, stderr) =>
        error === null ? resolve(stdout.trim()) : reject(new Error(stderr || error.message)),
      );
      child.stdin?.end(sql);
    });
  }

  /** Keeps a pg_dump waiting, for as long as the returned function is not called: a view of the schema is being changed. */
  async hold(): Promise<() => Promise<void>> {
    const args = ["exec", "-i", this.database, "psql", "-U", "postgres", "-d", DATABASE, "-AtqX"];
    const child = spawn("docker", args, { stdio: ["pipe", "ignore", "ignore"] });
    const ended = new Promise<void>((resolve) => child.once("close", () => resolve()));
    child.stdin.write(
      "BEGIN; CREATE OR REPLACE VIEW happy AS SELECT id FROM every_type WHERE m = 'happy';\n",
    );
    const held =
      "SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock' AND relation = 'happy'::regclass";
    await eventually("the view is locked", async () => (await this.script(held)) !== "0");
    return async () => {
      child.stdin.end();
      await ended;
    };
  }

  /** Waits until a pg_dump of the backup waits for what {@link hold} locked. */
  async dumping(): Promise<void> {
    const waiting = `SELECT count(*) FROM pg_stat_activity WHERE usename = '${DATABASE}_backup' AND wait_event_type = 'Lock'`;
    await eventually("pg_dump waits", async () => (await this.script(waiting)) !== "0", 30);
  }

  /** Process ids in a container whose command line matches. */
  async processes(container: string, pattern: string): Promise<number[]> {
    const script = `for p in /proc/[0-9]*; do if tr '\\0' ' ' < $p/cmdline 2>/dev/null | grep -qE -- "$1"; then echo "\${p#/proc/}"; fi; done`;
    const out = await exec(container, "bash", "-c", script, "find", pattern);
    return out.split("\n").filter(Boolean).map(Number);
  }

  command(container: string, ...args: string[]): Promise<Result> {
    return tryDocker(["exec", container, "node", "/opt/ops/main.js", ...args], 1_800_000);
  }

  /** The JSON that a command gives; fails with its last line. */
  async ask<T>(container: string, ...args: string[]): Promise<T> {
    const { code, stdout, stderr } = await this.command(container, ...args);
    if (code !== 0) throw new Error(`${args[0]} failed: ${stderr.trim()}`);
    return JSON.parse(stdout) as T;
  }

  files(container: string, ...paths: string[]): Promise<string[]> {
    return exec(container, "bash", "-c", `ls -A ${paths.join(" ") || "/backups"}`).then((text) =>
      text.split("\n").filter(Boolean),
    );
  }

  setRelay(mode: string): Promise<string> {
    return exec(this.relay, "bash", "-c", `echo "${mode}" > /tmp/relay`);
  }
}

/** The reason of a failed command. */
export function reason(result: Result): string {
  return (
    result.stderr
      .trim()
      .split("\n")
      .at(-1)
      ?.replace(/^ops: /, "") ?? ""
  );
}

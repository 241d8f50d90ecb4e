import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand } from "@aws-sdk/client-s3";
import { generateIdentity, recipientOf } from "../../../ageKey";
import type { BackupResult } from "../../../ops/backup/backup";
import { FILES, type Manifest, parseManifest } from "../../../ops/backup/manifest";
import { taskDefinitions } from "../../../tasks";
import { WINDOW_SETTINGS } from "../../support/windowSettings";
import { docker, exec, opsImage, tryDocker } from "../images/sandbox";
import { BUCKET, DATABASE, Stage } from "./stage";

/** What a command in a container came to. */
export interface Spoken {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** The last line of what a command said, without its mark. */
export function why({ code, stderr }: Spoken): string {
  const last = stderr.trim().split("\n").at(-1) ?? "";
  if (code !== 1 || !last.startsWith("ops: ")) throw new Error(`it ended with ${code}: ${stderr}`);
  return last.slice("ops: ".length);
}

/** The objects of one backup, by name. */
export type Objects = Record<string, Buffer>;

/**
 * The stage of the backup's suite with a backup on it, and containers of the program's own image that play the stack's `restore`.
 * Each fault has its place in the bucket (`settle`), so that it is the newest backup there.
 */
export class RestoreStage {
  readonly stage = new Stage();
  readonly #more: string[] = [];
  #image = "";
  #secrets = "";
  #files = "";
  password = "";
  restore = "";
  good!: Manifest;

  async open(): Promise<void> {
    const { stage } = this;
    await stage.open();
    this.#image = await opsImage();
    this.password = (await exec(stage.ops, "cat", "/run/secrets/postgres_password")).trim();
    await stage.script(`CREATE ROLE ${DATABASE}_app; CREATE ROLE "Odd ""role"; CREATE ROLE only_in_policy;
      ALTER TABLE parent OWNER TO ${DATABASE}_app; GRANT SELECT ON happy TO "Odd ""role";
      ALTER DEFAULT PRIVILEGES FOR ROLE ${DATABASE}_app IN SCHEMA public GRANT SELECT ON TABLES TO "Odd ""role";
      CREATE POLICY mine ON parent TO only_in_policy USING (true);`);
    const script =
      "mkdir -p a && head -c 300000 /dev/urandom > a/photo.jpg && echo note > 'a b.txt' && chmod -R a+rX .";
    await docker(["exec", "--user", "root", "--workdir", "/uploads", stage.ops, "bash", "-c", script]);
    const made = await stage.ask<BackupResult>(stage.ops, "run", "30000", "first");
    this.good = parseManifest(await exec(stage.ops, "cat", `/backups/${made.details.id}/manifest.json`));
    await this.useKey(stage.identity);
    await this.settle("backups/");
    this.restore = await this.start("restore");
  }

  async close(): Promise<void> {
    if (this.#more.length > 0) await tryDocker(["rm", "--force", "--volumes", ...this.#more]);
    await this.stage.close();
  }

  /** A container like the stack's `restore`, with a scratch volume of its own, or a small disk. */
  async start(scratch: string, diskSize?: string): Promise<string> {
    const { sandbox } = this.stage;
    if (diskSize === undefined) {
      return sandbox.start({
        image: this.#image,
        args: ["sleep", "infinity"],
        environment: { OPS_ROLE: "restore", OPS_RECORDS: "/var/lib/restore/.records" },
        tmpfs: ["/tmp"],
        volumes: {
          "/run/secrets": this.#secrets,
          "/fitnesscrm": this.#files,
          "/backups": "backups",
          "/var/lib/restore": scratch,
        },
      });
    }
    const name = `${sandbox.prefix}-${scratch}`;
    this.#more.push(name);
    await docker([
      ...[
        "run",
        "--detach",
        `--name=${name}`,
        `--network=${sandbox.prefix}`,
        "--cap-drop=ALL",
        "--read-only",
      ],
      ...["--env=OPS_ROLE=restore", "--env=OPS_RECORDS=/tmp/.records", "--tmpfs=/tmp:mode=1777"],
      ...[
        `--tmpfs=/var/lib/restore:size=${diskSize},uid=996,gid=996`,
        `--volume=${sandbox.prefix}-backups:/backups:ro`,
      ],
      ...[`--volume=${this.#secrets}:/run/secrets:ro`, `--volume=${this.#files}:/fitnesscrm:ro`],
      ...[this.#image, "sleep", "infinity"],
    ]);
    return name;
  }

  async useKey(identity: string): Promise<void> {
    this.#secrets = await this.stage.sandbox.secrets("restore", {
      backup_identity: identity,
      backup_reader: JSON.stringify({ accessKeyId: "reader", secretAccessKey: "reader-secret" }),
    });
  }

  useWrongKey(): Promise<void> {
    return this.useKey(generateIdentity());
  }

  /** Where in the bucket the restore looks. */
  async settle(prefix: string): Promise<void> {
    const settings = JSON.parse(await exec(this.stage.ops, "cat", "/fitnesscrm/backup.json")) as object;
    this.#files = await this.stage.sandbox.secrets("restore-files", {
      "backup.json": JSON.stringify({ ...settings, prefix }),
      "maintenance.json": JSON.stringify(WINDOW_SETTINGS),
      "tasks.json": JSON.stringify({ timeZone: "America/New_York", tasks: taskDefinitions() }),
    });
  }

  /** Puts a changed copy of the good backup into the bucket, alone below a prefix, and settles there. */
  async damaged(change: (objects: Objects) => void | Promise<void>): Promise<void> {
    const prefix = `fault-${randomBytes(4).toString("hex")}/`;
    const objects: Objects = {};
    for (const name of Object.values(FILES)) {
      const Key = `backups/${this.good.id}/${name}`;
      const { Body } = await this.stage.s3.send(new GetObjectCommand({ Bucket: BUCKET, Key }));
      objects[name] = Buffer.from((await Body?.transformToByteArray()) ?? []);
    }
    await change(objects);
    for (const [name, Body] of Object.entries(objects)) {
      const Key = `${prefix}${this.good.id}/${name}`;
      await this.stage.s3.send(new PutObjectCommand({ Bucket: BUCKET, Key, Body }));
    }
    const { Contents } = await this.stage.s3.send(
      new ListObjectsV2Command({ Bucket: BUCKET, Prefix: prefix }),
    );
    if (Contents?.length !== Object.keys(objects).length) throw new Error("the fault was not made");
    await this.settle(prefix);
  }

  /** What a stream editor makes of the tar of an encrypted dump; what it replaces must keep its length. */
  async rewritten(dump: Buffer | undefined, edit: string): Promise<Buffer> {
    const key = "/run/secrets/backup_identity";
    const script = `set -o pipefail; base64 -d > /tmp/in && age -d -i ${key} /tmp/in > /tmp/plain &&
      LC_ALL=C sed '${edit}' /tmp/plain > /tmp/edited && { ! cmp -s /tmp/plain /tmp/edited; } &&
      age -e -r ${recipientOf(this.stage.identity)} /tmp/edited; code=$?; rm /tmp/in /tmp/plain /tmp/edited; exit $code`;
    const { code, stdout, stderr } = await this.script(script, (dump ?? Buffer.alloc(0)).toString("base64"));
    if (code !== 0) throw new Error(`the dump was not changed: ${stderr}`);
    return stdout;
  }

  /** A command of the program. */
  say(args: readonly string[], input: object = {}, container = this.restore): Promise<Spoken> {
    return this.#run(["exec", "-i", container, "node", "/opt/ops/main.js", ...args], JSON.stringify(input));
  }

  load(from: "local" | "s3" | "any", target: string, more: object = {}, container?: string): Promise<Spoken> {
    return this.say(["load"], { from, ...this.server(target), ...more }, container);
  }

  server(target: string) {
    return { target, host: "db", port: 5432, password: this.password };
  }

  /** A shell script in a container, with `input` as its standard input. */
  script(script: string, input: string, container = this.restore): Promise<Spoken> {
    return this.#run(["exec", "-i", container, "bash", "-c", script], input);
  }

  #run(args: readonly string[], input: string): Promise<Spoken> {
    return new Promise((resolve, reject) => {
      const child = spawn("docker", args, { stdio: ["pipe", "pipe", "pipe"] });
      const stdout: Buffer[] = [];
      let stderr = "";
      child.stdout.on("data", (part: Buffer) => stdout.push(part));
      child.stderr.setEncoding("utf8").on("data", (text: string) => {
        stderr += text;
      });
      child.on("error", reject);
      child.on("close", (code) => resolve({ code, stdout: Buffer.concat(stdout), stderr }));
      child.stdin.on("error", () => undefined);
      child.stdin.end(input);
    });
  }

  /** Names of half-restored or restored databases. */
  async databases(): Promise<string[]> {
    const sql = "SELECT datname FROM pg_database WHERE datname LIKE '%restore%' ORDER BY 1";
    return (await this.stage.script(sql, "postgres")).split("\n").filter(Boolean);
  }

  async drop(name: string): Promise<void> {
    await this.stage.script(`DROP DATABASE "${name}"`, "postgres");
  }

  /** What a run has left in a container: files beside locks and records, and programs. */
  async leftovers(container = this.restore): Promise<string[]> {
    const files = await exec(container, "bash", "-c", "ls -A /var/lib/restore /tmp");
    const programs = await this.stage.processes(container, "^(pg_restore|age|tar|zstd|postgres|node) ");
    return [
      ...files.split("\n").filter((line) => line !== "" && !/^(\/.*:|\..*-lock|\.records)$/.test(line)),
      ...programs.map(String),
    ];
  }
}

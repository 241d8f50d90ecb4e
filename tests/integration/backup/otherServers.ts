import { execFile } from "node:child_process";
import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { docker, eventually, exec, tryDocker } from "../images/sandbox";
import { DATABASE, type Stage } from "./stage";

const run = promisify(execFile);

/** Major versions below and above that of the project's own server. */
export type Other = "older" | "newer";

/** Programs of PostgreSQL servers of other major versions, in a folder that is to be removed. They are no part of the project. */
export async function otherServers(): Promise<{ folder: string; remove(): Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), "fitnesscrm-servers-"));
  const remove = () => rm(folder, { recursive: true });
  try {
    for (const file of ["package.json", "package-lock.json"]) {
      await copyFile(join(__dirname, "servers", file), join(folder, file));
    }
    await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], { cwd: folder });
    for (const other of ["older", "newer"] as const) {
      // A package holds no links: this makes those of the libraries.
      await run("node", ["scripts/hydrate-symlinks.js"], { cwd: packageOf(folder, other) });
    }
    return { folder, remove };
  } catch (error) {
    await remove();
    throw error;
  }
}

function packageOf(folder: string, other: Other): string {
  return join(folder, "node_modules", `${other}-${process.arch}`);
}

/** A running server of another major version, with the suite's schema in its database, and an ops container that saves it. */
export interface OtherStage {
  readonly database: string;
  readonly ops: string;
  /** Where its backups lie in the bucket. */
  readonly prefix: string;
}

export async function startOther(stage: Stage, folder: string, other: Other): Promise<OtherStage> {
  const { sandbox } = stage;
  const prefix = `${other}/`;
  const { secrets, configuration } = await stage.filesFor(other, prefix);
  const image = await docker(["inspect", "--format", "{{.Image}}", stage.ops]);
  const script = `/server/bin/initdb --pgdata=/tmp/data --username=postgres --encoding=UTF8 --locale=C.UTF-8 \\
      --auth-local=trust --auth-host=scram-sha-256 --pwfile=/run/secrets/postgres_password >/tmp/initdb.log
    echo "host all all all scram-sha-256" >>/tmp/data/pg_hba.conf
    exec /server/bin/postgres -D /tmp/data -k /tmp -c listen_addresses='*' -c shared_preload_libraries=pg_stat_statements`;
  const database = await sandbox.start({
    image,
    alias: other,
    args: ["bash", "-c", script],
    environment: { PGHOST: "/tmp" },
    tmpfs: ["/tmp"],
    volumes: { "/server": join(packageOf(folder, other), "native"), "/run/secrets": secrets },
  });
  await eventually(`the ${other} server answers`, async () => {
    const { code, stderr } = await tryDocker(["exec", database, "pg_isready", "--quiet"]);
    if (code !== 0) throw new Error(stderr || (await exec(database, "cat", "/tmp/initdb.log")));
    return true;
  });
  await stage.script(`CREATE DATABASE ${DATABASE}`, "postgres", database);
  await stage.fill(database);
  const ops = await stage.startOps(secrets, configuration, `backups-${other}`);
  return { database, ops, prefix };
}

/** A real PostgreSQL 17 in a container of the test's own, and what a test does to it behind the plugin's back. */
import { execFile, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { type AddressInfo, createServer } from "node:net";
import { promisify } from "node:util";
import { Client, type QueryResultRow } from "pg";

const run = promisify(execFile);

export const IMAGE = "conf-pg-test:1";
/** Installed bases, best first; an ordinary machine gets the last one from its registry. */
const BASES = ["fitnesscrm/base:trixie", "debian:trixie-slim"];

const DOCKERFILE = `ARG BASE
FROM \${BASE}
RUN apt-get update && apt-get install -y --no-install-recommends postgresql-17 socat && rm -rf /var/lib/apt/lists/*
RUN mkdir -p /var/run/postgresql && chown postgres:postgres /var/run/postgresql
`;

const START = `set -e
data=/var/lib/postgresql/test
if [ ! -s "$data/PG_VERSION" ]; then
  umask 077
  printf '%s' "$TEST_PASSWORD" > /tmp/pw
  /usr/lib/postgresql/17/bin/initdb -D "$data" -U postgres --auth=scram-sha-256 --pwfile=/tmp/pw --locale=C.UTF-8 > /dev/null
  rm /tmp/pw
  echo 'host all all all scram-sha-256' >> "$data/pg_hba.conf"
fi
exec /usr/lib/postgresql/17/bin/postgres -D "$data" -c listen_addresses='*' -c log_statement=all -c unix_socket_directories=/var/run/postgresql`;

export async function docker(...args: string[]): Promise<string> {
  return (await run("docker", args, { maxBuffer: 64 * 1024 * 1024 })).stdout.trim();
}

async function hasImage(name: string): Promise<boolean> {
  return docker("image", "inspect", name).then(
    () => true,
    () => false,
  );
}

/** Builds an image from a Dockerfile without a context, unless it is there. */
export async function ensureImage(name: string, dockerfile: string): Promise<void> {
  if (await hasImage(name)) return;
  const given = process.env.TEST_BASE_IMAGE;
  const local = await Promise.all(BASES.map(async (base) => ((await hasImage(base)) ? base : undefined)));
  const base = given ?? local.find((found) => found !== undefined) ?? BASES[BASES.length - 1];
  await new Promise<void>((resolve, reject) => {
    const build = spawn(
      "docker",
      ["build", "-q", "--force-rm", "-t", name, "--build-arg", `BASE=${base}`, "-"],
      {
        env: { ...process.env, DOCKER_BUILDKIT: "0" },
        stdio: ["pipe", "ignore", "inherit"],
      },
    );
    build.once("error", reject);
    build.once("close", (code) => (code === 0 ? resolve() : reject(new Error(`building ${name} failed`))));
    build.stdin.end(dockerfile);
  });
}

export interface TestServer {
  readonly container: string;
  /** Published on the loopback interface. */
  readonly port: number;
  readonly password: string;
  /** Runs one statement as the superuser. */
  sql<R extends QueryResultRow>(statement: string, values?: unknown[], database?: string): Promise<R[]>;
  /** Whether a role can log in with a password. */
  canLogIn(user: string, password: string, database?: string): Promise<boolean>;
  /** Everything that the server has logged; it logs every statement. */
  log(): Promise<string>;
  remove(): Promise<void>;
}

/** Starts a server and waits until it answers. `labels` are the container's. */
export async function startServer(
  name: string,
  labels: Readonly<Record<string, string>> = {},
): Promise<TestServer> {
  await ensureImage(IMAGE, DOCKERFILE);
  const container = `${name}-${process.pid}`;
  const password = randomBytes(12).toString("hex");
  // Chosen here, so that it stays the same when the container is restarted.
  const port = await freePort();
  await docker("rm", "-f", "-v", container).catch(() => "");
  await docker(
    ...[
      "run",
      "-d",
      "--name",
      container,
      "-u",
      "postgres",
      "-p",
      `127.0.0.1:${port}:5432`,
      "-e",
      `TEST_PASSWORD=${password}`,
    ],
    ...Object.entries(labels).flatMap(([key, value]) => ["--label", `${key}=${value}`]),
    ...[
      "--health-cmd",
      "pg_isready -q -h /var/run/postgresql",
      "--health-interval",
      "1s",
      "--health-retries",
      "3",
    ],
    ...[IMAGE, "sh", "-c", START],
  );
  const connect = async (user: string, secret: string, database: string): Promise<Client> => {
    const client = new Client({ host: "127.0.0.1", port, user, password: secret, database });
    client.on("error", () => undefined);
    await client.connect();
    return client;
  };
  const server: TestServer = {
    container,
    port,
    password,
    async sql<R extends QueryResultRow>(statement: string, values: unknown[] = [], database = "postgres") {
      const client = await connect("postgres", password, database);
      try {
        return (await client.query<R>(statement, values)).rows;
      } finally {
        await client.end();
      }
    },
    async canLogIn(user, secret, database = "postgres") {
      try {
        await (await connect(user, secret, database)).end();
        return true;
      } catch (error) {
        if ((error as { code?: string }).code === "28P01") return false;
        throw error;
      }
    },
    async log() {
      const { stdout, stderr } = await run("docker", ["logs", container], { maxBuffer: 64 * 1024 * 1024 });
      return stdout + stderr;
    },
    async remove() {
      await docker("rm", "-f", "-v", container);
    },
  };
  await until(`PostgreSQL in ${container} answers`, () =>
    server.sql("SELECT 1").then(
      () => true,
      () => false,
    ),
  );
  return server;
}

/** A port of the loopback interface that nothing listens on now. */
export async function freePort(): Promise<number> {
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, "127.0.0.1", resolve));
  const { port } = listener.address() as AddressInfo;
  await new Promise((resolve) => listener.close(resolve));
  return port;
}

/** Waits for a condition, and fails when it does not come true within the limit. */
export async function until(what: string, condition: () => Promise<boolean>, seconds = 60): Promise<void> {
  const deadline = Date.now() + seconds * 1000;
  while (!(await condition())) {
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}

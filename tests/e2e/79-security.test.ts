import assert from "node:assert/strict";
import { run } from "../../cli/exec";
import type { SecretAge } from "../../cli/rotation/plan";
import { loadDuring } from "../support/load";
import { containersOf, docker, drained } from "./support/docker";
import { killGroup, mustOnStack, onStack, STACK, startLauncher, URL_OF_STACK } from "./support/launcher";
import { ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

const secretOf = async (name: string): Promise<string> =>
  (await mustOnStack("secrets", "show", name)).stdout.trim();

const agesOf = async (): Promise<Map<string, SecretAge>> => {
  const ages = JSON.parse((await mustOnStack("secrets", "list", "--json")).stdout) as SecretAge[];
  return new Map(ages.map((age) => [age.name, age]));
};

/** Whether a URL of the database lets somebody in, asked from inside of the network. */
async function opens(url: string): Promise<boolean> {
  const [db = ""] = await containersOf("db");
  // By the environment of the command: an address with a password is not to be seen in a process list.
  const { code } = await run(
    "docker",
    ["exec", "--env", "PGURL", db, "sh", "-c", 'psql -Xqc "SELECT 1" "$PGURL"'],
    { env: { ...process.env, PGURL: url }, timeoutSeconds: 30 },
  );
  return code === 0;
}

const superuserUrl = (password: string): string =>
  `postgresql://postgres:${encodeURIComponent(password)}@127.0.0.1:5432/fitnesscrm`;

/** Whether the cache lets in with a password, asked from inside of its container. */
async function cacheOpens(password: string): Promise<boolean> {
  const [redis = ""] = await containersOf("redis");
  const { stdout } = await run(
    "docker",
    ["exec", "--env", "REDISCLI_AUTH", redis, "redis-cli", "--no-auth-warning", "PING"],
    { env: { ...process.env, REDISCLI_AUTH: password }, timeoutSeconds: 30 },
  );
  return stdout.trim() === "PONG";
}

/** The address, password included, that a task has in a file of its own; undefined for one that is gone meanwhile. */
async function urlOf(container: string, file: string): Promise<string | undefined> {
  const { code, stdout } = await run("docker", ["exec", container, "cat", `/run/secrets/${file}`], {
    timeoutSeconds: 30,
  });
  return code === 0 ? stdout.trim() : undefined;
}

interface Watched {
  services: readonly string[];
  /** Of the address, below /run/secrets. */
  file: string;
  opens: (url: string) => Promise<boolean>;
}

const BACKEND: Watched = { services: ["backend"], file: "database_url", opens };
const CACHE_CLIENTS: Watched = {
  services: ["backend", "ops", "agent"],
  file: "redis_url",
  opens: (url) => cacheOpens(decodeURIComponent(new URL(url).password)),
};

/** Looks, until it is stopped, whether every task could log in anew. */
function watchLogins({ services, file, opens: isLetIn }: Watched): {
  stop(): Promise<{ looks: number; users: Set<string>; urls: Set<string>; refused: string[] }>;
} {
  let isStopped = false;
  const seen = { looks: 0, users: new Set<string>(), urls: new Set<string>(), refused: [] as string[] };
  const watching = (async () => {
    while (!isStopped) {
      for (const container of (await Promise.all(services.map(containersOf))).flat()) {
        const url = await urlOf(container, file);
        if (url === undefined) {
          continue;
        }
        const isOpen = await isLetIn(url);
        // One that ended in between is nobody who had to get in.
        if (!isOpen && (await urlOf(container, file)) !== undefined) {
          seen.refused.push(`${new URL(url).username || "a client"} of task ${container}`);
        }
        seen.looks += 1;
        seen.users.add(new URL(url).username);
        seen.urls.add(url);
      }
    }
  })();
  return {
    stop: async () => {
      isStopped = true;
      await watching;
      return seen;
    },
  };
}

describe("secrets that are rotated under load (M49, M51)", function () {
  this.timeout(600_000);

  before(async () => {
    await ensureStack();
    await mustOnStack("up", "--set", "deploy.watchSeconds=2");
  });

  it("replaces the application's password: no request fails, and every task can log in at every moment", async () => {
    const before = await secretOf("appPassword");
    const tasks = await drained("backend");
    const watch = watchLogins(BACKEND);
    const result = await loadDuring({ url: URL_OF_STACK, rate: 50, path: "/api/health" }, () =>
      mustOnStack("secrets", "rotate", "appPassword").finally(() => watch.stop()),
    );
    const { looks, users, refused } = await watch.stop();
    process.stderr.write(
      `rotation of appPassword: ${result.sent} requests in ${result.seconds.toFixed(0)} s, ${result.failed} failed, ${looks} logins tried\n`,
    );
    assert.deepEqual(result.failures, []);
    assert.deepEqual(Object.keys(result.statuses), ["200"]);
    assert.deepEqual(refused, []);
    assert.deepEqual([...users].sort(), ["fitnesscrm_app", "fitnesscrm_app_spare"]);

    const after = await secretOf("appPassword");
    assert.notEqual(after, before);
    assert.equal(await opens(`postgresql://fitnesscrm_app:${after}@127.0.0.1:5432/fitnesscrm`), true);
    assert.equal(await opens(`postgresql://fitnesscrm_app:${before}@127.0.0.1:5432/fitnesscrm`), false);
    assert.equal((await drained("backend")).filter((task) => tasks.includes(task)).length, 0);
    const [db = ""] = await containersOf("db");
    const spare = "SELECT count(*) FROM pg_roles WHERE rolname = 'fitnesscrm_app_spare'";
    assert.equal(await docker("exec", "--user", "postgres", db, "psql", "-XAtqc", spare), "0");
  });

  it("replaces the cache's password: no request fails, every client is let in at every moment, and the cache goes on running", async () => {
    const before = await secretOf("redisPassword");
    const since = (await agesOf()).get("redisPassword")?.since;
    const container = await containersOf("redis");
    const watch = watchLogins(CACHE_CLIENTS);
    const result = await loadDuring({ url: URL_OF_STACK, rate: 50, path: "/api/health" }, () =>
      mustOnStack("secrets", "rotate", "redisPassword").finally(() => watch.stop()),
    );
    const { looks, urls, refused } = await watch.stop();
    process.stderr.write(
      `rotation of redisPassword: ${result.sent} requests in ${result.seconds.toFixed(0)} s, ${result.failed} failed, ${looks} logins tried\n`,
    );
    assert.deepEqual(result.failures, []);
    assert.deepEqual(Object.keys(result.statuses), ["200"]);
    assert.deepEqual(refused, []);
    assert.equal(urls.size, 2, "clients of before and after were seen");

    const after = await secretOf("redisPassword");
    assert.notEqual(after, before);
    assert.equal(await cacheOpens(after), true);
    assert.equal(await cacheOpens(before), false);
    assert.deepEqual(await containersOf("redis"), container);
    assert.notEqual((await agesOf()).get("redisPassword")?.since, since);
    assert.equal(result.worked.stderr.includes(after) || result.worked.stdout.includes(after), false);
  });

  it("lets in with the new one only, also in a cache that starts again with the secret of before", async () => {
    const [container = ""] = await containersOf("redis");
    const mounted = await docker("exec", container, "cat", "/run/secrets/redis_password");
    await docker("kill", container);
    await waitFor(
      "the cache to run again",
      async () => {
        const [next] = await containersOf("redis");
        return (
          next !== undefined && next !== container && (await cacheOpens(await secretOf("redisPassword")))
        );
      },
      120,
    );
    assert.equal(await cacheOpens(mounted), false);
    await mustOnStack("health");
  });

  it("goes on with the rotation of the cache's password that was killed when both let in", async () => {
    const before = await secretOf("redisPassword");
    const running = startLauncher(["secrets", "rotate", "redisPassword", "--stack", STACK]);
    await waitFor(
      "the new password to be let in",
      async () => running.output().includes("let in from now on"),
      300,
    );
    killGroup(running.process);
    await running.result;
    const next = await secretOf("redisPassword");
    assert.notEqual(next, before);
    assert.deepEqual([await cacheOpens(before), await cacheOpens(next)], [true, true]);
    const { stderr } = await mustOnStack("secrets", "rotate", "redisPassword");
    assert.match(stderr, /redisPassword: goes on with a rotation that was interrupted/);
    assert.equal(await secretOf("redisPassword"), next);
    assert.deepEqual([await cacheOpens(before), await cacheOpens(next)], [false, true]);
  });

  it("replaces the superuser's password: no request fails, and the database goes on running", async () => {
    const before = await secretOf("postgresPassword");
    const containers = await Promise.all(["db", "backend"].map(containersOf));
    const result = await loadDuring({ url: URL_OF_STACK, rate: 50, path: "/api/health" }, () =>
      mustOnStack("secrets", "rotate", "postgresPassword"),
    );
    assert.deepEqual(result.failures, []);
    const after = await secretOf("postgresPassword");
    assert.notEqual(after, before);
    assert.equal(await opens(superuserUrl(after)), true);
    assert.equal(await opens(superuserUrl(before)), false);
    assert.deepEqual(await Promise.all(["db", "backend"].map(containersOf)), containers);
    await mustOnStack("health");
    await mustOnStack("preview", "--expect-no-changes");
  });

  it("shows how old each secret is, and no value", async () => {
    const ages = JSON.parse((await mustOnStack("secrets", "list", "--json")).stdout) as SecretAge[];
    const age = (name: string) => ages.find((each) => each.name === name);
    for (const name of ["appPassword", "secretKey", "backupIdentity"]) {
      assert.equal(age(name)?.ageDays, 0, name);
    }
    assert.equal(JSON.stringify(ages).includes(await secretOf("appPassword")), false);
    const refused = await onStack("secrets", "rotate", "backupIdentity");
    assert.equal(refused.code, 2);
    assert.match(refused.stderr, /backupIdentity is not rotated: the backups of before could not be opened/);
  });
});

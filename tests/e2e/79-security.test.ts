import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "../../cli/exec";
import type { Refresh } from "../../cli/images/refresh";
import type { SecretAge } from "../../cli/rotation/plan";
import type { SecurityScan } from "../../cli/security/model";
import { SERVICES } from "../../config";
import { loadDuring } from "../support/load";
import { GitHub, json } from "../support/outsideServers";
import { containersOf, docker, drained, serviceName } from "./support/docker";
import {
  killGroup,
  launch,
  mustOnStack,
  onStack,
  PROJECT,
  STACK,
  startLauncher,
  URL_OF_STACK,
} from "./support/launcher";
import { ensureStack, leaveStack } from "./support/stack";
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
    // The cache answers before the engine has asked it how it is.
    await waitFor("the stack to be healthy", async () => (await onStack("health")).code === 0, 120);
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

describe("a security scan", function () {
  this.timeout(600_000);

  before(async () => {
    await ensureStack();
    const { stderr } = await mustOnStack(
      "up",
      "--set",
      'secretDates.readonlyPassword="2020-01-01T00:00:00Z"',
    );
    assert.match(stderr, /^warning: secrets older than their limit: readonlyPassword: /m);
  });
  after(() => mustOnStack("secrets", "rotate", "readonlyPassword"));

  it("looks into the packages of every service, and lists the secret that is too old", async () => {
    const { code, stdout, stderr, seconds } = await onStack("security", "scan", "--json");
    assert.equal(code, 1, stderr);
    const scan = JSON.parse(stdout) as SecurityScan;
    process.stderr.write(`security scan: ${scan.images.length} images in ${seconds.toFixed(0)} s\n`);
    assert.equal(scan.passed, false);
    assert.deepEqual(scan.images.flatMap(({ services }) => services).sort(), [...SERVICES].sort());
    for (const { services, packages } of scan.images) {
      assert.ok(packages.state === "looked", `${services}: ${JSON.stringify(packages)}`);
      assert.match(packages.system, /^Debian /);
      assert.ok(packages.packages > 50, `${services}: ${packages.packages} packages`);
    }
    assert.deepEqual(
      scan.secrets.map(({ name }) => name),
      ["readonlyPassword"],
    );
  });

  it("is not the only one to tell: the daily report does, from what ops was told", async () => {
    const { stdout } = await mustOnStack("report", "security");
    assert.match(stdout, /Over their limit of age:? +1\b/);
    assert.match(stdout, /readonlyPassword/);
  });

  it("leaves nothing behind, and says the same to a person", async () => {
    const { code, stdout } = await onStack("security", "scan");
    assert.equal(code, 1);
    assert.match(stdout, /^readonlyPassword +\d+ d of 365 +ops is replaced;/m);
    assert.match(stdout, /: something is to be done, see above\.$/m);
    assert.equal(
      await docker("container", "ls", "--all", "--quiet", "--filter", `label=fitnesscrm.scan=${STACK}`),
      "",
    );
  });
});

describe("a token that others issue (M10)", function () {
  this.timeout(600_000);
  const token = `planted-${randomBytes(12).toString("hex")}`;
  const gitHub = new GitHub();

  before(async () => {
    await ensureStack();
    const gateway = "{{(index .IPAM.Config 0).Gateway}}";
    await gitHub.server.open(await docker("network", "inspect", "--format", gateway, "docker_gwbridge"));
  });
  after(async () => {
    await mustOnStack("up", "--set", "tickets=null");
    await gitHub.server.close();
  });

  it("is wanted in one line where its section is set without it", async () => {
    const { code, stderr } = await onStack("up", "--set", "tickets.repository=example/crm");
    assert.notEqual(code, 0);
    assert.match(
      stderr,
      /githubToken.* must be set where tickets is, by \.\/fitnesscrm secrets set githubToken/,
    );
    await mustOnStack("up", "--set", "tickets=null");
  });

  it("is kept encrypted, and known to ops alone", async () => {
    const command = ["secrets", "set", "githubToken", "--stack", STACK];
    const set = await run(join(PROJECT, "fitnesscrm"), command, { input: `${token}\n` });
    assert.equal(set.code, 0, set.stderr);
    const settings = ["tickets.repository=example/crm", `tickets.apiUrl=${gitHub.server.url}`];
    const up = await mustOnStack("up", ...settings.flatMap((setting) => ["--set", setting]));
    const told = set.stdout + set.stderr + up.stdout + up.stderr;
    assert.ok(!told.includes(token), "a command repeats it");
    const { PULUMI_OPTION_CONFIG_FILE: file } = JSON.parse(
      (await mustOnStack("env", "--json")).stdout,
    ) as Record<string, string>;
    assert.ok(!readFileSync(String(file), "utf8").includes(token), "it lies in the settings in clear");
    const { stdout: state } = await mustOnStack("pulumi", "stack", "export");
    assert.ok(!state.includes(token), "it lies in the state in clear");
    const format = "{{.Spec.Name}}{{range .Spec.TaskTemplate.ContainerSpec.Secrets}} {{.File.Name}}{{end}}";
    const lines = (
      await docker("service", "inspect", "--format", format, ...SERVICES.map(serviceName))
    ).split("\n");
    assert.deepEqual(
      lines.filter((line) => line.includes("github_token")).map((line) => line.split(" ")[0]),
      [serviceName("ops")],
    );
  });

  it("is what the report of errors asks GitHub with", async () => {
    gitHub.server.instead = (_request, response) => json(response, 200, []);
    const { stdout } = await mustOnStack("tasks", "run", "report-errors");
    assert.match(stdout, /sent to [^\n]*@example\.com$/m);
    assert.ok(!stdout.includes(token));
    assert.deepEqual(
      gitHub.server.seen.map(({ method, path, authorization }) => [method, path, authorization]),
      [["GET", "/repos/example/crm/issues?labels=fitnesscrm&state=all&per_page=100", `Bearer ${token}`]],
    );
  });
});

describe("an image refresh (M13)", function () {
  // Every image is built anew.
  this.timeout(1_500_000);

  const imagesNow = async (): Promise<Map<string, string>> => {
    const format = "{{.Spec.Name}} {{.Spec.TaskTemplate.ContainerSpec.Image}}";
    const lines = await docker("service", "inspect", "--format", format, ...SERVICES.map(serviceName));
    return new Map(lines.split("\n").map((line) => line.split(" ") as [string, string]));
  };

  before(ensureStack);

  after(leaveStack);

  it("gives every service a new image, which lacks no fix", async () => {
    const before = await imagesNow();
    const refreshed = JSON.parse((await mustOnStack("images", "refresh", "--json")).stdout) as Refresh;
    assert.equal(refreshed.before, null);
    assert.deepEqual(await imagesNow(), before, "settings alone replace nothing");

    const { code, stderr, seconds } = await launch(["up", "--stack", STACK, "--json"], {
      timeoutSeconds: 1200,
    });
    assert.equal(code, 0, stderr);
    process.stderr.write(`image refresh: ${seconds.toFixed(0)} s\n`);
    const after = await imagesNow();
    for (const [name, image] of before) {
      assert.notEqual(after.get(name), image, `${name} runs the image of before`);
    }
    await drained("backend");
    const scan = JSON.parse((await onStack("security", "scan", "--json")).stdout) as SecurityScan;
    for (const { services, packages } of scan.images) {
      assert.ok(packages.state === "looked", `${services}: ${JSON.stringify(packages)}`);
      assert.deepEqual(packages.updates, [], services.join(", "));
    }
  });

  it("is done once: the next preview shows nothing to do", async () => {
    const { packagesOf, before } = JSON.parse(
      (await mustOnStack("images", "refresh", "--json")).stdout,
    ) as Refresh;
    // A day may have begun meanwhile.
    if (before === packagesOf) {
      await mustOnStack("preview", "--expect-no-changes");
    }
  });
});

import assert from "node:assert/strict";
import { Redis } from "../../../cli/cache/redis";
import { DockerHost } from "../../../cli/docker";
import { CachePassword } from "../../../cli/rotation/cachePassword";
import {
  docker,
  eventually,
  exec,
  exitCode,
  healthy,
  image,
  logs,
  Sandbox,
  stop,
  tryDocker,
} from "./sandbox";

const PASSWORD = "p'a\"s$s\\w:o rd#";

describe("the redis image", function () {
  this.timeout(180_000);
  const sandbox = new Sandbox();
  let reference: string;

  before(async () => {
    await sandbox.open();
    reference = await image("images/redis");
  });
  after(() => sandbox.close());

  async function start(
    volume: string,
    environment: Record<string, string> = {},
    secrets: Record<string, string> = { redis_password: `${PASSWORD}\n` },
  ): Promise<string> {
    return sandbox.start({
      image: reference,
      environment,
      volumes: { "/data": volume, "/run/secrets": await sandbox.secrets(volume, secrets) },
      tmpfs: ["/run/redis"],
    });
  }
  /** As a client with this password. */
  const ask = async (container: string, password: string, ...command: string[]) =>
    (
      await tryDocker([
        "exec",
        `--env=REDISCLI_AUTH=${password}`,
        container,
        "redis-cli",
        "--no-auth-warning",
        ...command,
      ])
    ).stdout.trim();

  it("answers with the password only, and holds the memory and policy that it was given", async () => {
    const container = await start("plain", {
      REDIS_MAXMEMORY: "32mb",
      REDIS_MAXMEMORY_POLICY: "volatile-ttl",
    });
    await healthy(container);
    assert.match(await ask(container, "", "PING"), /NOAUTH/);
    assert.match(await ask(container, "wrong", "PING"), /NOAUTH|WRONGPASS/);
    assert.equal(await ask(container, PASSWORD, "PING"), "PONG");
    assert.match(await ask(container, PASSWORD, "CONFIG", "GET", "maxmemory"), /33554432/);
    assert.match(await ask(container, PASSWORD, "CONFIG", "GET", "maxmemory-policy"), /volatile-ttl/);
    assert.match(await exec(container, "cat", "/proc/1/status"), /CapBnd:\s0+\n/);
    assert.equal(await exec(container, "id", "-un"), "redis");
  });

  it("never shows the password: not in processes, not in the container's description, not in the log", async () => {
    const container = await start("hidden");
    await healthy(container);
    const processes = await exec(container, "sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
    for (const text of [processes, await docker(["inspect", container]), await logs(container)]) {
      assert.equal(text.includes(PASSWORD), false);
    }
    assert.match(await exec(container, "ls", "-l", "/run/redis/redis.conf"), /^-rw------- /);
  });

  it("keeps what was written when it is stopped, and stops within seconds", async () => {
    const container = await start("kept");
    await healthy(container);
    assert.equal(await ask(container, PASSWORD, "SET", "answer", "42"), "OK");
    const took = await stop(container, 15);
    assert(took < 10_000, `it took ${took} ms`);
    assert.equal(await exitCode(container), 0);
    await docker(["start", container]);
    await healthy(container);
    assert.equal(await ask(container, PASSWORD, "GET", "answer"), "42");
  });

  it("is unhealthy, with a reason, when it does not let its own container in", async () => {
    const container = await start("changed");
    await healthy(container);
    await ask(container, PASSWORD, "ACL", "SETUSER", "container", "resetpass");
    const { code, stdout } = await tryDocker(["exec", container, "/usr/local/bin/healthcheck"]);
    assert.equal(code, 1);
    assert.match(stdout, /^the server answered: .*(WRONGPASS|NOAUTH|AUTH failed)/s);
  });

  describe("while its password is replaced", () => {
    const NEXT = "a-quite-new-password";
    let container: string;
    /** Which of the passwords let in, and whether the container's own one does. */
    const letIn = async () => ({
      old: (await ask(container, PASSWORD, "PING")) === "PONG",
      next: (await ask(container, NEXT, "PING")) === "PONG",
      healthy: (await tryDocker(["exec", container, "/usr/local/bin/healthcheck"])).code === 0,
    });
    const restart = async () => {
      await stop(container, 15);
      await docker(["start", container]);
      await healthy(container);
    };
    const server = () => new CachePassword(Redis.in(new DockerHost(""), container));
    before(async () => {
      container = await start("rotated");
      await healthy(container);
      await ask(container, PASSWORD, "SET", "kept", "42");
    });

    it("lets in with both, also after a restart", async () => {
      assert.equal(await server().accepts(NEXT), false);
      assert.equal(await server().isSettled(PASSWORD), true);
      await server().admit(NEXT);
      assert.deepEqual(await letIn(), { old: true, next: true, healthy: true });
      assert.equal(await server().isSettled(NEXT), false);
      await restart();
      assert.deepEqual(await letIn(), { old: true, next: true, healthy: true });
      assert.equal(await ask(container, NEXT, "GET", "kept"), "42");
    });

    it("lets in with the new one only at the end, also after a restart with the secret of before, and ends older sessions", async () => {
      const session = tryDocker([
        "exec",
        `--env=REDISCLI_AUTH=${PASSWORD}`,
        container,
        ...["redis-cli", "--no-auth-warning", "BLPOP", "nothing", "60"],
      ]);
      await eventually("the session is open", async () =>
        /cmd=blpop/.test(await ask(container, PASSWORD, "CLIENT", "LIST")),
      );
      await new Promise((resolve) => setTimeout(resolve, 2_000));
      await server().settle(NEXT, 0);
      assert.doesNotMatch(await ask(container, NEXT, "CLIENT", "LIST"), /cmd=blpop/);
      assert.match((await session).stderr, /closed the connection/);
      assert.deepEqual(await letIn(), { old: false, next: true, healthy: true });
      assert.equal(await server().isSettled(NEXT), true);
      await restart();
      assert.deepEqual(await letIn(), { old: false, next: true, healthy: true });
    });

    it("keeps no password on its volume", async () => {
      const users = await exec(container, "cat", "/data/users.acl");
      assert.match(users, /^user default on /m);
      for (const password of [PASSWORD, NEXT]) {
        assert.equal(users.includes(password), false);
      }
      assert.match(await exec(container, "ls", "-l", "/data/users.acl"), /^-rw------- /);
    });

    it("takes a secret that was declared anew, beside what lets in already", async () => {
      await sandbox.secrets("rotated", { redis_password: "declared-anew-password\n" });
      await restart();
      assert.equal(await ask(container, "declared-anew-password", "PING"), "PONG");
      assert.deepEqual(await letIn(), { old: false, next: true, healthy: true });
    });
  });

  const refusals: [string, Record<string, string>, Record<string, string> | undefined, RegExp][] = [
    [
      "a missing secret",
      {},
      {},
      /^redis: the secret \/run\/secrets\/redis_password is missing or not readable for uid 998: .*\n$/,
    ],
    ["an empty secret", {}, { redis_password: "\n" }, /^redis: the secret .* is empty: .*\n$/],
    [
      "a memory limit that is none",
      { REDIS_MAXMEMORY: "lots" },
      undefined,
      /^redis: REDIS_MAXMEMORY is "lots": .*\n$/,
    ],
    [
      "a policy that does not exist",
      { REDIS_MAXMEMORY_POLICY: "lru" },
      undefined,
      /^redis: REDIS_MAXMEMORY_POLICY is "lru": .*\n$/,
    ],
  ];
  for (const [what, environment, secrets, message] of refusals) {
    it(`refuses ${what} with one line`, async () => {
      const container = await start(`refused-${what.replaceAll(" ", "-")}`, environment, secrets);
      assert.notEqual(await exitCode(container), 0);
      assert.match(await logs(container), message);
    });
  }
});

import assert from "node:assert/strict";
import { docker, exec, exitCode, healthy, image, logs, Sandbox, stop, tryDocker } from "./sandbox";

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

  it("is unhealthy, with a reason, when it does not know the secret's password", async () => {
    const container = await start("changed");
    await healthy(container);
    await ask(container, PASSWORD, "CONFIG", "SET", "requirepass", "another");
    const { code, stdout } = await tryDocker(["exec", container, "/usr/local/bin/healthcheck"]);
    assert.equal(code, 1);
    assert.match(stdout, /^the server answered: .*(WRONGPASS|NOAUTH|AUTH failed)/s);
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

import assert from "node:assert/strict";
import { resolve } from "node:path";
import { answers, docker, exec, exitCode, healthy, image, logs, Sandbox, tryDocker } from "./sandbox";

const SHARED = resolve(__dirname, "../../../images/shared");
const ADMIN = { email: "admin@example.com", password: "a-long-admin-password" };

describe("the example application", function () {
  this.timeout(300_000);
  const sandbox = new Sandbox();
  let backend: string;
  let database: string;
  let cache: string;
  let secrets: string;

  before(async () => {
    await sandbox.open();
    backend = await image("examples/app/backend", { dockerfile: "Dockerfile.prod" });
    secrets = await sandbox.secrets("all", {
      postgres_password: "pg-secret-1",
      redis_password: "redis-secret-1",
      database_url: "postgresql://postgres:pg-secret-1@db:5432/fitnesscrm\n",
      redis_url: "redis://:redis-secret-1@redis:6379/0\n",
      secret_key: "0123456789abcdef0123456789abcdef\n",
      admin_password: `${ADMIN.password}\n`,
    });
    const [postgres, redis] = await Promise.all([image("images/postgres"), image("images/redis")]);
    database = await sandbox.start({
      image: postgres,
      alias: "db",
      volumes: { "/var/lib/postgresql/data": "db", "/run/secrets": secrets },
      tmpfs: ["/run/postgresql", "/tmp"],
    });
    cache = await sandbox.start({
      image: redis,
      alias: "redis",
      volumes: { "/data": "redis", "/run/secrets": secrets },
      tmpfs: ["/run/redis"],
    });
    await healthy(database);
    await healthy(cache);
  });
  after(() => sandbox.close());

  async function start(
    environment: Record<string, string> = {},
  ): Promise<{ container: string; url: string }> {
    const command = JSON.parse(
      await docker(["inspect", "--format", "{{json .Config.Cmd}}", backend]),
    ) as string[];
    const container = await sandbox.start({
      image: backend,
      alias: "backend",
      entrypoint: "/bin/sh",
      args: ["/fitnesscrm/entrypoint.sh", ...command],
      environment: {
        FITNESSCRM_SECRET_ENV: "DATABASE_URL=database_url REDIS_URL=redis_url SECRET_KEY=secret_key",
        ADMIN_EMAIL: "Admin@Example.com",
        ADMIN_PASSWORD_FILE: "/run/secrets/admin_password",
        ...environment,
      },
      volumes: { "/run/secrets": secrets, "/fitnesscrm": SHARED, "/app/uploads": "uploads" },
      tmpfs: ["/tmp"],
      publish: [5000],
    });
    return { container, url: `http://127.0.0.1:${await sandbox.port(container, 5000)}` };
  }
  const up = (url: string) => answers(`${url}/api/health`);
  const sql = (text: string) => exec(database, "psql", "-U", "postgres", "-d", "fitnesscrm", "-Atc", text);
  const post = (url: string, body: unknown, headers: Record<string, string> = {}) =>
    fetch(url, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: JSON.stringify(body),
    });
  async function login(url: string): Promise<{ Cookie: string }> {
    const answer = await post(`${url}/api/login`, ADMIN);
    assert.equal(answer.status, 200);
    const cookie = answer.headers.get("set-cookie") ?? "";
    assert.match(cookie, /HttpOnly/);
    assert.match(cookie, /SameSite=Lax/);
    return { Cookie: cookie.split(";")[0] ?? "" };
  }

  it("creates its tables once when two replicas start at the same time", async () => {
    const replicas = await Promise.all([start(), start()]);
    await Promise.all(replicas.map(({ url }) => up(url)));
    assert.equal(
      await sql(
        "SELECT string_agg(tablename, ',' ORDER BY tablename) FROM pg_tables WHERE schemaname = 'public'",
      ),
      "activity_log,clients,users",
    );
    assert.equal(await sql("SELECT string_agg(email, ',') FROM users"), ADMIN.email);
    for (const { container } of replicas) {
      assert.doesNotMatch(await logs(container), /ERROR/);
      await docker(["rm", "--force", container]);
    }
  });

  describe("when it runs", () => {
    let container: string;
    let url: string;
    before(async () => {
      ({ container, url } = await start({
        APP_VERSION: "1.2.3",
        ALLOWED_ORIGINS: "https://crm.example.com, https://b.example",
      }));
      await up(url);
    });

    it("reports database, cache and version on its health route", async () => {
      const health = (await (await fetch(`${url}/api/health`)).json()) as Record<string, { status: string }>;
      assert.equal(health.status, "healthy");
      assert.equal(health.version, "1.2.3");
      assert.equal(health.database?.status, "up");
      assert.equal(health.cache?.status, "up");
      assert.deepEqual(await (await fetch(`${url}/api/version`)).json(), { version: "1.2.3" });
    });

    it("runs as uid 1000 in /app and shows no secret in its description", async () => {
      assert.equal(await exec(container, "id", "-u"), "1000");
      assert.equal(await exec(container, "pwd"), "/app");
      assert.doesNotMatch(
        await docker(["inspect", container]),
        /pg-secret-1|redis-secret-1|0123456789abcdef01|long-admin/,
      );
    });

    it("shows clients to nobody who is not logged in", async () => {
      assert.equal((await fetch(`${url}/api/clients`)).status, 401);
      assert.equal((await post(`${url}/api/clients`, { name: "x" })).status, 401);
      assert.equal(
        (await fetch(`${url}/api/clients`, { headers: { Cookie: "session=forged.x.y" } })).status,
        401,
      );
    });

    it("records failed log-ins with email and address, for known and unknown users", async () => {
      for (const email of [ADMIN.email, "nobody@example.com"]) {
        const answer = await post(
          `${url}/api/login`,
          { email, password: "wrong" },
          { "X-Forwarded-For": "203.0.113.7" },
        );
        assert.equal(answer.status, 401);
        assert.deepEqual(await answer.json(), { error: "email or password is wrong" });
      }
      assert.equal(
        await sql(
          "SELECT email, host(ip_address) FROM activity_log WHERE action = 'login_failure' ORDER BY id",
        ),
        "admin@example.com|203.0.113.7\nnobody@example.com|203.0.113.7",
      );
      assert.equal((await post(`${url}/api/login`, {})).status, 400);
      assert.equal((await post(`${url}/api/login`, { email: ["a"], password: { b: 1 } })).status, 400);
    });

    it("keeps the administrator's password as a slow hash", async () => {
      assert.match(await sql("SELECT password_hash FROM users"), /^(scrypt|pbkdf2):/);
    });

    it("lists, searches and pages clients, from the cache until one is added", async () => {
      const headers = await login(url);
      const list = async (query = "") => {
        const answer = await fetch(`${url}/api/clients${query}`, { headers });
        assert.equal(answer.status, 200);
        const { items, total } = (await answer.json()) as { items: { name: string }[]; total: number };
        return { names: items.map((item) => item.name), total, from: answer.headers.get("x-cache") };
      };
      assert.deepEqual(await list(), { names: [], total: 0, from: "miss" });
      assert.deepEqual(await list(), { names: [], total: 0, from: "hit" });
      for (const [name, email] of [
        ["Zoë 100%", "zoe@example.com"],
        ["Ada", "ada@example.com"],
        ["bob", ""],
      ]) {
        assert.equal((await post(`${url}/api/clients`, { name, email }, headers)).status, 201);
      }
      assert.deepEqual(await list(), { names: ["Ada", "bob", "Zoë 100%"], total: 3, from: "miss" });
      assert.deepEqual((await list("?search=ADA@")).names, ["Ada"]);
      assert.deepEqual((await list("?search=100%25")).names, ["Zoë 100%"]);
      assert.deepEqual((await list("?search=%25_")).names, []);
      assert.deepEqual(await list("?per_page=2&page=2"), { names: ["Zoë 100%"], total: 3, from: "miss" });
      for (const query of ["?page=0", "?per_page=101", "?page=a", "?page=-1"]) {
        assert.equal((await fetch(`${url}/api/clients${query}`, { headers })).status, 400, query);
      }
    });

    it("says by field what is wrong with a new client", async () => {
      const headers = await login(url);
      const answer = await post(
        `${url}/api/clients`,
        { name: " ", email: "no", phone: "call me", plan: "gold", notes: "x".repeat(2001) },
        headers,
      );
      assert.equal(answer.status, 400);
      const { fields } = (await answer.json()) as { fields: Record<string, string> };
      assert.deepEqual(Object.keys(fields).sort(), ["email", "name", "notes", "phone", "plan"]);
      const twice = await post(`${url}/api/clients`, { name: "Ada II", email: "ADA@example.com" }, headers);
      assert.equal(twice.status, 409);
      assert.equal((await post(`${url}/api/clients`, { name: "a\0b" }, headers)).status, 400);
    });

    it("refuses changes that a page of another site asks for, and answers the allowed ones", async () => {
      const foreign = await post(`${url}/api/login`, ADMIN, { Origin: "https://evil.example" });
      assert.equal(foreign.status, 403);
      const allowed = await post(`${url}/api/login`, ADMIN, { Origin: "https://b.example" });
      assert.equal(allowed.status, 200);
      assert.equal(allowed.headers.get("access-control-allow-origin"), "https://b.example");
    });

    it("keeps an upload and gives it back to who is logged in", async () => {
      const headers = await login(url);
      const upload = (name: string) => {
        const form = new FormData();
        form.append("file", new Blob(["picture"]), name);
        return fetch(`${url}/api/uploads`, { method: "POST", headers, body: form });
      };
      const stored = await upload("../../me.PNG");
      assert.equal(stored.status, 201);
      const { url: path } = (await stored.json()) as { url: string };
      assert.match(path, /^\/uploads\/[0-9a-f]{32}\.png$/);
      assert.equal(await (await fetch(url + path, { headers })).text(), "picture");
      assert.equal((await fetch(url + path)).status, 401);
      assert.equal((await upload("run.html")).status, 400);
      assert.equal((await fetch(`${url}/uploads/..%2Fapp.py`, { headers })).status, 404);
    });

    it("makes a user from the password on standard input", async () => {
      await exec(
        container,
        "sh",
        "-c",
        "printf 'another-long-password\\n' | sh /fitnesscrm/entrypoint.sh python3 manage.py add-user Bob@example.com",
      );
      const answer = await post(`${url}/api/login`, {
        email: "bob@example.com",
        password: "another-long-password",
      });
      assert.equal(answer.status, 200);
    });

    it("has no test routes", async () => {
      for (const path of ["/api/test/slow?ms=1", "/api/test/fail"]) {
        // The test before takes about as long as gunicorn keeps a connection open: a new one cannot be closed under the request.
        const answer = await fetch(`${url}${path}`, { headers: { connection: "close" } });
        assert.equal(answer.status, 404);
      }
    });

    it("stays up without the cache, and says so", async () => {
      const headers = await login(url);
      await docker(["pause", cache]);
      try {
        const answer = await fetch(`${url}/api/clients`, { headers });
        assert.equal(answer.status, 200);
        const health = await fetch(`${url}/api/health`);
        assert.equal(health.status, 200);
        assert.equal(((await health.json()) as { cache: { status: string } }).cache.status, "down");
      } finally {
        await docker(["unpause", cache]);
      }
    });

    it("answers 503 with the reason while the database is away, and works again when it is back", async () => {
      await docker(["stop", database]);
      const down = await fetch(`${url}/api/health`);
      assert.equal(down.status, 503);
      const { reason, database: state } = (await down.json()) as {
        reason: string;
        database: { status: string };
      };
      assert.match(reason, /^database: .+/);
      assert.equal(state.status, "down");
      assert.equal((await post(`${url}/api/login`, ADMIN)).status, 503);
      await docker(["start", database]);
      await healthy(database);
      await up(url);
      await login(url);
    });
  });

  it("lets a request finish when it is stopped, and answers new ones until nobody knows it any more", async () => {
    const { container, url } = await start({ TEST_ROUTES: "1", FITNESSCRM_DRAIN_SECONDS: "5" });
    await up(url);
    assert.equal((await fetch(`${url}/api/test/fail`)).status, 500);
    assert.match(
      await logs(container),
      /"level": "ERROR", "message": "request failed: GET \/api\/test\/fail: this route fails on purpose"/,
    );
    const slow = fetch(`${url}/api/test/slow?ms=8000`);
    // Sent before the next one, which is answered by then.
    await fetch(`${url}/api/version`);
    await docker(["kill", "--signal", "TERM", container]);
    assert.equal((await post(`${url}/api/logout`, {})).status, 200);
    assert.deepEqual(await (await slow).json(), { slept: 8000 });
    assert.equal(await exitCode(container), 0);
  });

  describe("refuses to start", () => {
    const complete = { DATABASE_URL: "postgresql://db/x", REDIS_URL: "redis://redis", SECRET_KEY: "key" };
    const cases: [string, Record<string, string>, RegExp][] = [
      ["without a database", { ...complete, DATABASE_URL: "" }, /^fitnesscrm: DATABASE_URL is not set: /],
      ["without a cache", { ...complete, REDIS_URL: "" }, /^fitnesscrm: REDIS_URL is not set: /],
      ["without a key", { ...complete, SECRET_KEY: "" }, /^fitnesscrm: SECRET_KEY is not set: /],
      [
        "with a log level that does not exist",
        { ...complete, LOG_LEVEL: "loud" },
        /^fitnesscrm: LOG_LEVEL is "LOUD": /,
      ],
      [
        "with half an administrator",
        { ...complete, ADMIN_EMAIL: "a@b.c" },
        /^fitnesscrm: ADMIN_EMAIL and ADMIN_PASSWORD_FILE belong together/,
      ],
    ];
    for (const [what, environment, message] of cases) {
      it(`${what}, with one line`, async () => {
        const container = await sandbox.start({ image: backend, environment, tmpfs: ["/tmp"] });
        assert.equal(await exitCode(container), 78);
        const text = await logs(container);
        assert.match(text, message);
        assert.equal(text.trim().split("\n").length, 1, text);
      });
    }
  });

  describe("'s frontend", () => {
    async function page(api: string): Promise<string> {
      const container = await sandbox.start({
        image: await image("examples/app/frontend", {
          dockerfile: "Dockerfile.prod",
          buildArgs: { VITE_API_URL: api },
        }),
        tmpfs: ["/tmp"],
        publish: [3000],
      });
      const url = `http://127.0.0.1:${await sandbox.port(container, 3000)}`;
      await answers(url);
      return url;
    }

    it("serves the page on every route, and what it is made of", async () => {
      const url = await page("");
      for (const path of ["/", "/clients/3"]) {
        const answer = await fetch(url + path);
        assert.match(answer.headers.get("content-type") ?? "", /^text\/html/);
        assert.match(await answer.text(), /<title>FitnessCRM<\/title>/);
      }
      for (const [path, type] of [
        ["/app.js", /javascript/],
        ["/api.js", /javascript/],
        ["/styles.css", /css/],
        ["/icon.svg", /svg/],
      ] as const) {
        const answer = await fetch(url + path);
        assert.equal(answer.status, 200);
        assert.match(answer.headers.get("content-type") ?? "", type);
      }
      assert.equal((await fetch(`${url}/missing.js`)).status, 404);
    });

    it("is told where the API is when it is built", async () => {
      assert.equal(
        await (await fetch(`${await page("https://crm.example.com/api")}/config.js`)).text(),
        'window.FITNESSCRM_API_URL = "https://crm.example.com/api";\n',
      );
    });

    it("is not built with an address that would become code", async () => {
      await assert.rejects(page('https://x/";alert(1)//'), /VITE_API_URL|non-zero code/);
    });
  });

  it("exposes the one port of the contract", async () => {
    const { stdout } = await tryDocker(["inspect", "--format", "{{json .Config.ExposedPorts}}", backend]);
    assert.equal(stdout.trim(), '{"5000/tcp":{}}');
  });
});

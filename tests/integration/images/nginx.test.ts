import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import {
  answers,
  docker,
  eventually,
  exec,
  exitCode,
  healthy,
  image,
  logs,
  Sandbox,
  tryDocker,
} from "./sandbox";

describe("the nginx image", function () {
  this.timeout(240_000);
  const sandbox = new Sandbox();
  let reference: string;
  let python: string;

  before(async () => {
    await sandbox.open();
    reference = await image("images/nginx");
    // Any image with python: the upstreams are a script.
    python = await image("examples/app/backend", { dockerfile: "Dockerfile.prod" });
  });
  after(() => sandbox.close());

  async function edge(
    environment: Record<string, string> = {},
    volumes: Record<string, string> = {},
  ): Promise<{ container: string; url: string; port: number }> {
    const container = await sandbox.start({
      image: reference,
      environment,
      tmpfs: ["/tmp"],
      volumes,
      publish: [80],
    });
    await healthy(container, 30);
    const port = await sandbox.port(container, 80);
    return { container, port, url: `http://127.0.0.1:${port}` };
  }
  const upstream = (alias: string, port: number) =>
    sandbox.start({
      image: python,
      alias,
      entrypoint: "python3",
      args: ["/upstream.py", String(port)],
      volumes: { "/upstream.py": join(__dirname, "upstream.py") },
    });
  interface Seen {
    host: string;
    path: string;
    headers: Record<string, string>;
  }
  async function seen(url: string, init?: RequestInit): Promise<Seen> {
    const answer = await fetch(url, init);
    assert.equal(answer.status, 200, url);
    return (await answer.json()) as Seen;
  }

  const isExited = async (container: string): Promise<boolean> =>
    (await docker(["inspect", "--format", "{{.State.Status}}", container])) === "exited";

  it("starts and is healthy without anything behind it, and says so in JSON", async () => {
    const { url } = await edge({ NGINX_BACKEND: "nobody:5000" });
    const answer = await fetch(`${url}/api/clients`);
    assert.equal(answer.status, 502);
    assert.deepEqual(await answer.json(), {
      error: "the service is not available right now, try again in a moment",
    });
  });

  it("keeps its own health route to itself", async () => {
    const { url } = await edge();
    assert.equal((await fetch(`${url}/nginx-health`)).status, 403);
  });

  it("runs as an ordinary user without any capability, on port 80", async () => {
    const { container } = await edge();
    assert.equal(await exec(container, "id", "-un"), "nginx");
    assert.match(await exec(container, "cat", "/proc/1/status"), /CapBnd:\s0+\n/);
  });

  it("sends /api/ and /uploads/ to the backend and everything else to the frontend", async () => {
    const backend = await upstream("routes-backend", 5000);
    const frontend = await upstream("routes-frontend", 3000);
    const { url } = await edge({
      NGINX_BACKEND: "routes-backend:5000",
      NGINX_FRONTEND: "routes-frontend:3000",
    });
    await answers(`${url}/`);
    await answers(`${url}/api/`);
    const host = (container: string) => docker(["inspect", "--format", "{{.Config.Hostname}}", container]);
    for (const path of ["/api/clients?page=2", "/uploads/a.png", "/api/"]) {
      const { host: answered, path: received } = await seen(url + path);
      assert.equal(answered, await host(backend), path);
      assert.equal(received, path);
    }
    for (const path of ["/", "/clients", "/api", "/apis/x"]) {
      assert.equal((await seen(url + path)).host, await host(frontend), path);
    }
  });

  it("keeps a service off the edge while its file lies on the volume, from the next request on, and lets the other one through", async () => {
    await upstream("isolated-one", 3000);
    const { container, url } = await edge(
      { NGINX_BACKEND: "isolated-one:3000", NGINX_FRONTEND: "isolated-one:3000" },
      { "/var/log/edge": "isolated-log" },
    );
    await answers(`${url}/api/`);
    const folder = "/var/log/edge/isolated";
    await exec(container, "mkdir", "-p", folder);
    await exec(container, "touch", `${folder}/backend`);
    for (const path of ["/api/clients", "/uploads/a.png"]) {
      const answer = await fetch(url + path);
      assert.equal(answer.status, 503, path);
      assert.match(
        ((await answer.json()) as { error: string }).error,
        /^isolated: the operators have taken this part/,
      );
      assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
    }
    assert.equal((await fetch(`${url}/api/clients`, { method: "POST", body: "x" })).status, 503);
    assert.equal((await fetch(`${url}/clients`)).status, 200);
    await exec(container, "mv", `${folder}/backend`, `${folder}/frontend`);
    const page = await fetch(`${url}/clients`);
    assert.equal(page.status, 503);
    assert.match(await page.text(), /^isolated: /);
    assert.equal((await fetch(`${url}/api/clients`)).status, 200);
    await exec(container, "rm", `${folder}/frontend`);
    assert.equal((await fetch(`${url}/clients`)).status, 200);
  });

  describe("before one backend", () => {
    let container: string;
    let url: string;
    let port: number;
    before(async () => {
      await upstream("one", 5000);
      ({ container, url, port } = await edge({
        NGINX_BACKEND: "one:5000",
        NGINX_FRONTEND: "one:5000",
        NGINX_CLIENT_MAX_BODY_SIZE: "1k",
      }));
      await answers(url);
    });

    it("logs one JSON line a request, without query, cookie or authorization", async () => {
      await seen(`${url}/api/cli%22ents?token=hunter2`, {
        headers: { Cookie: "session=hunter2", Authorization: "Bearer hunter2" },
      });
      await fetch(`${url}/api/503?token=hunter2`);
      const text = await eventually("the line is there", async () => {
        const all = await logs(container);
        return all.includes("/api/503") && all;
      });
      assert.equal(text.includes("hunter2"), false);
      const lines = text
        .split("\n")
        .filter((line) => line.startsWith("{"))
        .map((line) => JSON.parse(line) as Record<string, unknown>);
      const line = lines.find((candidate) => candidate.route === '/api/cli"ents');
      assert(line, text);
      assert.equal(line.method, "GET");
      assert.equal(line.status, 200);
      assert.equal(typeof line.request_time, "number");
      assert.equal(typeof line.bytes, "number");
      assert.match(String(line.upstream_response_time), /^\d+\.\d+$/);
      assert.match(String(line.time), /^\d{4}-\d\d-\d\dT/);
    });

    it("sets the security headers once, also on errors, and names no version", async () => {
      for (const path of ["/", "/api/503", "/nginx-health"]) {
        const { headers } = await fetch(url + path);
        assert.equal(headers.get("x-content-type-options"), "nosniff", path);
        assert.equal(headers.get("x-frame-options"), "DENY", path);
        assert.equal(headers.get("referrer-policy"), "strict-origin-when-cross-origin", path);
        assert.equal(headers.get("server"), "nginx", path);
      }
    });

    it("tells the backend who called, whatever the caller claims", async () => {
      const { headers } = await seen(`${url}/api/x`, { headers: { "X-Forwarded-For": "6.6.6.6" } });
      assert.doesNotMatch(headers["X-Forwarded-For"] ?? "", /6\.6\.6\.6/);
      assert.match(headers["X-Forwarded-For"] ?? "", /^\d+\.\d+\.\d+\.\d+$/);
      assert.equal(headers.Host, `127.0.0.1:${port}`);
    });

    it("refuses a body above its limit and passes one below", async () => {
      assert.equal((await fetch(`${url}/api/x`, { method: "POST", body: "x".repeat(1025) })).status, 413);
      assert.equal((await fetch(`${url}/api/x`, { method: "POST", body: "x".repeat(1024) })).status, 200);
    });

    it("upgrades to a websocket", async () => {
      const answer = await new Promise<string>((resolve, reject) => {
        let text = "";
        const socket = connect(port, "127.0.0.1", () =>
          socket.write(
            "GET /api/live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
          ),
        );
        socket.on("data", (chunk) => {
          text += chunk.toString();
          if (text.includes("upgraded")) {
            socket.destroy();
            resolve(text);
          }
        });
        socket.on("error", reject);
        socket.on("close", () => resolve(text));
      });
      assert.match(answer, /^HTTP\/1\.1 101 /);
      assert.match(answer, /upgraded/);
    });

    it("tells how much is under way to nobody but itself", async () => {
      assert.equal((await fetch(`${url}/nginx-status`)).status, 403);
      assert.equal(await exec(container, "in-flight"), "0");
      const slow = fetch(`${url}/api/sleep/3`);
      await eventually("the slow request is counted", async () => {
        return (await exec(container, "in-flight")) === "1";
      });
      await slow;
    });

    it("goes at once when it is stopped with idle connections only", async () => {
      const idle = await edge({ NGINX_BACKEND: "one:5000" });
      const agent = new Agent({ keepAlive: true });
      await new Promise((done, failed) =>
        get(`${idle.url}/api/x`, { agent }, (answer) => answer.resume().on("end", done)).on("error", failed),
      );
      await docker(["kill", "--signal", "QUIT", idle.container]);
      await eventually("it is gone", () => isExited(idle.container), 15);
      assert.equal(await exitCode(idle.container), 0);
      agent.destroy();
    });

    it("answers everybody until a request that is under way when it is stopped has finished, and then goes", async () => {
      const slow = new Promise<number>((resolve, reject) => {
        get(`${url}/api/sleep/4`, (answer) => {
          answer.resume();
          answer.on("end", () => resolve(answer.statusCode ?? 0));
        }).on("error", reject);
      });
      await eventually("it is under way", async () => (await exec(container, "in-flight")) === "1");
      await docker(["kill", "--signal", "QUIT", container]);
      assert.equal((await fetch(`${url}/api/x`)).status, 200);
      assert.equal(await slow, 200);
      await eventually("it is gone", () => isExited(container), 15);
      assert.equal(await exitCode(container), 0);
    });

    it("reads its configuration again without ending anything", async () => {
      const again = await edge({ NGINX_BACKEND: "one:5000" });
      const slow = fetch(`${again.url}/api/sleep/2`);
      await eventually("it is under way", async () => (await exec(again.container, "in-flight")) === "1");
      await docker(["kill", "--signal", "HUP", again.container]);
      assert.equal((await slow).status, 200);
      assert.equal((await fetch(`${again.url}/api/x`)).status, 200);
    });
  });

  it("loses no GET of 1500 when one of three backends is killed under load", async () => {
    const backends = await Promise.all([1, 2, 3].map(() => upstream("many", 5000)));
    const { url } = await edge({ NGINX_BACKEND: "many:5000" });
    await answers(`${url}/api/`);
    const hosts = new Map<string, number>();
    const failures: string[] = [];
    let sent = 0;
    let killed: Promise<unknown> | undefined;
    const worker = async () => {
      while (sent < 1500) {
        const number = ++sent;
        if (number === 400) {
          killed = docker(["kill", backends[0] ?? ""]);
        }
        try {
          const answer = await fetch(`${url}/api/clients/${number}`, { signal: AbortSignal.timeout(15_000) });
          const { host } = (await answer.json()) as Seen;
          hosts.set(host, (hosts.get(host) ?? 0) + 1);
          if (answer.status !== 200) {
            failures.push(`${number}: ${answer.status}`);
          }
        } catch (error) {
          failures.push(`${number}: ${String(error)}`);
        }
      }
    };
    await Promise.all(Array.from({ length: 8 }, worker));
    await killed;
    assert.deepEqual(failures, []);
    assert.equal(hosts.size, 3, JSON.stringify([...hosts]));
  });

  it("follows a backend that was replaced, whose address is another", async () => {
    const first = await upstream("moving", 5000);
    const { url } = await edge({ NGINX_BACKEND: "moving:5000" });
    await answers(`${url}/api/`);
    const before = (await seen(`${url}/api/`)).host;
    const second = await upstream("moving", 5000);
    await eventually("the second one listens", async () =>
      (await exec(second, "cat", "/proc/net/tcp")).includes("1388"),
    );
    await docker(["rm", "--force", first]);
    const after = await eventually(
      "the new one answers",
      async () => {
        const answer = await fetch(`${url}/api/`);
        return answer.ok && ((await answer.json()) as Seen).host;
      },
      10,
    );
    assert.notEqual(after, before);
  });

  for (const [name, value] of [
    ["NGINX_BACKEND", "backend:5000; return 200"],
    ["NGINX_CLIENT_MAX_BODY_SIZE", "20 m"],
    ["NGINX_PORT", "http"],
    ["NGINX_TRUSTED_PROXIES", "10.0.0.0/8; deny all"],
    ["NGINX_LOGIN_PATHS", "api/login"],
    ["NGINX_LOGIN_PER_MINUTE", "0"],
    ["NGINX_LOGIN_BURST", "many"],
  ] as const) {
    it(`refuses a ${name} that is none with one line`, async () => {
      const container = await sandbox.start({
        image: reference,
        environment: { [name]: value },
        tmpfs: ["/tmp"],
      });
      assert.equal(await exitCode(container), 1);
      const { stderr } = await tryDocker(["logs", container]);
      assert.match(stderr, new RegExp(`^nginx: ${name} is "${value}": .*\n$`));
    });
  }
});

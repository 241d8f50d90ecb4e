import assert from "node:assert/strict";
import { join } from "node:path";
import { answers, healthy, image, Sandbox } from "./sandbox";

describe("the nginx image keeps out who does not belong", function () {
  this.timeout(240_000);
  const sandbox = new Sandbox();
  let reference: string;

  before(async () => {
    await sandbox.open();
    reference = await image("images/nginx");
    await sandbox.start({
      // Any image with python: the upstream is a script.
      image: await image("examples/app/backend", { dockerfile: "Dockerfile.prod" }),
      alias: "app",
      entrypoint: "python3",
      args: ["/upstream.py", "5000"],
      volumes: { "/upstream.py": join(__dirname, "upstream.py") },
    });
  });
  after(() => sandbox.close());

  /** An nginx of its own, since what it counts lasts. */
  async function edge(environment: Record<string, string> = {}): Promise<string> {
    const container = await sandbox.start({
      image: reference,
      environment: { NGINX_BACKEND: "app:5000", NGINX_FRONTEND: "app:5000", ...environment },
      tmpfs: ["/tmp"],
      publish: [80],
    });
    await healthy(container, 30);
    const url = `http://127.0.0.1:${await sandbox.port(container, 80)}`;
    await answers(url);
    return url;
  }

  async function logIn(url: string, headers: Record<string, string> = {}): Promise<Response> {
    return fetch(`${url}/api/login`, { method: "POST", body: "{}", headers });
  }

  async function statuses(count: number, ask: () => Promise<Response>): Promise<number[]> {
    const seen: number[] = [];
    for (let number = 0; number < count; number += 1) {
      seen.push((await ask()).status);
    }
    return seen;
  }

  async function headersAtBackend(
    url: string,
    headers: Record<string, string>,
  ): Promise<Record<string, string>> {
    const answer = await fetch(`${url}/api/x`, { headers });
    return ((await answer.json()) as { headers: Record<string, string> }).headers;
  }

  describe("by its headers", () => {
    let url: string;
    before(async () => {
      url = await edge();
    });

    it("denies pages what they have no use for, also on errors, and leaves the content's policy to the application", async () => {
      for (const path of ["/", "/api/503", "/nginx-health"]) {
        const { headers } = await fetch(url + path);
        assert.match(headers.get("permissions-policy") ?? "", /^camera=\(\), .*usb=\(\)$/, path);
        assert.equal(headers.get("cross-origin-opener-policy"), "same-origin", path);
        assert.equal(headers.get("content-security-policy"), null, path);
      }
      for (const path of ["/status", "/status/none"]) {
        const { headers } = await fetch(url + path);
        assert.match(headers.get("permissions-policy") ?? "", /^camera=\(\), .*usb=\(\)$/, path);
        assert.equal(headers.get("cross-origin-opener-policy"), "same-origin", path);
      }
    });

    it("lets the application say what its pages may do and open", async () => {
      const { headers } = await fetch(`${url}/api/policies`);
      assert.equal(headers.get("permissions-policy"), "camera=(self)");
      assert.equal(headers.get("cross-origin-opener-policy"), "unsafe-none");
    });

    it("promises no TLS where there is none, whatever client and application say", async () => {
      const { headers } = await fetch(url, { headers: { "X-Forwarded-Proto": "https" } });
      assert.equal(headers.get("strict-transport-security"), null);
    });
  });

  describe("that try to log in too often", () => {
    it("answers the attempts beyond the burst with 429 in JSON and says when to come again", async () => {
      const url = await edge({ NGINX_LOGIN_PER_MINUTE: "2", NGINX_LOGIN_BURST: "3" });
      assert.deepEqual(await statuses(6, () => logIn(url)), [200, 200, 200, 200, 429, 429]);
      const answer = await logIn(url);
      assert.equal(answer.headers.get("retry-after"), "30");
      assert.equal(answer.headers.get("x-content-type-options"), "nosniff");
      assert.match(answer.headers.get("content-type") ?? "", /^application\/json/);
      assert.deepEqual(await answer.json(), { error: "too many attempts to log in, try again in a minute" });
    });

    it("lets them in again as the minute goes by", async () => {
      const url = await edge({ NGINX_LOGIN_PER_MINUTE: "60", NGINX_LOGIN_BURST: "0" });
      const began = Date.now();
      assert.deepEqual(await statuses(2, () => logIn(url)), [200, 429]);
      while ((await logIn(url)).status === 429) {
        assert.ok(Date.now() - began < 10_000, "one attempt a second is allowed");
        await new Promise((next) => setTimeout(next, 100));
      }
      assert.ok(Date.now() - began >= 900, `${Date.now() - began} ms`);
    });

    it("counts no other request, neither for the limit nor against it", async () => {
      const url = await edge({ NGINX_LOGIN_PER_MINUTE: "1", NGINX_LOGIN_BURST: "0" });
      const others = [
        () => fetch(`${url}/api/login`),
        () => fetch(`${url}/api/clients`, { method: "POST", body: "{}" }),
        () => fetch(`${url}/api/logins`, { method: "POST", body: "{}" }),
        () => fetch(url),
      ];
      for (const ask of others) {
        assert.deepEqual(await statuses(5, ask), [200, 200, 200, 200, 200]);
      }
      assert.deepEqual(await statuses(2, () => logIn(url)), [200, 429]);
      for (const ask of others) {
        assert.deepEqual(await statuses(3, ask), [200, 200, 200]);
      }
    });

    it("counts an attempt however its path is spelled, and on every path that is named", async () => {
      const url = await edge({
        NGINX_LOGIN_PER_MINUTE: "1",
        NGINX_LOGIN_BURST: "0",
        NGINX_LOGIN_PATHS: "/api/login /api/token",
      });
      assert.equal((await logIn(url)).status, 200);
      for (const path of ["/api//login", "/api/%6cogin", "/api/x/../login?a=1", "/api/token"]) {
        assert.equal((await fetch(url + path, { method: "POST", body: "{}" })).status, 429, path);
      }
    });

    it("passes on what the application itself says of too many requests", async () => {
      const url = await edge();
      const answer = await fetch(`${url}/api/429`, { method: "POST", body: "{}" });
      assert.equal(answer.status, 429);
      assert.equal(answer.headers.get("retry-after"), "7");
      assert.notEqual(((await answer.json()) as { host?: string }).host, undefined);
    });
  });

  describe("behind a load balancer", () => {
    const LIMIT = { NGINX_LOGIN_PER_MINUTE: "1", NGINX_LOGIN_BURST: "0" };
    /** Every address from which this machine may come to a container. */
    const TRUSTED = { NGINX_TRUSTED_PROXIES: "172.16.0.0/12 192.168.0.0/16 10.0.0.0/8" };

    it("takes address and scheme from a trusted one", async () => {
      const url = await edge(TRUSTED);
      const headers = await headersAtBackend(url, {
        "X-Forwarded-For": "6.6.6.6, 203.0.113.9, 10.1.1.1",
        "X-Forwarded-Proto": "https",
      });
      // The last address that is not a proxy's: what stands before it the client wrote itself.
      assert.equal(headers["X-Forwarded-For"], "203.0.113.9");
      assert.equal(headers["X-Real-IP"] ?? headers["X-Real-Ip"], "203.0.113.9");
      assert.equal(headers["X-Forwarded-Proto"], "https");
      for (const path of ["/", "/status", "/status/none"]) {
        const answer = await fetch(url + path, { headers: { "X-Forwarded-Proto": "https" } });
        assert.equal(answer.headers.get("strict-transport-security"), "max-age=31536000", path);
      }
    });

    it("passes on no scheme that is none", async () => {
      const url = await edge(TRUSTED);
      const headers = await headersAtBackend(url, { "X-Forwarded-Proto": "gopher" });
      assert.equal(headers["X-Forwarded-Proto"], "http");
    });

    it("limits each client and not the balancer", async () => {
      const url = await edge({ ...TRUSTED, ...LIMIT });
      for (const client of ["203.0.113.1", "203.0.113.2"]) {
        const from = { "X-Forwarded-For": client };
        assert.deepEqual(await statuses(2, () => logIn(url, from)), [200, 429], client);
      }
    });

    it("believes nobody else: a made-up address is no way around the limit", async () => {
      const url = await edge({ ...LIMIT, NGINX_TRUSTED_PROXIES: "198.51.100.7" });
      assert.equal((await logIn(url, { "X-Forwarded-For": "203.0.113.1" })).status, 200);
      assert.equal((await logIn(url, { "X-Forwarded-For": "203.0.113.2" })).status, 429);
      const headers = await headersAtBackend(url, { "X-Forwarded-Proto": "https" });
      assert.equal(headers["X-Forwarded-Proto"], "http");
    });

    it("shows its own state to nobody who says to be this machine", async () => {
      const url = await edge(TRUSTED);
      for (const path of ["/nginx-health", "/nginx-status"]) {
        assert.equal(
          (await fetch(url + path, { headers: { "X-Forwarded-For": "127.0.0.1" } })).status,
          403,
          path,
        );
      }
    });
  });
});

import assert from "node:assert/strict";
import { join } from "node:path";
import { htpasswd } from "../../../components/stack/htpasswd";
import { ask } from "./ask";
import { answers, eventually, exec, healthy, image, logs, Sandbox } from "./sandbox";

/** As browsers ask for a page. */
const PAGE = { accept: "text/html,application/xhtml+xml,*/*;q=0.8" };
const BANNER = '<aside class="banner">Maintenance on Sunday</aside>';

describe("pages and banner of the nginx image", function () {
  this.timeout(240_000);
  const sandbox = new Sandbox();
  let reference: string;
  let python: string;

  before(async () => {
    await sandbox.open();
    reference = await image("images/nginx");
    python = await image("examples/app/backend", { dockerfile: "Dockerfile.prod" });
  });
  after(() => sandbox.close());

  interface Edge {
    url: string;
    /** Writes a file of the volume as ops does: it is there at once and whole. */
    write(name: string, content: string): Promise<void>;
    run(script: string): Promise<string>;
    /** What it has logged. */
    logs(): Promise<string>;
  }

  async function edge(
    volume: string,
    options: { environment?: Record<string, string>; secrets?: string } = {},
  ): Promise<Edge> {
    const container = await sandbox.start({
      image: reference,
      environment: {
        NGINX_BACKEND: "site:5000",
        NGINX_FRONTEND: "site:5000",
        ...options.environment,
      },
      tmpfs: ["/tmp"],
      volumes: {
        "/pages": volume,
        ...(options.secrets !== undefined && { "/run/secrets": options.secrets }),
      },
      publish: [80],
    });
    const writer = await sandbox.start({
      image: reference,
      user: "0",
      volumes: { "/pages": volume },
      args: ["sleep", "600"],
    });
    await healthy(container, 30);
    return {
      url: `http://127.0.0.1:${await sandbox.port(container, 80)}`,
      write: async (name, content) => {
        const text = Buffer.from(content).toString("base64");
        await exec(
          writer,
          "sh",
          "-c",
          `echo ${text} | base64 -d > /pages/.${name} && mv /pages/.${name} /pages/${name}`,
        );
      },
      run: (script) => exec(writer, "sh", "-c", script),
      logs: () => logs(container),
    };
  }

  describe("with nothing behind it", () => {
    let on: Edge;
    before(async () => {
      const secrets = await sandbox.secrets("operators", {
        operators: htpasswd("operator", "pass:word of 24 letters"),
      });
      on = await edge("alone", { environment: { NGINX_OLD_SECONDS: "3" }, secrets });
    });

    it("says that nothing is known as long as nothing was written", async () => {
      const { status, headers, body } = await ask(`${on.url}/status`);
      assert.equal(status, 503);
      assert.match(String(headers["content-type"]), /^text\/html; charset=utf-8$/);
      assert.match(body, /<h1>Nothing is known yet<\/h1>/);
    });

    it("serves the page as it was written, to be kept by nobody and to load nothing", async () => {
      await on.write(
        "status.html",
        "<!doctype html><title>Status</title><!-- old --><h1>Everything works – ok</h1>",
      );
      const { status, headers, body } = await ask(`${on.url}/status`);
      assert.equal(status, 200);
      assert.equal(
        Buffer.from(body, "latin1").toString(),
        "<!doctype html><title>Status</title><h1>Everything works – ok</h1>",
      );
      assert.equal(headers["content-type"], "text/html; charset=utf-8");
      assert.equal(headers["cache-control"], "no-store");
      assert.equal(headers.etag, undefined);
      assert.equal(headers["last-modified"], undefined);
      assert.equal(headers["x-content-type-options"], "nosniff");
      assert.equal(headers["x-frame-options"], "DENY");
      const policy = String(headers["content-security-policy"]);
      assert.match(policy, /^default-src 'none'; style-src 'unsafe-inline'; /);
      assert.doesNotMatch(policy, /script/);
    });

    it("says in JSON that the site is away, with a banner and without one", async () => {
      const away = async () => {
        const { status, body } = await ask(on.url, PAGE);
        assert.equal(status, 502);
        assert.match(body, /^\{"error":"the service is not available right now/);
      };
      await away();
      await on.write("banner.html", BANNER);
      await away();
      await on.run("rm /pages/banner.html");
    });

    it("keeps its readers out of the application's figures", async () => {
      await ask(`${on.url}/status?counted`);
      await ask(`${on.url}/statusbar`);
      const probes = await eventually("both are logged", async () => {
        const lines = (await on.logs()).split("\n").filter((line) => line.startsWith("{"));
        const found = lines
          .map((line) => JSON.parse(line) as { route: string; probe: number })
          .filter(({ route }) => route.startsWith("/status"));
        return found.some(({ route }) => route === "/statusbar") && found;
      });
      for (const { route, probe } of probes) {
        assert.equal(probe, route === "/statusbar" ? 0 : 1, route);
      }
    });

    it("says on the page that it is old once nobody renews it, until somebody does", async () => {
      const old = async () => (await ask(`${on.url}/status`)).body.includes("This page is old.");
      await on.run("touch /pages/status.html");
      await eventually("it is fresh", async () => !(await old()), 10);
      await eventually("it is marked as old", old, 15);
      await on.run("touch /pages/status.html");
      await eventually("the mark is gone", async () => !(await old()), 10);
    });

    it("has a page for what is not there, and shows no other file of the volume", async () => {
      await on.write("secret.txt", "hidden");
      for (const path of [
        "/status/nothing",
        "/status/secret.txt",
        "/status/status.html",
        "/status/../secret.txt",
      ]) {
        const { status, body } = await ask(`${on.url}${path}`);
        assert.notEqual(status, 200, path);
        assert.doesNotMatch(body, /hidden/, path);
      }
      assert.match((await ask(`${on.url}/status/nothing`)).body, /There is no such page/);
      const slash = await ask(`${on.url}/status/`);
      assert.deepEqual([slash.status, slash.headers.location], [301, "/status"]);
      for (const path of ["/nginx-banner", "/status/unknown", "/status/no-such-page"]) {
        assert.equal((await ask(on.url + path)).status, 404, path);
      }
    });

    it("lets to the operators' page who has the password, and nobody else", async () => {
      await on.write("operators.html", "<h1>Ada is on call</h1>");
      const login = (text: string) => ({ authorization: `Basic ${Buffer.from(text).toString("base64")}` });
      const page = `${on.url}/status/operators`;
      for (const headers of [
        {},
        login("operator:wrong"),
        login("operator:"),
        login("other:pass:word of 24 letters"),
      ]) {
        const { status, body } = await ask(page, headers);
        assert.equal(status, 401, JSON.stringify(headers));
        assert.doesNotMatch(body, /Ada/);
      }
      const { status, body } = await ask(page, login("operator:pass:word of 24 letters"));
      assert.equal(status, 200);
      assert.match(body, /Ada is on call/);
    });
  });

  it("lets nobody to the operators' page where there is no password", async () => {
    const on = await edge("closed");
    await on.write("operators.html", "<h1>Ada is on call</h1>");
    const login = { authorization: `Basic ${Buffer.from("operator:").toString("base64")}` };
    assert.equal((await ask(`${on.url}/status/operators`, login)).status, 403);
    assert.equal((await ask(`${on.url}/status/operators`)).status, 401);
  });

  describe("before the application's site", () => {
    let on: Edge;
    before(async () => {
      await sandbox.start({
        image: python,
        alias: "site",
        entrypoint: "python3",
        args: ["/site.py", "5000"],
        volumes: { "/site.py": join(__dirname, "site.py") },
      });
      on = await edge("site");
      await answers(on.url);
    });
    const raise = () => on.write("banner.html", BANNER);
    const lower = () => on.run("rm -f /pages/banner.html");
    beforeEach(raise);

    it("touches nothing while there is no banner: packed answers, tags and lengths are the site's own", async () => {
      await lower();
      const packed = await ask(on.url, { ...PAGE, "accept-encoding": "gzip" });
      assert.equal(packed.headers["content-encoding"], "gzip");
      assert.equal(packed.headers.etag, '"first"');
      assert.equal(Number(packed.headers["content-length"]), packed.body.length);
      assert.equal((await ask(on.url, { ...PAGE, "if-none-match": '"first"' })).status, 304);
    });

    for (const [path, tag] of [
      ["/", "<body>"],
      ["/attributes", '<body class="app" data-page="1">'],
      ["/capitals", "<body ID=top>"],
    ] as const) {
      it(`puts the banner where the body of ${path} begins, and leaves the rest as it is`, async () => {
        const { status, headers, body } = await ask(on.url + path, PAGE);
        assert.equal(status, 200);
        assert.equal(
          body,
          `<!doctype html>\n<html lang=en><head><title>Site</title></head>\n${BANNER}${tag}<main>Hello</main></body></html>\n`,
        );
        assert.match(String(headers["content-security-policy"]), /^default-src 'none'; style-src 'self'/);
        assert.equal(headers["content-length"], undefined);
        assert.equal(headers.etag, undefined);
      });
    }

    it("packs a page with a banner itself", async () => {
      const answer = await fetch(on.url, { headers: { ...PAGE, "accept-encoding": "gzip" } });
      assert.match(await answer.text(), /Maintenance on Sunday/);
      assert.equal((await ask(on.url, PAGE, "HEAD")).status, 200);
    });

    it("gives the banner to a browser that has kept the page without it, and the page to one that has kept the banner", async () => {
      const kept = { "if-none-match": '"first"', "if-modified-since": "Thu, 26 Nov 2026 10:00:00 GMT" };
      const raised = await ask(on.url, { ...PAGE, ...kept });
      assert.equal(raised.status, 200);
      assert.match(raised.body, /Maintenance/);
      // What came with a banner has no tag to ask by.
      assert.deepEqual([raised.headers.etag, raised.headers["last-modified"]], [undefined, undefined]);
      await lower();
      const lowered = await ask(on.url, PAGE);
      assert.equal(lowered.status, 200);
      assert.doesNotMatch(lowered.body, /Maintenance/);
    });

    it("has no part of a page, and no packed one, be taken for the whole", async () => {
      const { status, body } = await ask(on.url, {
        ...PAGE,
        range: "bytes=0-9",
        "accept-encoding": "gzip, br",
      });
      assert.equal(status, 200);
      assert.ok(body.length > 10);
    });

    it("puts it into pages only: not into scripts, data or what the API answers", async () => {
      for (const path of ["/app.js", "/data.json", "/api/page"]) {
        assert.doesNotMatch((await ask(on.url + path, PAGE)).body, /Maintenance/, path);
      }
      const script = await ask(`${on.url}/app.js`, { accept: "*/*", "accept-encoding": "gzip" });
      assert.equal(script.headers["content-encoding"], "gzip");
      assert.equal(
        (await ask(`${on.url}/app.js`, { accept: "*/*", "if-none-match": '"first"' })).status,
        304,
      );
    });

    it("leaves a page without a body tag alone, and one whose banner is empty", async () => {
      const page = "<!doctype html><title>Site</title><p>Hello</p>\n";
      assert.equal((await ask(`${on.url}/no-body`, PAGE)).body, page);
      await on.write("banner.html", "");
      const { body } = await ask(on.url, PAGE);
      assert.match(body, /^<!doctype html>\n<html lang=en><head><title>Site<\/title><\/head>\n<body><main>/);
    });
  });
});

import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import { docker, eventually, exitCode, image, Sandbox, tryDocker } from "./sandbox";

const SCRIPTS = resolve(__dirname, "../../../images/shared");

describe("the scripts that the stack puts into images that are not ours", function () {
  this.timeout(240_000);
  const sandbox = new Sandbox();
  let upstream: string;
  let withNode: string;

  before(async () => {
    await sandbox.open();
    const python = await image("examples/app/backend", { dockerfile: "Dockerfile.prod" });
    upstream = await sandbox.start({
      image: python,
      alias: "upstream",
      entrypoint: "python3",
      args: ["/upstream.py", "5000"],
      volumes: { "/upstream.py": join(__dirname, "upstream.py"), "/fitnesscrm": SCRIPTS },
    });
    withNode = await sandbox.start({
      image: await image("tests/integration/images/clients"),
      entrypoint: "sleep",
      args: ["3600"],
      volumes: { "/fitnesscrm": SCRIPTS },
    });
    await eventually("the upstream answers", async () => {
      const { code, stdout } = await check(upstream, undefined, "http://127.0.0.1:5000/");
      assert.equal(code, 0, stdout);
      return true;
    });
  });
  after(() => sandbox.close());

  /** Runs http-check.sh where `client` is the only HTTP client on the path, or where the image has what it has. */
  const check = (container: string, client: string | undefined, url: string) =>
    tryDocker([
      "exec",
      ...(client === undefined ? [] : [`--env=PATH=/only/${client}`]),
      "--env=http_proxy=http://127.0.0.1:9",
      container,
      "/bin/sh",
      "/fitnesscrm/http-check.sh",
      url,
    ]);

  for (const client of ["curl", "wget", "busybox", "python3", "node", "bash"]) {
    describe(`http-check.sh with ${client}`, () => {
      it("is content with 2xx", async () => {
        const { code, stdout } = await check(withNode, client, "http://upstream:5000/api/health?x=1");
        assert.deepEqual([code, stdout], [0, ""]);
      });

      it("says which other status was answered", async () => {
        const { code, stdout } = await check(withNode, client, "http://upstream:5000/api/503");
        assert.deepEqual(
          [code, stdout],
          [1, "http-check: http://upstream:5000/api/503 answered 503, 2xx is expected\n"],
        );
      });

      it("says why nobody answered, in one line", async () => {
        const { code, stdout } = await check(withNode, client, "http://127.0.0.1:1/");
        assert.equal(code, 1);
        assert.match(stdout, /^http-check: http:\/\/127\.0\.0\.1:1\/: .+\n$/);
        assert.match(stdout, /refused|connect/i);
      });

      it("gives up after five seconds", async () => {
        const started = Date.now();
        const { code, stdout } = await check(withNode, client, "http://upstream:5000/api/sleep/20");
        assert.equal(code, 1, stdout);
        assert(Date.now() - started < 12_000);
      });
    });
  }

  it("http-check.sh names its need in an image without any client", async () => {
    const { code, stdout } = await check(withNode, "nothing", "http://upstream:5000/");
    assert.deepEqual(
      [code, stdout],
      [1, "http-check: no HTTP client in this image: curl, wget, python3, node or bash is needed\n"],
    );
  });

  it("http-check.sh refuses what is no URL", async () => {
    for (const url of ["upstream:5000", "", "file:///etc/passwd"]) {
      const { code, stdout } = await check(withNode, "curl", url);
      assert.deepEqual(
        [code, stdout],
        [1, `http-check: "${url}" is no URL: http://HOST:PORT/PATH is expected\n`],
      );
    }
  });

  for (const shell of ["dash", "bash", "busybox"]) {
    it(`entrypoint.sh passes any value on in ${shell}`, async () => {
      const value = "  a'b\"c$HOME`id`\\n\n\n second=line *";
      const folder = await sandbox.secrets(shell, { odd: `${value}\n` });
      const { code, stdout, stderr } = await tryDocker([
        "run",
        "--rm",
        "--env=FITNESSCRM_SECRET_ENV=ODD=odd",
        `--volume=${folder}:/run/secrets:ro`,
        `--volume=${SCRIPTS}:/fitnesscrm:ro`,
        `--entrypoint=/bin/${shell}`,
        await image("tests/integration/images/clients"),
        ...(shell === "busybox" ? ["sh"] : []),
        "/fitnesscrm/entrypoint.sh",
        "/bin/sh",
        "-c",
        'printf "<%s>" "$ODD"',
      ]);
      assert.equal(code, 0, stderr);
      assert.equal(stdout, `<${value}>`);
    });

    it(`entrypoint.sh lets a server in ${shell} answer for a while after the signal to stop`, async () => {
      const container = await sandbox.start({
        image: await image("tests/integration/images/clients"),
        entrypoint: `/bin/${shell}`,
        args: [
          ...(shell === "busybox" ? ["sh"] : []),
          "/fitnesscrm/entrypoint.sh",
          "python3",
          "/upstream.py",
          "5000",
        ],
        environment: { FITNESSCRM_DRAIN_SECONDS: "5" },
        volumes: { "/upstream.py": join(__dirname, "upstream.py"), "/fitnesscrm": SCRIPTS },
      });
      const answers = async (): Promise<boolean> =>
        (await check(container, undefined, "http://127.0.0.1:5000/")).code === 0;
      await eventually("it answers", answers);
      await docker(["kill", "--signal", "TERM", container]);
      assert.ok(await answers());
      assert.equal(await exitCode(container), 0);
    });
  }
});

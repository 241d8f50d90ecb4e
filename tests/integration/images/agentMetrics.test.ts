import assert from "node:assert/strict";
import { request } from "node:http";
import { join } from "node:path";
import { CloudWatchClient, GetMetricStatisticsCommand, ListMetricsCommand } from "@aws-sdk/client-cloudwatch";
import { emulatorImage, emulatorIsReady } from "../plugins/aws-emulator";
import { docker, eventually, exec, healthy, image, logs, program, Sandbox, stop, tryDocker } from "./sandbox";

const SECONDS = 3;

/** The agent between a real edge, which logs real requests, and the emulator, from which its metrics are read back. */
describe("the metrics agent, from nginx's log to CloudWatch", function () {
  // Ten thousand requests take minutes on a machine that is busy with other tests.
  this.timeout(600_000);
  const sandbox = new Sandbox();
  let agentImage: string;
  let edge: string;
  let edgeUrl: string;
  let emulator: string;
  let cloudwatch: CloudWatchClient;
  let secrets: string;
  let agent: string;

  before(async () => {
    await sandbox.open();
    const binary = program("telegraf");
    assert(
      binary !== undefined,
      "telegraf is missing in the toolchain's bin folder: ./fitnesscrm up gets it",
    );
    agentImage = await image("images/agent", { files: { telegraf: binary } });
    secrets = await sandbox.secrets("all", {
      agent_aws_credentials:
        "[default]\naws_access_key_id = AKIATEST\naws_secret_access_key = aws-secret-2\n",
    });
    const python = await image("examples/app/backend", { dockerfile: "Dockerfile.prod" });
    for (const [alias, port] of [
      ["backend", 5000],
      ["frontend", 3000],
    ] as const) {
      await sandbox.start({
        image: python,
        alias,
        entrypoint: "python3",
        args: ["/upstream.py", String(port)],
        volumes: { "/upstream.py": join(__dirname, "upstream.py") },
      });
    }
    edge = await sandbox.start({
      image: await image("images/nginx"),
      alias: "nginx",
      tmpfs: ["/tmp"],
      volumes: { "/var/log/edge": "edge-log" },
      // Some hundred lines, so that it is rotated under the agent.
      environment: { NGINX_LOG_BYTES: "60000" },
      publish: [80],
    });
    await healthy(edge, 30);
    edgeUrl = `http://127.0.0.1:${await sandbox.port(edge, 80)}`;
    // It writes where it likes, which a container of the sandbox may not.
    emulator = `${sandbox.prefix}-aws`;
    await docker([
      ...["run", "--detach", `--name=${emulator}`, `--network=${sandbox.prefix}`, "--network-alias=aws"],
      ...["--publish=127.0.0.1::4566", await emulatorImage()],
    ]);
    cloudwatch = await clientOf(emulator);
    agent = await startAgent();
    await eventually("the first heartbeat", async () => (await points("agent_silent")).length > 0);
  });
  after(async () => {
    await tryDocker(["rm", "--force", "--volumes", emulator]);
    await sandbox.close();
  });

  const startAgent = () =>
    sandbox.start({
      image: agentImage,
      environment: {
        AGENT_STACK: "test",
        AGENT_INTERVAL: `${SECONDS}s`,
        AGENT_MIN_REQUESTS: "5",
        AWS_REGION: "us-east-1",
        AWS_ENDPOINT_URL: "http://aws:4566",
      },
      volumes: { "/run/secrets": secrets, "/var/log/edge": "edge-log" },
    });

  async function clientOf(container: string): Promise<CloudWatchClient> {
    const endpoint = `http://127.0.0.1:${await sandbox.port(container, 4566)}`;
    await emulatorIsReady(endpoint);
    return new CloudWatchClient({
      endpoint,
      region: "us-east-1",
      credentials: { accessKeyId: "test", secretAccessKey: "test" },
    });
  }

  /** Values of the last minutes, in their order. */
  async function points(
    MetricName: string,
    more: Record<string, string> = {},
  ): Promise<{ sum: number; min: number; max: number }[]> {
    const { Datapoints = [] } = await cloudwatch.send(
      new GetMetricStatisticsCommand({
        Namespace: "FitnessCRM",
        MetricName,
        Dimensions: Object.entries({ Stack: "test", ...more }).map(([Name, Value]) => ({ Name, Value })),
        StartTime: new Date(Date.now() - 600_000),
        EndTime: new Date(Date.now() + 60_000),
        Period: 1,
        Statistics: ["Sum", "Minimum", "Maximum"],
      }),
    );
    // The emulator looks for each statistic by itself, and a value may have arrived in between.
    if (Datapoints.some(({ Sum, Minimum, Maximum }) => [Sum, Minimum, Maximum].includes(undefined))) {
      return points(MetricName, more);
    }
    return Datapoints.sort((a, b) => Number(a.Timestamp) - Number(b.Timestamp)).map(
      ({ Sum, Minimum, Maximum }) => ({
        sum: Sum ?? Number.NaN,
        min: Minimum ?? Number.NaN,
        max: Maximum ?? Number.NaN,
      }),
    );
  }
  const total = async (metric: string, more?: Record<string, string>) =>
    (await points(metric, more)).reduce((sum, { sum: part }) => sum + part, 0);
  /** As whoever reads counts has to: what the agent sends again, since it got no answer, has the first one's time and value. */
  const totalOnce = async (metric: string, more?: Record<string, string>) =>
    (await points(metric, more)).reduce((sum, { min, max }) => {
      assert.equal(min, max, `${metric}: two counts of one time`);
      return sum + max;
    }, 0);

  async function routes(): Promise<string[]> {
    const { Metrics = [] } = await cloudwatch.send(
      new ListMetricsCommand({ Namespace: "FitnessCRM", MetricName: "route_requests" }),
    );
    return Metrics.flatMap(({ Dimensions = [] }) =>
      Dimensions.filter(({ Name }) => Name === "Route").map(({ Value }) => Value ?? ""),
    );
  }

  /** Raw, since fetch would clean the path. @returns The status. */
  const get = (path: string, headers: Record<string, string> = {}) =>
    new Promise<number>((resolve, reject) => {
      const { hostname, port } = new URL(edgeUrl);
      request({ hostname, port, path, headers }, (answer) => {
        answer.resume();
        answer.on("end", () => resolve(answer.statusCode ?? 0));
      })
        .on("error", reject)
        .end();
    });

  async function burst(path: string, number: number): Promise<void> {
    for (let sent = 0; sent < number; sent += 100) {
      await Promise.all(Array.from({ length: Math.min(100, number - sent) }, () => get(path)));
    }
  }

  it("counts real requests by route, and neither the probe's nor those of the health check", async () => {
    const before = await total("api_requests");
    for (const path of [
      "/api/clients/17",
      "/api/clients/018f3b5e-6c1e-7d33-8a55-0123456789ab",
      "/api/clients/deadbeefdeadbeefcafe",
      "/api/clients/4711?secret=1",
      "/api/od%22d/%C3%A4%20%3Cb%3E",
      `/api/${"x".repeat(300)}`,
    ]) {
      await get(path);
    }
    for (let sent = 0; sent < 10; sent++) {
      await get("/api/health");
      await get("/", { "User-Agent": "FitnessCRM-probe" });
    }
    await eventually("all six are counted", async () => (await total("api_requests")) === before + 6);
    assert.equal(await total("route_requests", { Route: "/api/clients/:id" }), 4);
    const known = await routes();
    assert(known.includes("/api/od_d/___b_"), known.join());
    for (const route of known) {
      assert.match(route, /^[\x21-\x7e]{1,100}$/);
      assert.doesNotMatch(route, /secret/);
    }
    assert.ok((await points("api_response_p95_ms")).length > 0);
  });

  it("loses and repeats no line of a burst of 10,000 while the log is rotated under it", async () => {
    const before = await total("api_requests");
    await burst("/api/burst", 10_000);
    await eventually("all are counted", async () => {
      const counted = (await total("api_requests")) - before;
      assert(counted <= 10_000, `${counted} counted`);
      if (counted < 10_000) throw new Error(`${counted} counted`);
      return true;
    });
    const sizes = await exec(edge, "sh", "-c", "stat -c %s /var/log/edge/requests.*");
    assert.equal(sizes.split("\n").length, 2, "two files are kept");
  });

  it("has no more than 15 routes a period and one for the rest", async () => {
    const known = new Set(await routes());
    await Promise.all(
      Array.from({ length: 60 }, (_, index) =>
        get(`/api/many-${String.fromCharCode(97 + (index % 26))}${"z".repeat(1 + index / 26)}`),
      ),
    );
    await eventually("the rest has been counted", async () => (await routes()).includes("other"));
    const added = (await routes()).filter((route) => route.startsWith("/api/many-") && !known.has(route));
    // The sixty may fall into two periods.
    assert(added.length >= 15 && added.length <= 30, added.join());
  });

  it("repeats nothing after a restart, and says nothing of the time in which it was away", async () => {
    await stop(agent, 30);
    await burst("/api/unseen", 50);
    const before = await total("api_requests");
    const beats = (await points("agent_silent")).length;
    await docker(["start", agent]);
    await eventually("it beats again", async () => (await points("agent_silent")).length > beats + 2);
    assert.equal(await total("api_requests"), before);
    assert.equal((await routes()).includes("/api/unseen"), false);
  });

  it("keeps what it measured while CloudWatch hangs, stays healthy, and sends it later", async () => {
    await docker(["pause", emulator]);
    await burst("/api/meanwhile", 40);
    await healthy(agent);
    await new Promise((done) => setTimeout(done, 4 * SECONDS * 1000));
    await healthy(agent);
    await docker(["unpause", emulator]);
    await eventually(
      "they arrive",
      async () => {
        const counted = await totalOnce("route_requests", { Route: "/api/meanwhile" });
        if (counted !== 40) throw new Error(`${counted} of 40 counted`);
        return true;
      },
      90,
    );
  });

  it("says that the service is down, and withholds what follows from it", async () => {
    assert.equal((await points("service_down")).at(-1)?.max, 0);
    await docker(["stop", "--time", "60", edge]);
    await eventually("it is down", async () => (await points("service_down")).at(-1)?.max === 1);
    const judged = (await points("api_error_percent")).length;
    await docker(["start", edge]);
    await healthy(edge, 30);
    edgeUrl = `http://127.0.0.1:${await sandbox.port(edge, 80)}`;
    await eventually("it is up", async () => (await points("service_down")).at(-1)?.max === 0);
    assert.equal((await points("api_error_percent")).length, judged);
  });

  it("shows no secret, and logs no failure of its own", async () => {
    const text = (await docker(["inspect", agent])) + (await logs(agent));
    assert.doesNotMatch(text, /aws-secret-2/);
    assert.doesNotMatch(text, /starlark|Traceback|parse/i);
  });
});

/** The reader in front of the real engine of this machine. */
describe("the engine's reader", function () {
  this.timeout(180_000);
  const sandbox = new Sandbox();
  let reader: string;
  let asking: string;

  before(async () => {
    await sandbox.open();
    reader = await sandbox.start({
      image: await image("images/engine"),
      user: "0",
      tmpfs: ["/tmp"],
      volumes: {
        "/var/run/docker.sock": "/var/run/docker.sock",
        "/run/engine": "engine",
        "/run/engine-logs": "engine-logs",
      },
    });
    await healthy(reader, 30);
    asking = await sandbox.start({
      image: await image("examples/app/backend", { dockerfile: "Dockerfile.prod" }),
      entrypoint: "sleep",
      args: ["600"],
      volumes: { "/run/engine": "engine" },
    });
  });
  after(() => sandbox.close());

  /** As an ordinary user in another container. @returns Status line and body. */
  const ask = (method: string, path: string, headers = "", body = "") =>
    exec(
      asking,
      "python3",
      "-c",
      "import socket,sys\ns=socket.socket(socket.AF_UNIX);s.settimeout(20);s.connect('/run/engine/engine.sock')\n" +
        "s.sendall((sys.argv[1]+' '+sys.argv[2]+' HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n'+sys.argv[3].replace('|','\\r\\n')+'\\r\\n'+sys.argv[4]).encode())\n" +
        "d=b''\nwhile True:\n  c=s.recv(65536)\n  if not c: break\n  d+=c\nsys.stdout.write(d.decode(errors='replace'))",
      method,
      path,
      headers,
      body,
    );
  const status = async (...args: Parameters<typeof ask>) => (await ask(...args)).split(" ")[1];

  it("answers what metrics need", async () => {
    for (const path of [
      "/_ping",
      "/version",
      "/v1.41/info",
      "/v1.41/containers/json?filters=%7B%22status%22%3A%5B%22running%22%5D%7D",
      `/v1.41/containers/${reader}/json`,
      `/containers/${reader}/stats?stream=0`,
    ]) {
      assert.equal(await status("GET", path), "200", path);
    }
  });

  it("refuses everything else that can be read", async () => {
    for (const path of [
      `/containers/${reader}/archive?path=/etc/passwd`,
      `/containers/${reader}/logs?stdout=1`,
      `/containers/${reader}/export`,
      `/containers/${reader}/top`,
      `/containers/${reader}/attach/ws`,
      "/swarm",
      "/secrets",
      "/configs",
      "/services",
      "/tasks",
      "/volumes",
      "/images/json",
      "/events",
      "/system/df",
      `/containers/${reader}/../../swarm`,
      "/containers/%2e%2e/swarm/json",
      "/v1.41//swarm",
      "/info/../swarm",
      "http://docker/swarm",
      "/info%2f..%2fswarm",
      "/containers/json/../../swarm",
    ]) {
      assert.match((await status("GET", path)) ?? "", /^40[03]$/, path);
    }
  });

  it("refuses whatever changes something, and requests inside of others", async () => {
    for (const method of ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]) {
      assert.match((await status(method, "/info")) ?? "", /^40[035]$/, method);
      assert.match((await status(method, `/containers/${reader}/json`)) ?? "", /^40[035]$/, method);
    }
    const inside = "POST /containers/create HTTP/1.1\r\nHost: x\r\n\r\n";
    assert.equal(await status("GET", "/info", `Content-Length: ${inside.length}|`, inside), "413");
    const upgraded = await ask("GET", "/info", "Upgrade: tcp|");
    assert.match(upgraded, /^HTTP\/1\.1 200 /);
  });

  it("has no capability, and no port of the network", async () => {
    assert.match(await exec(reader, "cat", "/proc/1/status"), /CapEff:\s0+\n/);
    const listening = (await exec(reader, "cat", "/proc/net/tcp"))
      .split("\n")
      .filter((line) => / 0A /.test(line))
      .map((line) => line.trim().split(/\s+/)[1]);
    const local = listening.filter((address) => !address?.startsWith("0B00007F:"));
    assert.deepEqual(local, ["0100007F:1F90"]);
  });

  it("answers again after it was killed", async () => {
    await docker(["kill", reader]);
    await docker(["start", reader]);
    await healthy(reader, 30);
    assert.equal(await status("GET", "/_ping"), "200");
    assert.equal((await tryDocker(["exec", asking, "test", "-S", "/var/run/docker.sock"])).code, 1);
  });
});

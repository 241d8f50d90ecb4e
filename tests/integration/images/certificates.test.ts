import assert from "node:assert/strict";
import { request } from "node:https";
import { connect, type PeerCertificate } from "node:tls";
import { z } from "zod";
import { generateIdentity, recipientOf } from "../../../ageKey";
import type { BackupSettings } from "../../../ops/backup/settings";
import type { CertificateSettings } from "../../../ops/certificates/settings";
import { taskRecord } from "../../../ops/tasks/records";
import { taskDefinitions } from "../../../tasks";
import { WINDOW_SETTINGS } from "../../support/windowSettings";
import {
  docker,
  eventually,
  exec,
  healthy,
  image,
  logs,
  opsImage,
  program,
  Sandbox,
  tryDocker,
} from "./sandbox";

const NAME = "crm.test";
const DAY_SECONDS = 86_400;

/** The two images that share a certificate, and Let's Encrypt's stand-in: everything but the name is as in production. */
describe("certificates from an ACME authority", function () {
  this.timeout(300_000);
  const sandbox = new Sandbox();
  const authorities: Record<string, string> = {};
  let nginx: string;
  let ops: string;
  let edge: string;
  let ports: { plain: number; tls: number };
  let trust: string;
  let authorityPem: string;

  before(async () => {
    await sandbox.open();
    nginx = await image("images/nginx");
    trust = await authorityFiles();
    // A certificate of 20 days is one that has to be renewed from its first day on.
    for (const [name, days] of [
      ["short", 20],
      ["long", 90],
    ] as const) {
      authorities[name] = await startAuthority(name, days);
    }
    ops = await startOps("short");
    edge = await sandbox.start({
      image: nginx,
      alias: NAME,
      environment: {
        NGINX_TLS_URL: `https://${NAME}`,
        NGINX_BACKEND: "127.0.0.1:5000",
        NGINX_FRONTEND: "127.0.0.1:3000",
      },
      readOnlyVolumes: { "/certificates": "certificates" },
      tmpfs: ["/tmp"],
      publish: [80, 443, 8080],
    });
    await healthy(edge, 30);
    ports = { plain: await sandbox.port(edge, 80), tls: await sandbox.port(edge, 443) };
  });
  after(() => sandbox.close());

  /** A key and a certificate for the authorities' own port. */
  async function authorityFiles(): Promise<string> {
    const both = await docker([
      ...["run", "--rm", "--entrypoint=openssl", nginx, "req", "-x509", "-nodes", "-days", "2"],
      ...["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", "/CN=authority"],
      ...["-addext", "subjectAltName=DNS:short,DNS:long", "-keyout", "-", "-out", "-"],
    ]);
    authorityPem = both.slice(both.indexOf("-----BEGIN CERTIFICATE-----"));
    const profile = (days: number): string =>
      JSON.stringify({
        pebble: {
          listenAddress: "0.0.0.0:14000",
          managementListenAddress: "0.0.0.0:15000",
          certificate: "/authority/both.pem",
          privateKey: "/authority/both.pem",
          httpPort: 80,
          tlsPort: 443,
          ocspResponderURL: "",
          externalAccountBindingRequired: false,
          keyAlgorithm: "ecdsa",
          profiles: { default: { description: "tests", validityPeriod: days * DAY_SECONDS } },
        },
      });
    return sandbox.secrets("authority", {
      "both.pem": both,
      "20.json": profile(20),
      "90.json": profile(90),
    });
  }

  async function startAuthority(alias: string, days: number): Promise<string> {
    const binary = program("pebble");
    assert(binary !== undefined, "no pebble in the toolchain's bin folder: ./fitnesscrm test gets it");
    return sandbox.start({
      image: nginx,
      alias,
      entrypoint: "/pebble",
      args: ["-config", `/authority/${days}.json`],
      environment: { PEBBLE_VA_NOSLEEP: "1", PEBBLE_WFE_NONCEREJECT: "0" },
      volumes: { "/pebble": binary, "/authority": trust },
    });
  }

  async function startOps(authority: string): Promise<string> {
    const settings: BackupSettings = {
      stack: "unit",
      database: { host: "db", port: 5432, name: "fitnesscrm" },
      timeZone: "America/New_York",
      bucket: "none",
      prefix: "backups/",
      region: "us-east-1",
      endpoint: "http://127.0.0.1:9",
      recipients: [recipientOf(generateIdentity())],
      retentionDaysLocal: 30,
      metricNamespace: "FitnessCRM",
    };
    const certificates: CertificateSettings = {
      names: [NAME],
      email: "ops@example.com",
      directory: `https://${authority}:14000/dir`,
      trust: authorityPem,
    };
    const files = await sandbox.secrets(`files-${authority}`, {
      "backup.json": JSON.stringify(settings),
      "maintenance.json": JSON.stringify(WINDOW_SETTINGS),
      "tasks.json": JSON.stringify({
        timeZone: settings.timeZone,
        tasks: taskDefinitions({ certificates: true }),
      }),
      "on-call.json": JSON.stringify({
        everySeconds: 60,
        timeZone: settings.timeZone,
        engineers: ["Ada"],
        rota: { from: "2026-01-02", overrides: [] },
      }),
      "certificates.json": JSON.stringify(certificates),
    });
    return sandbox.start({
      image: await opsImage(),
      environment: {
        OPS_RECORDS: "/tmp/records",
        OPS_EDGE_HOST: NAME,
      },
      volumes: { "/fitnesscrm": files, "/certificates": "certificates" },
      tmpfs: ["/tmp"],
    });
  }

  function served(): Promise<PeerCertificate> {
    return new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: ports.tls, servername: NAME, rejectUnauthorized: false };
      const socket = connect(options, () => {
        const certificate = socket.getPeerCertificate();
        socket.destroy();
        resolve(certificate);
      });
      socket.on("error", reject);
    });
  }

  /** Asks for a page that nginx itself has none of, on a connection of its own. */
  function ask(): Promise<number> {
    return new Promise((resolve, reject) => {
      const options = {
        host: "127.0.0.1",
        port: ports.tls,
        path: "/status/none",
        rejectUnauthorized: false,
        agent: false,
      };
      request(options, (answer) => {
        answer.resume().on("end", () => resolve(answer.statusCode ?? 0));
      })
        .on("error", reject)
        .end();
    });
  }

  const asked = (container: string): string[] => [
    ...["exec", container, "node", "/opt/ops/main.js", "run", "certificates"],
  ];

  async function run(container: string): Promise<z.infer<typeof taskRecord>> {
    return taskRecord.parse(JSON.parse(await docker(asked(container), 200_000)));
  }

  /** The newest run that the container made by itself. */
  async function lastRun(container: string): Promise<z.infer<typeof taskRecord> | null | undefined> {
    const answer = await exec(container, "node", "/opt/ops/main.js", "tasks");
    const statuses = z
      .array(z.object({ name: z.string(), last: taskRecord.nullable() }))
      .parse(JSON.parse(answer));
    return statuses.find(({ name }) => name === "certificates")?.last;
  }

  const begun = (container: string): Promise<string> =>
    docker(["inspect", "--format", "{{.State.StartedAt}} {{.RestartCount}}", container]);

  const issuedBy = ({ issuer }: PeerCertificate): string => String(issuer.CN);

  it("are there soon after the first start, without a restart of the edge", async () => {
    const record = await eventually("the first run ends", async () => (await lastRun(ops)) ?? undefined, 180);
    assert.equal(record.result, "ok", record.reason);
    assert.equal(record.by, "start");
    assert.match(record.reason, /^the certificate of crm\.test is new and good for (19|20) days$/);
    const certificate = await served();
    assert.match(issuedBy(certificate), /^Pebble Intermediate CA/);
    assert.equal(certificate.subjectaltname, `DNS:${NAME}`);
    assert.match(await logs(edge), /a placeholder is served.*\n(.*\n)*nginx: serves another certificate/);
  });

  it("have TLS before everything but challenges and the edge's own health", async () => {
    const plain = await fetch(`http://127.0.0.1:${ports.plain}/api/clients?a=b`, { redirect: "manual" });
    assert.equal(plain.status, 308);
    assert.equal(plain.headers.get("location"), `https://${NAME}/api/clients?a=b`);
    assert.equal(plain.headers.get("strict-transport-security"), null);
    const challenge = await fetch(`http://127.0.0.1:${ports.plain}/.well-known/acme-challenge/none`);
    assert.equal(challenge.status, 404);
    assert.equal(await ask(), 404);
    const headers = await exec(
      edge,
      "bash",
      "-c",
      `printf 'GET /status HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n' | openssl s_client -quiet -connect 127.0.0.1:443 2>/dev/null`,
    );
    assert.match(headers, /^strict-transport-security: max-age=31536000\r?$/im);
    // From inside the stack's network, as the agent asks.
    const inner = await fetch(`http://127.0.0.1:${await sandbox.port(edge, 8080)}/status`);
    assert.notEqual(inner.status, 308);
  });

  it("are spoken with TLS 1.2 and 1.3 only, by HTTP/2 where somebody wants it", async () => {
    const speaks = async (...options: string[]): Promise<string> =>
      exec(
        edge,
        "sh",
        "-c",
        `echo | openssl s_client -connect 127.0.0.1:443 ${options.join(" ")} 2>&1 || true`,
      );
    assert.match(await speaks("-tls1_2"), /Cipher is ECDHE-/);
    assert.match(await speaks("-tls1_3", "-alpn", "h2"), /ALPN protocol: h2/);
    assert.doesNotMatch(await speaks("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"), /Cipher is ECDHE-/);
  });

  it("lie on the volume for ops and nginx alone, and their keys in no log", async () => {
    assert.equal(await exec(ops, "stat", "-c", "%U %g %a", "/certificates/edge.pem"), "ops 997 640");
    assert.equal(await exec(ops, "stat", "-c", "%U %a", "/certificates/acme"), "ops 700");
    assert.equal(
      await exec(ops, "sh", "-c", "ls /certificates/challenges/.well-known/acme-challenge | wc -l"),
      "0",
    );
    for (const container of [ops, edge]) {
      assert.doesNotMatch(await logs(container), /PRIVATE KEY/);
    }
  });

  it("are renewed when few days are left, and no request fails for that", async () => {
    const before = await served();
    const started = await begun(edge);
    let isOver = false;
    const statuses: number[] = [];
    const asking = (async () => {
      while (!isOver) {
        statuses.push(await ask());
      }
    })();
    // Waited for below, perhaps after it has failed.
    asking.catch(() => undefined);
    try {
      const { result, reason } = await run(ops);
      assert.equal(result, "ok", reason);
    } finally {
      isOver = true;
      await asking;
    }
    assert.notEqual((await served()).fingerprint256, before.fingerprint256);
    assert(statuses.length > 20, `${statuses.length} requests were made`);
    assert.deepEqual([...new Set(statuses)], [404]);
    assert.equal(await begun(edge), started);
  });

  it("stay as they are while the authority is away, and the run says why it failed", async () => {
    const before = await served();
    await docker(["stop", "--time", "0", authorities.short ?? ""]);
    const { code, stderr } = await tryDocker(asked(ops), 200_000);
    assert.equal(code, 1);
    assert.match(
      stderr,
      /^ops: short:14000 gave no certificate: .*(no such host|connection refused|i\/o timeout|no route|misbehaving).*$/m,
    );
    assert.equal((await served()).fingerprint256, before.fingerprint256);
  });

  it("stay as they are when something else lies on the volume, also over a restart of the edge", async () => {
    const before = await served();
    await exec(
      ops,
      "sh",
      "-c",
      "cp -p /certificates/edge.pem /certificates/kept && echo rubbish >/certificates/edge.pem",
    );
    await eventually("the edge says so", async () =>
      (await logs(edge)).includes("is not a certificate with its key, and is not served"),
    );
    assert.equal((await served()).fingerprint256, before.fingerprint256);
    await exec(ops, "mv", "/certificates/kept", "/certificates/edge.pem");
    await docker(["restart", edge]);
    await healthy(edge, 30);
    ports = { plain: await sandbox.port(edge, 80), tls: await sandbox.port(edge, 443) };
    assert.equal((await served()).fingerprint256, before.fingerprint256);
  });

  it("come from another authority once one is set, and are left alone while they are good", async () => {
    const before = await served();
    await docker(["stop", ops]);
    const next = await startOps("long");
    const first = await eventually("the first run ends", async () => (await lastRun(next)) ?? undefined, 180);
    assert.equal(first.result, "ok", first.reason);
    const renewed = await served();
    assert.notEqual(renewed.fingerprint256, before.fingerprint256);
    const { result, reason } = await run(next);
    assert.equal(result, "ok", reason);
    assert.match(reason, /^the certificate of crm\.test is good for (89|90) days$/);
    assert.equal((await served()).fingerprint256, renewed.fingerprint256);
  });
});

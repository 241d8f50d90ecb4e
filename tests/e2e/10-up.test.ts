import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { alarmName } from "../../alarmCatalogue";
import { Mailbox } from "../../cli/drills/mailbox";
import { api } from "./support/app";
import { containersOf, docker, logsOf, serviceName, sql } from "./support/docker";
import { launch, mustOnStack, onStack, PORTS, PROJECT, STACK, URL_OF_STACK } from "./support/launcher";
import { CHECKOUT_TITLE, ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

const SERVICES = ["agent", "backend", "db", "engine", "frontend", "nginx", "ops", "redis", "restore"];

describe("a stack that was brought up from nothing (M1)", function () {
  this.timeout(900_000);
  let outputs: Record<string, unknown>;

  before(async () => {
    const { stdout } = await ensureStack();
    ({ outputs } = JSON.parse(stdout) as { outputs: Record<string, unknown> });
  });

  it("answers /api/health through nginx with 200", async () => {
    const { status } = await api("/api/health");
    assert.equal(status, 200);
  });

  it("serves the frontend of the checkout that app.source names", async () => {
    const page = await (await fetch(`${URL_OF_STACK}/`)).text();
    assert.match(page, new RegExp(`<title>${CHECKOUT_TITLE}</title>`));
  });

  it("has the stack outputs that people and scripts read", () => {
    assert.equal(outputs.url, URL_OF_STACK);
    assert.equal(outputs.apiHealthUrl, `${URL_OF_STACK}/api/health`);
    assert.equal(outputs.mailboxUrl, `http://127.0.0.1:${PORTS.mailbox}`);
    assert.match(String(outputs.bucket), new RegExp(`^fitnesscrm-${STACK}-backups-[0-9a-f]{7}$`));
    assert.deepEqual(Object.keys(outputs.alarms as object).sort(), [
      "backup-age",
      "cpu",
      "database-connections",
      "disk",
      "drill-duration",
      "drill-failed",
      "dump-age",
      "error-rate",
      "failed-logins",
      "memory",
      "oom",
      "redis-memory",
      "response-time",
      "rota-horizon",
      "service-down",
      "silence",
      "window-failed",
    ]);
    const { images } = outputs.release as { images: Record<string, string> };
    // ops and restore are two services of one image.
    assert.deepEqual(
      Object.keys(images).sort(),
      SERVICES.filter((service) => service !== "restore"),
    );
    for (const image of Object.values(images)) {
      assert.match(image, /^sha256:[0-9a-f]{64}$/);
    }
  });

  it("is healthy in every part, by the command and by its exit code (M5)", async () => {
    const { code, stdout } = await onStack("health", "--json");
    const health = JSON.parse(stdout) as {
      healthy: boolean;
      components: { name: string; healthy: boolean }[];
    };
    assert.equal(code, 0, stdout);
    assert.equal(health.healthy, true);
    for (const service of SERVICES) {
      assert.ok(
        health.components.some(({ name }) => name === service),
        `no line for ${service}`,
      );
    }
  });

  it("has paged nobody while it came into being", async () => {
    const pages = await new Mailbox(`http://127.0.0.1:${PORTS.mailbox}`, new Date(0)).pages();
    assert.deepEqual(
      pages
        // A machine that is busy with the tests is busy.
        .filter(({ alarm, state }) => state === "ALARM" && !alarm.startsWith(alarmName(STACK, "cpu")))
        .map(({ alarm, to }) => `${alarm} to ${to}`),
      [],
    );
  });

  it("shows nothing to do in a second preview and in a refresh", async () => {
    const { stdout } = await mustOnStack("preview", "--expect-no-changes");
    assert.doesNotMatch(stdout, /cannot|warning|Diagnostics/i, "a preview that has nothing to tell is short");
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("is within the policies as it stands, by the command that asks without an update", async () => {
    const { violations } = JSON.parse((await mustOnStack("policy", "check", "--json")).stdout) as {
      violations: unknown[];
    };
    assert.deepEqual(violations, []);
  });

  it("changes nothing when it is brought up again", async () => {
    const ids = async () => Promise.all(SERVICES.map(async (name) => (await containersOf(name)).sort()));
    const before = await ids();
    const { stderr } = await mustOnStack("up");
    assert.match(stderr, /pulumi up in [\d.]+ s: \d+ unchanged/);
    assert.deepEqual(await ids(), before);
  });

  it("has a backup that was read back from S3, without anybody asking (M42)", async () => {
    const verified = async (): Promise<boolean> => {
      const { stdout } = await mustOnStack("backups", "--json");
      return (JSON.parse(stdout) as { s3: boolean; verifiedAt: string | null }[]).some(
        ({ s3, verifiedAt }) => s3 && verifiedAt !== null,
      );
    };
    await waitFor("a verified backup", verified, 180);
  });

  it("publishes one port, nginx's", async () => {
    const services = await docker("service", "ls", "--quiet", "--filter", `label=fitnesscrm.stack=${STACK}`);
    const json = await docker("service", "inspect", ...services.split("\n"));
    const published = (
      JSON.parse(json) as { Spec: { Name: string; EndpointSpec?: { Ports?: { PublishedPort: number }[] } } }[]
    ).flatMap(({ Spec }) =>
      (Spec.EndpointSpec?.Ports ?? []).map(({ PublishedPort }) => [Spec.Name, PublishedPort]),
    );
    assert.deepEqual(published, [[serviceName("nginx"), PORTS.http]]);
  });

  it("keeps its helpers, the emulator and the mailbox, off every outside address", async () => {
    for (const role of ["aws", "mailbox"]) {
      const addresses = await docker(
        "container",
        "inspect",
        "--format",
        "{{range .NetworkSettings.Ports}}{{range .}}{{.HostIp}} {{end}}{{end}}",
        serviceName(role),
      );
      const gateway = await docker(
        "network",
        "inspect",
        "docker_gwbridge",
        "--format",
        "{{range .IPAM.Config}}{{.Gateway}}{{end}}",
      );
      for (const address of addresses.split(" ").filter((word) => word !== "")) {
        assert.ok(["127.0.0.1", gateway].includes(address), `${role} listens on ${address}`);
      }
    }
  });

  it("shows no secret in an environment, a command line, a settings file or the state", async () => {
    const { stdout } = await launch(["pulumi", "--stack", STACK, "config", "get", "fitnesscrm:secrets"]);
    const secrets = Object.values(JSON.parse(stdout) as Record<string, string>);
    assert.equal(secrets.length, 12);
    const containers = (await Promise.all(SERVICES.map(containersOf))).flat();
    const services = await docker("service", "ls", "--quiet");
    const places = {
      containers: await docker("container", "inspect", ...containers),
      services: await docker("service", "inspect", ...services.split("\n")),
      processes: execFileSync("ps", ["-eo", "args"], { encoding: "utf8", maxBuffer: 1 << 26 }),
      state: (await mustOnStack("pulumi", "stack", "export")).stdout,
      settings: execFileSync("grep", ["-r", "", await settingsFolder()], { encoding: "utf8" }),
    };
    for (const [place, text] of Object.entries(places)) {
      for (const secret of secrets) {
        assert.ok(!text.includes(secret), `a secret stands in clear in: ${place}`);
        assert.ok(
          !text.includes(Buffer.from(secret).toString("base64")),
          `a secret stands encoded in: ${place}`,
        );
      }
    }
  });

  it("leaves no password in the database server's log, which keeps all DDL", async () => {
    const log = await logsOf("db");
    assert.match(log, /CREATE ROLE/);
    assert.doesNotMatch(log, /PASSWORD '(?!SCRAM-SHA-256\$)/);
  });

  it("gives each database role what it needs and no more", async () => {
    const roles = await sql(
      "select rolname, rolsuper, rolcreaterole, rolcreatedb, rolconnlimit from pg_roles where rolname like 'fitnesscrm_%' order by 1",
    );
    assert.deepEqual(roles.split("\n"), [
      "fitnesscrm_app|f|f|f|100",
      "fitnesscrm_backup|f|f|f|6",
      "fitnesscrm_maintenance|f|f|f|2",
      "fitnesscrm_monitoring|f|f|f|5",
      "fitnesscrm_readonly|f|f|f|5",
    ]);
    const rights = await sql(
      "select has_table_privilege('fitnesscrm_readonly','clients','SELECT'), has_table_privilege('fitnesscrm_readonly','clients','INSERT'), " +
        "has_table_privilege('fitnesscrm_backup','clients','SELECT'), has_table_privilege('fitnesscrm_backup','clients','DELETE'), " +
        "has_table_privilege('fitnesscrm_monitoring','clients','SELECT'), has_database_privilege('public','fitnesscrm','CONNECT')",
    );
    assert.equal(rights, "t|f|t|f|f|f");
  });

  it("counts slow statements and logs those from 500 ms on (M31)", async () => {
    assert.equal(await sql("select count(*) > 0 from pg_stat_statements"), "t");
    assert.equal(await sql("show log_min_duration_statement"), "500ms");
  });

  it("leaves the checkout as clean as it was", () => {
    const status = execFileSync(
      "git",
      ["-C", PROJECT, "status", "--porcelain", "--", "Pulumi.local.yaml", "images"],
      {
        encoding: "utf8",
      },
    );
    assert.equal(status, "");
  });
});

async function settingsFolder(): Promise<string> {
  const { stdout } = await launch(["env", "--json", "--stack", STACK]);
  const { PULUMI_OPTION_CONFIG_FILE } = JSON.parse(stdout) as { PULUMI_OPTION_CONFIG_FILE: string };
  return PULUMI_OPTION_CONFIG_FILE.slice(0, PULUMI_OPTION_CONFIG_FILE.lastIndexOf("/"));
}

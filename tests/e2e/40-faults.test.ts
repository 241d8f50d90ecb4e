import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fitnesscrmHome } from "../../cli/context";
import { addClient, api } from "./support/app";
import { docker, serviceName, sql } from "./support/docker";
import { killGroup, launch, mustOnStack, onStack, STACK, startLauncher } from "./support/launcher";
import { ensureStack } from "./support/stack";
import { waitFor } from "./support/wait";

/** A stack that no test ever makes: what is refused must leave nothing of it behind. */
const REFUSED = `${STACK}-refused`;

async function leftovers(stack: string): Promise<string> {
  const filter = ["--filter", `label=fitnesscrm.stack=${stack}`];
  const found = await Promise.all([
    docker("service", "ls", "--quiet", ...filter),
    docker("container", "ls", "--all", "--quiet", ...filter),
    docker("volume", "ls", "--quiet", ...filter),
    docker("network", "ls", "--quiet", ...filter),
  ]);
  return found.filter((text) => text !== "").join(" ");
}

describe("wrong settings", function () {
  this.timeout(300_000);

  const wrong: readonly (readonly [what: string, setting: string, message: RegExp])[] = [
    ["an unknown key", "colour=red", /fitnesscrm:colour is not a key: must be one of app, contacts, deploy/],
    ["a wrong type", "http.port=eighty", /fitnesscrm:http\.port is "eighty": must be a whole number/],
    [
      "a threshold looser than the manual",
      "alarms.thresholds.cpu=95",
      /fitnesscrm:alarms\.thresholds\.cpu is 95: must not be looser than the manual's 80 Percent \(M22\)/,
    ],
    [
      "a time zone that does not exist",
      "timeZone=America/Gotham",
      /fitnesscrm:timeZone is "America\/Gotham": must be an IANA time zone/,
    ],
    [
      "empty contacts",
      "contacts.onCall=[]",
      /fitnesscrm:contacts\.onCall is \[\]: must name at least one engineer/,
    ],
    [
      "a source folder without Dockerfiles",
      "app.source=/usr",
      /fitnesscrm:app\.source is "\/usr", which has no backend\/Dockerfile\.prod and no frontend\/Dockerfile\.prod/,
    ],
  ];
  for (const [what, setting, message] of wrong) {
    it(`refuses ${what} in one line, and makes nothing`, async () => {
      const { code, stdout, stderr } = await launch(["up", "--stack", REFUSED, "--set", setting]);
      assert.equal(code, 2);
      assert.equal(stdout, "");
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1, stderr);
      assert.equal(await leftovers(REFUSED), "");
    });
  }

  it("refuses them in plain pulumi too", async () => {
    await ensureStack();
    const { code, stdout, stderr } = await launch([
      "pulumi",
      "--stack",
      STACK,
      "preview",
      "--config",
      "fitnesscrm:timeZone=EST",
      "--config-file",
      copyOfSettings(),
      "--non-interactive",
    ]);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /fitnesscrm:timeZone is "EST": must be an IANA time zone/);
    assert.doesNotMatch(stdout + stderr, /at parseConfig/);
  });

  it("names what is still unset in Pulumi.prod.yaml", async () => {
    const { code, stderr } = await launch(["up", "--stack", "prod"]);
    assert.equal(code, 2);
    assert.match(stderr, /still to be set: fitnesscrm:host, fitnesscrm:app\.backendImage/);
  });
});

describe("faults around an update", function () {
  this.timeout(900_000);

  before(ensureStack);

  it("a port that is in use is named with its user and its setting, before anything is made", async () => {
    const server = createServer();
    await new Promise<void>((listening) => server.listen(18_099, "0.0.0.0", listening));
    try {
      const { code, stderr } = await launch(["up", "--stack", REFUSED, "--set", "http.port=18099"]);
      assert.equal(code, 1);
      assert.match(stderr, /port 18099 is in use.*free it, or choose another with --set http\.port=PORT/);
      assert.equal(await leftovers(REFUSED), "");
    } finally {
      server.close();
    }
  });

  it("a second up is told who holds the lock", async () => {
    const first = startLauncher(["up", "--stack", STACK]);
    try {
      await waitFor("the first up to hold the lock", async () => first.output() !== "");
      const { code, stderr } = await onStack("up");
      assert.equal(code, 1);
      assert.match(
        stderr,
        new RegExp(
          `stack is locked: \\S+ runs \`fitnesscrm up --stack ${STACK}\` on \\S+ since \\S+ \\(process \\d+\\)`,
        ),
      );
    } finally {
      assert.equal((await first.result).code, 0);
    }
  });

  it("a wrong passphrase is said so, and the state stays as it is", async () => {
    const before = stateDigest();
    const { code, stdout, stderr } = await launch(["up", "--stack", STACK], {
      env: { PULUMI_CONFIG_PASSPHRASE: "not the passphrase" },
    });
    assert.equal(code, 1);
    assert.match(stderr, /the passphrase is wrong or missing: set PULUMI_CONFIG_PASSPHRASE/);
    assert.equal(stdout, "");
    assert.equal(stateDigest(), before);
    await mustOnStack("preview", "--expect-no-changes");
  });

  it("a full disk is said so before anything is made", async function () {
    const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-full-"));
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=64m", "tmpfs", folder], { stdio: "pipe" });
    } catch (error) {
      console.log(`      skipped: a small disk cannot be mounted here: ${String(error).split("\n")[0]}`);
      return this.skip();
    }
    try {
      const { code, stderr } = await launch(["up", "--stack", REFUSED], { env: { FITNESSCRM_HOME: folder } });
      assert.equal(code, 1);
      assert.match(stderr, /disk of \S+ has \d+ MiB free: at least 1024 are needed/);
      assert.equal(await leftovers(REFUSED), "");
    } finally {
      execFileSync("umount", [folder]);
    }
  });

  it("an up that is killed is continued by the next one, at whatever point it was", async () => {
    await addClient("Karl Killed");
    for (const [index, seconds] of [0.5, 2, 4, 7].entries()) {
      const level = index % 2 === 0 ? "DEBUG" : "INFO";
      const running = startLauncher(["up", "--stack", STACK, "--set", `app.logLevel=${level}`]);
      await waitFor("the update to begin", async () => running.output().includes("pulumi up"), 90);
      await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
      killGroup(running.process);
      await running.result;
      await waitFor("the killed update's program to end", async () => orphanedPrograms() === "", 30);
      assert.equal((await api("/api/health")).status, 200, "what ran before goes on running");
      await mustOnStack("up");
      await mustOnStack("preview", "--refresh", "--expect-no-changes");
    }
    assert.equal(await sql("select count(*) from clients where name = 'Karl Killed'"), "1");
  });

  it("a database service that was removed comes back with every row and role", async () => {
    await addClient("Rita Replaced");
    const roles = await sql("select count(*) from pg_roles where rolname like 'fitnesscrm_%'");
    await docker("service", "rm", serviceName("db"));
    await mustOnStack("up");
    assert.equal(await sql("select count(*) from clients where name = 'Rita Replaced'"), "1");
    assert.equal(await sql("select count(*) from pg_roles where rolname like 'fitnesscrm_%'"), roles);
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("an emulator that forgot everything gets its bucket, topics and alarms again", async () => {
    await docker("container", "rm", "--force", serviceName("aws"));
    await mustOnStack("up");
    await mustOnStack("preview", "--refresh", "--expect-no-changes");
  });

  it("destroy refuses while there is data, and names it", async () => {
    const { code, stderr } = await onStack("destroy");
    assert.equal(code, 1);
    assert.match(
      stderr,
      new RegExp(`stack ${STACK} holds protected data \\(.*volume fitnesscrm-${STACK}-postgres`),
    );
    assert.match(stderr, new RegExp(`add --delete-data ${STACK}`));
    assert.equal((await api("/api/health")).status, 200);
  });

  it("destroy refuses a name that is not the stack's", async () => {
    const { code, stderr } = await onStack("destroy", "--delete-data", "prod");
    assert.equal(code, 2);
    assert.match(stderr, new RegExp(`--delete-data prod: must be the stack's name, ${STACK}`));
  });
});

/** Pulumi programs whose engine is gone; each would go on for ever. A language host that was left alone only waits. */
function orphanedPrograms(): string {
  const rows = execFileSync("ps", ["-eo", "pid=,ppid=,args="], { encoding: "utf8" })
    .split("\n")
    .map((row) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(row)?.slice(1) ?? []);
  const hosts = rows.filter(([, parent, args = ""]) => parent === "1" && /pulumi-language-nodejs/.test(args));
  const left = rows.filter(([, parent]) => hosts.some(([host]) => host === parent));
  return left.map((row) => row.join(" ")).join("\n");
}

/** SHA-256 of the stack's state as its backend keeps it. */
function stateDigest(): string {
  const file = join(fitnesscrmHome(), "state", ".pulumi", "stacks", "fitnesscrm", `${STACK}.json`);
  return createHash("sha256").update(readFileSync(file)).digest("hex");
}

/** `--config` writes to the settings file that it is given: it gets a copy. */
function copyOfSettings(): string {
  const folder = mkdtempSync(join(tmpdir(), "fitnesscrm-settings-"));
  const copy = join(folder, `Pulumi.${STACK}.yaml`);
  execFileSync("cp", [join(fitnesscrmHome(), "stacks", STACK, `Pulumi.${STACK}.yaml`), copy]);
  return copy;
}

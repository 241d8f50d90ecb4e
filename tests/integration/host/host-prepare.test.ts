import assert from "node:assert/strict";
import type { PrepareResult } from "../../../cli/host/prepare";
import { HostRun } from "../../../cli/host/run";
import { SshConnection } from "../../../cli/host/ssh";
import type { HostStep } from "../../../cli/host/step";
import { firewallStep } from "../../../cli/host/steps/firewall";
import { parseTarget } from "../../../cli/host/target";
import { createReporter } from "../../../cli/reporter";
import { type CliResult, canConnect, startServer, type TestServer, until } from "./server";

const PREPARE = ["host", "prepare", "--stack", "conf-host", "--swap", "128", "--json"];
const SWARM_PORT = 2377;

function statuses(result: CliResult): Record<string, string> {
  assert.ok(result.stdout !== "", result.stderr);
  const { steps } = JSON.parse(result.stdout) as PrepareResult;
  return Object.fromEntries(steps.map(({ name, status }) => [name, status]));
}

function failedWith(result: CliResult, words: RegExp, code = 1): void {
  const line = result.stderr.split("\n").find((text) => text.startsWith("fitnesscrm: ")) ?? result.stderr;
  assert.match(line, words);
  assert.equal(result.code, code, result.stderr);
  assert.equal(result.stderr.trimEnd().split("\n").at(-1), line, "the error is the last line, and one line");
}

describe("host prepare on a bare Debian server", function () {
  // Mostly dpkg at work: half a minute on an idle machine, minutes where the whole suite runs beside it.
  this.timeout(600_000);
  let server: TestServer;
  let rules: string;

  const listed = (): Promise<string> => server.sh("nft -s list table inet fitnesscrm");
  const enginePid = (): Promise<string> => server.sh("cat /var/run/docker.pid");

  /** Runs steps as the command does, over a connection of the test's own. */
  async function withRun<T>(work: (run: HostRun, connection: SshConnection) => Promise<T>): Promise<T> {
    process.env.FITNESSCRM_SSH_CONFIG = `${server.folder}/ssh_config`;
    const target = parseTarget(`ssh://root@127.0.0.1:${server.sshPort}`, "test");
    const connection = await SshConnection.open(target);
    try {
      const reporter = createReporter({ stream: { write: () => true, isTTY: false, columns: 80 } });
      return await work(new HostRun(target, connection, reporter), connection);
    } finally {
      connection.close();
      delete process.env.FITNESSCRM_SSH_CONFIG;
    }
  }

  before(async () => {
    server = await startServer();
    server.stack("conf-host", `ssh://deploy@127.0.0.1:${server.sshPort}`);
    await server.sh(
      `mkdir -p /etc/docker && printf '%s' '{"shutdown-timeout": 20, "live-restore": true}' >/etc/docker/daemon.json`,
    );
  });

  after(async () => {
    await server?.remove();
  });

  it("says with --check what it would change, exits with 1 and changes nothing", async () => {
    const before = await server.sh("dpkg -l | sha256sum; cat /etc/docker/daemon.json /etc/fstab");
    const result = await server.cli([...PREPARE, "--check"]);
    assert.equal(result.code, 1, result.stderr);
    assert.deepEqual(statuses(result), {
      "operating system": "unchanged",
      "time synchronisation": "would change",
      "security updates": "would change",
      firewall: "would change",
      swap: "would change",
      "Docker engine": "would change",
      Swarm: "would change",
      "disk space": "unchanged",
    });
    assert.equal(await server.sh("dpkg -l | sha256sum; cat /etc/docker/daemon.json /etc/fstab"), before);
    await assert.rejects(server.sh("command -v nft || command -v dockerd || ls /etc/fitnesscrm"));
  });

  it("changes nothing where nobody can be asked and --yes is missing", async () => {
    failedWith(await server.cli(PREPARE), /would be changed, and nobody can be asked here: add --yes/, 2);
    await assert.rejects(server.sh("command -v nft"));
  });

  it("readies the server and reports every step as changed", async () => {
    const result = await server.cli([...PREPARE, "--yes"]);
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(statuses(result), {
      "operating system": "unchanged",
      "time synchronisation": "changed",
      "security updates": "changed",
      firewall: "changed",
      swap: "changed",
      "Docker engine": "changed",
      Swarm: "changed",
      "disk space": "unchanged",
    });
    assert.match(result.stderr, /no service manager runs here: the engine was started by hand/);
    assert.doesNotMatch(result.stdout + result.stderr, /SWMTKN/, "the token to join the Swarm is a secret");
  });

  it("really loaded the firewall: only ssh, 80 and 443 come in", async () => {
    rules = await listed();
    assert.match(rules, /policy drop;/);
    assert.match(rules, /tcp dport \{ 22, 80, 443 \} accept/);
    assert.match(await server.sh("ss -Hltn"), new RegExp(`:${SWARM_PORT} `), "Swarm does listen");
    assert.equal(await canConnect(server.address, SWARM_PORT), "silent");
    assert.equal(await canConnect(server.address, 22), "open");
    assert.equal(await canConnect(server.address, 443), "closed", "let in, and nothing listens there yet");
  });

  it("left an engine with log limits, a labelled one-node Swarm and a user who may use it", async () => {
    const daemon = JSON.parse(await server.sh("cat /etc/docker/daemon.json")) as Record<string, unknown>;
    assert.deepEqual(daemon, {
      "shutdown-timeout": 20,
      "live-restore": false,
      "log-driver": "json-file",
      "log-opts": { "max-size": "10m", "max-file": "5" },
    });
    const node = await server.sh(
      "docker node inspect self --format '{{.Status.Addr}} {{json .Spec.Labels}}'; docker info --format '{{.Swarm.Nodes}} {{.LiveRestoreEnabled}}'",
    );
    assert.equal(node, `${server.address} {"fitnesscrm.data":"true"}\n1 false`);
    const asUser = await withRun((_, connection) =>
      connection.run('docker info >/dev/null && have "$(id -un)"', { root: true }),
    );
    assert.equal(asUser.code, 0);
    assert.equal(await server.sh("su deploy -c 'docker info --format {{.Swarm.LocalNodeState}}'"), "active");
  });

  it("left security updates only, without reboots, and swap that lasts", async () => {
    const dump = await server.sh("apt-config dump Unattended-Upgrade; apt-config dump APT::Periodic");
    const origins = dump.split("\n").filter((line) => /Origins/.test(line) && !/""/.test(line));
    assert.equal(origins.length, 2);
    assert.ok(origins.every((line) => /label=Debian-Security/.test(line)));
    assert.match(dump, /Automatic-Reboot "false"/);
    assert.match(dump, /Periodic::Unattended-Upgrade "1"/);
    assert.equal(await server.sh("stat -c '%s %a' /swapfile"), `${128 * 1024 * 1024} 600`);
    assert.equal(await server.sh("grep -c '^/swapfile none swap' /etc/fstab"), "1");
    assert.equal(
      await server.sh("swapon --show=NAME --noheadings; sysctl -n vm.swappiness"),
      "/swapfile\n10",
    );
  });

  it("finds everything unchanged the second time and restarts nothing", async () => {
    const pid = await enginePid();
    const again = await server.cli([...PREPARE, "--yes"]);
    assert.equal(again.code, 0, again.stderr);
    assert.deepEqual(new Set(Object.values(statuses(again))), new Set(["unchanged"]));
    const check = await server.cli([...PREPARE, "--check"]);
    assert.equal(check.code, 0, check.stderr);
    assert.equal((JSON.parse(check.stdout) as PrepareResult).changed, false);
    assert.equal(await enginePid(), pid);
    assert.equal(await listed(), rules);
  });

  it("puts rules back that somebody took away, and those alone", async () => {
    await server.sh("nft delete table inet fitnesscrm");
    assert.equal(await canConnect(server.address, SWARM_PORT), "open", "the firewall was what closed it");
    const result = await server.cli([...PREPARE, "--yes"]);
    const changed = Object.entries(statuses(result)).filter(([, status]) => status === "changed");
    assert.deepEqual(changed, [["firewall", "changed"]]);
    assert.equal(await listed(), rules);
    assert.equal(await canConnect(server.address, SWARM_PORT), "silent");
  });

  it("restarts the engine when its configuration changed", async () => {
    const pid = await enginePid();
    await server.sh(`printf '%s' '{"shutdown-timeout": 21}' >/etc/docker/daemon.json`);
    const result = await server.cli([...PREPARE, "--yes"]);
    assert.equal(statuses(result)["Docker engine"], "changed", result.stderr);
    assert.match(result.stdout, /restarted the engine/);
    assert.notEqual(await enginePid(), pid);
    assert.equal(await server.sh("docker info --format {{.Swarm.LocalNodeState}}"), "active");
  });

  it("refuses a configuration that the engine would not start with, and leaves the engine running", async () => {
    const pid = await enginePid();
    await server.sh(`printf '%s' '{"nonsense": 1}' >/etc/docker/daemon.json`);
    failedWith(
      await server.cli([...PREPARE, "--yes"]),
      /Docker engine: the engine would refuse its .*: repair it/,
    );
    assert.equal(await enginePid(), pid);
    assert.equal(await server.sh("cat /etc/docker/daemon.json"), '{"nonsense": 1}');
  });

  it("puts the configuration back when the engine does not start with the new one, and the engine runs", async () => {
    // As a service manager's flags would, these stand against the file when the engine starts, not when the file is checked.
    await server.sh(`printf '%s' '{"shutdown-timeout": 22}' >/etc/docker/daemon.json
cat >/usr/local/sbin/dockerd <<'X'
#!/bin/sh
case "$1" in --validate|--help) exec /usr/sbin/dockerd "$@" ;; esac
exec /usr/sbin/dockerd --log-opt max-size=1m "$@"
X
chmod 755 /usr/local/sbin/dockerd`);
    const result = await server.cli([...PREPARE, "--yes"]);
    await server.sh("rm /usr/local/sbin/dockerd");
    failedWith(result, /Docker engine: the engine did not come up with the new .*, the old one was put back/);
    assert.equal(await server.sh("cat /etc/docker/daemon.json"), '{"shutdown-timeout": 22}');
    assert.equal(await server.sh("docker info --format {{.Swarm.LocalNodeState}}"), "active");
    assert.equal((await server.cli([...PREPARE, "--yes"])).code, 0);
  });

  it("takes rules back at once that would lock the operator out", async () => {
    await withRun(async (run) => {
      await assert.rejects(run.apply([firewallStep([2222], 40)]), {
        message: "firewall: no second connection to the server came about: the change was taken back",
      });
    });
    assert.equal(await listed(), rules);
    const check = await server.cli([...PREPARE, "--check"]);
    assert.equal(check.code, 0, check.stderr);
  });

  it("takes rules back by itself when the operator's connection is lost before they are confirmed", async () => {
    const step: HostStep = firewallStep([2222], 15);
    await withRun(async (_, connection) => {
      const applied = await connection.run(step.apply ?? "");
      assert.equal(applied.code, 0, applied.stderr);
    });
    assert.match(await listed(), /2222/);
    assert.equal(await canConnect(server.address, 22), "silent");
    await until("the roll-back", async () => (await listed()) === rules, 60);
    assert.equal(await canConnect(server.address, 22), "open");
    const late = await withRun((_, connection) => connection.run(step.confirm?.script ?? ""));
    assert.match(late.lines.map(({ text }) => text).join(), /taken back before they were confirmed/);
    assert.equal(await listed(), rules);
  });

  it("keeps an operator's own rules beside its own", async () => {
    await server.sh("echo 'tcp dport 9100 accept' >/etc/fitnesscrm/firewall.d/metrics.nft");
    const result = await server.cli([...PREPARE, "--yes"]);
    assert.equal(statuses(result).firewall, "changed", result.stderr);
    assert.match(await listed(), /tcp dport 9100 accept/);
    assert.equal((await server.cli([...PREPARE, "--check"])).code, 0);
  });

  it("names what to do when the connection, the host key, the key, sudo or the system is not right", async () => {
    const check = (stack: string, config?: string): Promise<CliResult> =>
      server.cli(["host", "prepare", "--stack", stack, "--check"], config);
    const at = `127.0.0.1:${server.sshPort}`;

    const strange = server.sshConfig("strange", { UserKnownHostsFile: `${server.folder}/no_known_hosts` });
    failedWith(
      await check("conf-host", strange),
      /host key is not known here: run `ssh -p \d+ deploy@127\.0\.0\.1` once/,
    );

    const locked = server.sshConfig("locked", { IdentityFile: `${server.folder}/strange-key` });
    failedWith(await check("conf-host", locked), /accepts no key of yours for deploy .*ssh-copy-id/);

    server.stack("conf-closed", "ssh://deploy@127.0.0.1:1");
    failedWith(
      await check("conf-closed"),
      /127\.0\.0\.1 port 1 does not answer \(.*refused.*\): check that the server runs/,
    );

    server.stack("conf-guest", `ssh://guest@${at}`);
    failedWith(
      await check("conf-guest"),
      /guest is not root and sudo asks for a password: log in as root, or let guest/,
    );

    server.stack("conf-unset", "ssh://<set me>");
    failedWith(
      await check("conf-unset"),
      /fitnesscrm:host is "ssh:\/\/<set me>": must be ssh:\/\/user@server/,
      2,
    );

    await server.sh(
      "sed -i.kept 's/^ID=.*/ID=fedora/; s/^PRETTY_NAME=.*/PRETTY_NAME=\"Fedora 43\"/' /usr/lib/os-release",
    );
    server.stack("conf-root", `ssh://root@${at}`);
    failedWith(
      await check("conf-root"),
      /operating system: Fedora 43 is not supported: use a server with Debian 12, Debian 13, Ubuntu 22\.04 or Ubuntu 24\.04/,
    );
    await server.sh("mv /usr/lib/os-release.kept /usr/lib/os-release");
  });
});

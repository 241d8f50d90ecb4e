import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import type { Facts } from "../../../cli/host/facts";
import { LOGIN_PROBE, ROOT_PROBE } from "../../../cli/host/facts";
import { planHost } from "../../../cli/host/plan";
import { wholeScript } from "../../../cli/host/script";
import { engineStep, INSTALL_OFFICIAL } from "../../../cli/host/steps/engine";
import { firewallRules, firewallStep } from "../../../cli/host/steps/firewall";
import { defaultSwapMiB, swapStep } from "../../../cli/host/steps/swap";
import { spaceStep } from "../../../cli/host/steps/swarm";
import { systemStep } from "../../../cli/host/steps/system";
import { updateRules } from "../../../cli/host/steps/updates";

const FACTS: Facts = { user: "deploy", sshPorts: [22], system: "debian", memoryMiB: 3914 };

describe("the plan for a server", () => {
  it("closes the firewall before the engine opens ports, and needs the engine for Swarm", () => {
    assert.deepEqual(
      planHost(FACTS).map(({ name }) => name),
      [
        "operating system",
        "time synchronisation",
        "security updates",
        "firewall",
        "swap",
        "Docker engine",
        "Swarm",
        "disk space",
      ],
    );
  });

  for (const shell of ["sh", "bash"]) {
    it(`is made of scripts that ${shell} can parse`, () => {
      const plans = [
        planHost(FACTS),
        planHost({ ...FACTS, user: "root", system: "ubuntu", daemonJson: `{"a":"it's"}` }),
      ];
      const steps = plans.flat();
      const scripts = steps.flatMap(({ check, apply, confirm }) => [
        check,
        apply,
        confirm?.script,
        confirm?.revert,
      ]);
      for (const body of [...scripts, LOGIN_PROBE, ROOT_PROBE].filter((text) => text !== undefined)) {
        const { status, stderr } = spawnSync(shell, ["-n"], { input: wholeScript(body), encoding: "utf8" });
        assert.equal(status, 0, `${stderr}\n${body}`);
      }
    });
  }

  it("asks for one of four systems", () => {
    assert.equal(
      systemStep().check,
      `. /etc/os-release
case "$ID \${VERSION_ID:-}" in
  'debian 12') ;;
  'debian 13') ;;
  'ubuntu 22.04') ;;
  'ubuntu 24.04') ;;
  *) fail "\${PRETTY_NAME:-$ID} is not supported: use a server with Debian 12, Debian 13, Ubuntu 22.04 or Ubuntu 24.04" ;;
esac
has apt-get || fail "apt-get is missing: use a server with Debian 12, Debian 13, Ubuntu 22.04 or Ubuntu 24.04"
have "$PRETTY_NAME"
`,
    );
  });

  it("only looks at the disk", () => {
    assert.equal(spaceStep().apply, undefined);
  });
});

describe("the firewall", () => {
  it("lets in ssh where it listens, and the web; nothing else", () => {
    assert.equal(
      firewallRules([2222, 22]),
      `# Written by \`./fitnesscrm host prepare\`, which would undo a change. Rules of your own, such as
# \`ip saddr 192.0.2.7 tcp dport 2377 accept\`, go into a file /etc/fitnesscrm/firewall.d/NAME.nft.
table inet fitnesscrm
delete table inet fitnesscrm
table inet fitnesscrm {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    ct state invalid drop
    meta l4proto { icmp, ipv6-icmp } accept
    udp sport 547 udp dport 546 accept comment "DHCPv6 answers from the link"
    tcp dport { 22, 80, 443, 2222 } accept
    include "/etc/fitnesscrm/firewall.d/*.nft"
  }
}
`,
    );
  });

  it("never flushes what Docker keeps beside it", () => {
    const { check, apply, confirm } = firewallStep([22]);
    assert.doesNotMatch([check, apply, confirm?.script, confirm?.revert].join("\n"), /flush ruleset/);
  });

  it("arms the roll-back before it loads the rules", () => {
    const apply = firewallStep([22], 60).apply ?? "";
    const armed = apply.indexOf("sleep 60");
    assert.ok(armed > 0 && armed < apply.indexOf("nft -f /etc/fitnesscrm/firewall.nft.new"));
    assert.ok(apply.indexOf("nft -c -f") < armed, "what nft refuses is never loaded");
  });
});

describe("security updates", () => {
  it("take the system's own list of security origins, and nothing from the others", () => {
    const debian = updateRules("debian");
    assert.match(
      debian,
      /#clear Unattended-Upgrade::Origins-Pattern;\n#clear Unattended-Upgrade::Allowed-Origins;/,
    );
    assert.deepEqual(debian.match(/^ {2}".*";$/gm), [
      `  "origin=Debian,codename=\${distro_codename},label=Debian-Security";`,
      `  "origin=Debian,codename=\${distro_codename}-security,label=Debian-Security";`,
    ]);
    const ubuntu = updateRules("ubuntu").match(/^ {2}".*";$/gm) ?? [];
    assert.equal(ubuntu.length, 3);
    assert.ok(ubuntu.every((line) => line.endsWith(`-security";`)));
  });

  it("never restart the server", () => {
    assert.match(updateRules("ubuntu"), /^Unattended-Upgrade::Automatic-Reboot "false";$/m);
  });
});

describe("swap", () => {
  it("is as much as the memory, up to 2 GiB", () => {
    assert.deepEqual([512, 2048, 65536].map(defaultSwapMiB), [512, 2048, 2048]);
  });

  it("is not made where none is wanted", () => {
    assert.deepEqual(swapStep(0), { name: "swap", check: 'have "none wanted"\n' });
  });
});

describe("the engine's own archive", () => {
  const KEY = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88";

  /** Runs the function with every command that would leave the process replaced by one that says it was called. */
  function official(standIns: string): { stdout: string; code: number | null } {
    const commands = ["mkdir", "mv", "chmod", "rm", "install_packages"];
    const script = `KEYRING=/k/docker.asc
${commands.map((name) => `${name}() { echo "${name} $*"; }`).join("\n")}
has() { return 0; }
put() { printf 'put %s\\n%s' "$1" "$2"; }
note() { echo "note: $*"; }
warn() { echo "warn: $*"; }
apt() { echo "apt $*"; }
${standIns}
${INSTALL_OFFICIAL}
if official; then echo installed; else echo not installed; fi
`;
    // The machine's own release stands in for the server's.
    const { stdout, status } = spawnSync("sh", ["-s"], { input: script, encoding: "utf8" });
    return { stdout, code: status };
  }
  const gpg = (key: string): string =>
    `curl() { :; }\ngpg() { echo 'pub:-:4096:1'; echo 'fpr:::::::::${key}:'; }`;

  it("is used when it is there and its key is Docker's", () => {
    const { stdout } = official(gpg(KEY));
    assert.match(
      stdout,
      /mv \/k\/docker\.asc\.new \/k\/docker\.asc\nput \/etc\/apt\/sources\.list\.d\/docker\.sources\nTypes: deb\nURIs: https:\/\/download\.docker\.com\/linux\/\w+\nSuites: \w+\nComponents: stable\nSigned-By: \/k\/docker\.asc\n/,
    );
    assert.match(
      stdout,
      /apt update\napt install -y --no-install-recommends docker-ce docker-ce-cli containerd\.io\ninstalled\n$/,
    );
  });

  it("is not trusted with another key, and that is said", () => {
    const { stdout } = official(gpg(KEY.replace(/.$/, "0")));
    assert.match(
      stdout,
      /warn: the key at .* is not Docker's: find out who stands between\nnot installed\n$/,
    );
    assert.doesNotMatch(stdout, /^put|^apt /m);
  });

  it("is passed over when it is out of reach", () => {
    const { stdout } = official("curl() { return 7; }");
    assert.match(stdout, /rm -f \/k\/docker\.asc\.new\nnote: .* is out of reach\nnot installed\n$/);
  });

  it("leaves no source behind when it has no engine for the system", () => {
    const { stdout } = official(`${gpg(KEY)}\napt() { echo "apt $*"; [ "$1" = update ]; }`);
    assert.match(
      stdout,
      /rm -f \/etc\/apt\/sources\.list\.d\/docker\.sources \/k\/docker\.asc\nnote: Docker's archive has no engine for this system\nnot installed\n$/,
    );
  });
});

describe("the engine's user", () => {
  it("is let into the group, unless it is root", () => {
    assert.match(engineStep("{}", "deploy").apply ?? "", /usermod -aG docker 'deploy'/);
    assert.doesNotMatch(engineStep("{}", "root").apply ?? "", /usermod/);
  });
});

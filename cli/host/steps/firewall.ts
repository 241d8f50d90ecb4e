/**
 * nftables, not ufw: it is in every supported system's kernel and packages, a whole table is put in force in one step or
 * not at all (and taken back as simply), and a table of our own lives beside the ones that Docker manages. ufw builds on
 * the very iptables chains that Docker rearranges. For the same reason this is not /etc/nftables.conf with
 * nftables.service: those begin with `flush ruleset`, which would take Docker's rules along.
 *
 * Ports that Docker publishes do not pass the input chain at all: they are translated before and then forwarded. So these
 * rules do not close them, and need not: of a stack's services only nginx publishes a port.
 */
import { quote } from "../script";
import type { HostStep } from "../step";

const TABLE = "inet fitnesscrm";
const RULES = "/etc/fitnesscrm/firewall.nft";
const EXTRA = "/etc/fitnesscrm/firewall.d";
const UNIT = "fitnesscrm-firewall.service";
/** Lost on a restart, which takes unconfirmed rules back just as well. */
const STATE = "/run/fitnesscrm-firewall";
const REVERT_UNIT = "fitnesscrm-firewall-revert";

const WEB_PORTS = [80, 443];

/** The rules. Swarm's ports (2377, 7946, 4789) are closed by not being named. */
export function firewallRules(sshPorts: readonly number[]): string {
  const ports = [...new Set([...sshPorts, ...WEB_PORTS])].sort((a, b) => a - b);
  return `# Written by \`./fitnesscrm host prepare\`, which would undo a change. Rules of your own, such as
# \`ip saddr 192.0.2.7 tcp dport 2377 accept\`, go into a file ${EXTRA}/NAME.nft.
table ${TABLE}
delete table ${TABLE}
table ${TABLE} {
  chain input {
    type filter hook input priority filter; policy drop;
    iifname "lo" accept
    ct state established,related accept
    ct state invalid drop
    meta l4proto { icmp, ipv6-icmp } accept
    udp sport 547 udp dport 546 accept comment "DHCPv6 answers from the link"
    tcp dport { ${ports.join(", ")} } accept
    include "${EXTRA}/*.nft"
  }
}
`;
}

const UNIT_TEXT = `[Unit]
Description=Firewall of FitnessCRM's host
DefaultDependencies=no
Wants=network-pre.target
Before=network-pre.target shutdown.target
After=local-fs.target nftables.service
Conflicts=shutdown.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f ${RULES}
ExecReload=/usr/sbin/nft -f ${RULES}
ExecStop=/usr/sbin/nft delete table ${TABLE}

[Install]
WantedBy=sysinit.target
`;

/**
 * Exactly one of the confirmation and the roll-back happens: whoever makes the folder `decided`. The roll-back leaves the rules
 * that were in force before, which may be none.
 */
const REVERT = `#!/bin/sh
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mkdir ${STATE}/decided 2>/dev/null || exit 0
nft delete table ${TABLE}
[ ! -s ${STATE}/before ] || nft -f ${STATE}/before
`;

/** @param confirmSeconds Time for a second connection to prove that the server can still be reached. */
export function firewallStep(sshPorts: readonly number[], confirmSeconds = 60): HostStep {
  const text = firewallRules(sshPorts);
  const rules = quote(text);
  const unit = quote(UNIT_TEXT);
  const ports = /dport \{ (.*) \} accept/.exec(text)?.[1] ?? "";
  // What the file means is loaded into a network of its own and listed: the kernel's wording differs from the file's.
  const inForce = `in_force() {
  wanted=$(unshare --net sh -c 'nft -f ${RULES} && nft -s list table ${TABLE}') || return 1
  [ "$(nft -s list table ${TABLE} 2>/dev/null || :)" = "$wanted" ]
}
`;
  const unitPath = `/etc/systemd/system/${UNIT}`;
  return {
    name: "firewall",
    check: `${inForce}if ! has nft; then need "install nftables"; fi
if ! has nft || ! same ${RULES} ${rules} || ! in_force; then
  need "open TCP ports ${ports} and close every other to the outside, Swarm's among them"
fi
if ! same ${unitPath} ${unit} || { booted && ! systemctl is-enabled --quiet ${UNIT}; }; then
  need "load the rules at every start"
fi
if has ufw && ufw status 2>/dev/null | grep -q '^Status: active'; then
  warn "ufw is active too: what it refuses stays closed, so open ports ${ports} there or switch it off"
fi
have "nftables, TCP ports ${ports} open"
`,
    apply: `if ! has nft; then
  install_packages nftables
  did "installed nftables"
fi
[ ! -e ${STATE} ] || [ -e ${STATE}/decided ] || fail "another run waits for its confirmation: try again in a minute"
rm -rf ${STATE}
mkdir -m 700 ${STATE}
mkdir -p ${EXTRA}
put ${RULES}.new ${rules} 644
nft -c -f ${RULES}.new || { mkdir ${STATE}/decided; fail "the rules are refused by nft, nothing was changed: look at ${EXTRA}"; }
nft -s list table ${TABLE} >${STATE}/before 2>/dev/null || :
put ${STATE}/revert ${quote(REVERT)} 700
if booted; then
  systemctl reset-failed ${REVERT_UNIT}.service ${REVERT_UNIT}.timer >/dev/null 2>&1 || :
  systemd-run --quiet --unit=${REVERT_UNIT} --on-active=${confirmSeconds}s --timer-property=AccuracySec=1s /bin/sh ${STATE}/revert
else
  # The clock of an earlier change that was confirmed still runs: it must not take this one back.
  change=$$-$(date +%s)
  echo "$change" >${STATE}/change
  setsid sh -c 'sleep ${confirmSeconds}; [ "$(cat ${STATE}/change 2>/dev/null)" = "$1" ] || exit 0; exec sh ${STATE}/revert' sh "$change" </dev/null >/dev/null 2>&1 &
fi
nft -f ${RULES}.new || { sh ${STATE}/revert; fail "the rules cannot be loaded (does the kernel have nf_tables?), they were taken back"; }
did "opened TCP ports ${ports} and closed every other to the outside"
`,
    confirm: {
      script: `mkdir ${STATE}/decided 2>/dev/null || fail "the rules were taken back before they were confirmed: run the command again"
if booted; then systemctl stop ${REVERT_UNIT}.timer 2>/dev/null || :; fi
mv ${RULES}.new ${RULES}
if ! same ${unitPath} ${unit}; then
  put ${unitPath} ${unit}
  did "load the rules at every start"
fi
if booted; then
  systemctl daemon-reload
  systemctl enable --now --quiet ${UNIT}
else
  note "no service manager runs here: after a restart load the rules by nft -f ${RULES}"
fi
`,
      revert: `sh ${STATE}/revert
`,
      seconds: confirmSeconds,
    },
  };
}

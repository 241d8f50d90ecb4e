import { quote } from "../script";
import type { HostStep } from "../step";

const PERIODIC = "/etc/apt/apt.conf.d/20auto-upgrades";
/** Behind the package's own 50unattended-upgrades, whose lists it empties first. */
const RULES = "/etc/apt/apt.conf.d/52fitnesscrm-security-updates";

const PERIODIC_TEXT = `APT::Periodic::Update-Package-Lists "1";
APT::Periodic::Unattended-Upgrade "1";
`;

/** Origins of security updates by the system's `ID`. Apt fills the variables in. */
const ORIGINS: Readonly<Record<string, { list: string; origins: readonly string[] }>> = {
  debian: {
    list: "Origins-Pattern",
    origins: [
      `origin=Debian,codename=\${distro_codename},label=Debian-Security`,
      `origin=Debian,codename=\${distro_codename}-security,label=Debian-Security`,
    ],
  },
  ubuntu: {
    list: "Allowed-Origins",
    origins: [
      `\${distro_id}:\${distro_codename}-security`,
      `\${distro_id}ESMApps:\${distro_codename}-apps-security`,
      `\${distro_id}ESM:\${distro_codename}-infra-security`,
    ],
  },
};

/** Configuration of unattended-upgrades: security updates, nothing else, and never a reboot of its own. */
export function updateRules(system: string): string {
  const { list, origins } =
    ORIGINS[system] ?? (ORIGINS.debian as { list: string; origins: readonly string[] });
  return `// Written by \`./fitnesscrm host prepare\`: security updates only. A reboot belongs into the maintenance window.
#clear Unattended-Upgrade::Origins-Pattern;
#clear Unattended-Upgrade::Allowed-Origins;
Unattended-Upgrade::${list} {
${origins.map((origin) => `  "${origin}";`).join("\n")}
};
Unattended-Upgrade::Automatic-Reboot "false";
`;
}

/** Security updates by themselves (M40), reboots by people. */
export function updatesStep(system: string): HostStep {
  const rules = quote(updateRules(system));
  const periodic = quote(PERIODIC_TEXT);
  const timers = "apt-daily.timer apt-daily-upgrade.timer";
  return {
    name: "security updates",
    check: `installed unattended-upgrades || need "install unattended-upgrades"
same ${PERIODIC} ${periodic} || need "look for updates every day"
same ${RULES} ${rules} || need "install security updates only, without reboots"
# A file of somebody else's may come later and win.
if same ${RULES} ${rules} && [ "$(apt-config dump | grep -c '^Unattended-Upgrade::Automatic-Reboot "false"')" = 0 ]; then
  warn "another file in /etc/apt/apt.conf.d switches automatic reboots on: remove it"
fi
if booted; then
  for timer in ${timers}; do
    systemctl is-enabled --quiet "$timer" 2>/dev/null || need "enable $timer"
  done
fi
have "unattended, security only, no automatic reboot"
`,
    apply: `if ! installed unattended-upgrades; then
  install_packages unattended-upgrades
  did "installed unattended-upgrades"
fi
if ! same ${PERIODIC} ${periodic}; then
  put ${PERIODIC} ${periodic}
  did "look for updates every day"
fi
if ! same ${RULES} ${rules}; then
  put ${RULES} ${rules}
  did "install security updates only, without reboots"
fi
if booted; then
  for timer in ${timers}; do
    systemctl is-enabled --quiet "$timer" 2>/dev/null && continue
    systemctl enable --now --quiet "$timer"
    did "enabled $timer"
  done
else
  note "no service manager runs here: nothing starts the daily updates"
fi
`,
  };
}

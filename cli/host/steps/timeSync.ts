import type { HostStep } from "../step";

/** Schedules, certificates and the order of log lines all lean on the clock. What keeps it already is left alone. */
export function timeSyncStep(): HostStep {
  // A container's clock is its machine's: nothing in it can, or has to, be started.
  const keeper = `own_clock() { booted && ! systemd-detect-virt --quiet --container; }
keeper() {
  for pair in chrony:chrony ntpsec:ntpsec openntpd:openntpd systemd-timesyncd:systemd-timesyncd; do
    if installed "\${pair%:*}"; then echo "\${pair#*:}"; return; fi
  done
}
`;
  return {
    name: "time synchronisation",
    check: `${keeper}unit=$(keeper)
if [ -z "$unit" ]; then need "install systemd-timesyncd"; return; fi
have "$unit"
own_clock || return 0
systemctl is-enabled --quiet "$unit" && systemctl is-active --quiet "$unit" || need "enable and start $unit"
`,
    apply: `${keeper}unit=$(keeper)
if [ -z "$unit" ]; then
  install_packages systemd-timesyncd
  did "installed systemd-timesyncd"
  unit=systemd-timesyncd
fi
if ! own_clock; then note "nothing was started: no service manager runs, or the clock is another machine's"; return; fi
systemctl is-enabled --quiet "$unit" && systemctl is-active --quiet "$unit" && return
systemctl enable --now --quiet "$unit"
did "enabled $unit"
`,
  };
}

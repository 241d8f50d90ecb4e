import type { HostStep } from "../step";

const FILE = "/swapfile";
const SYSCTL = "/etc/sysctl.d/60-fitnesscrm-swap.conf";
const LARGEST_MIB = 2048;

/** As much swap as memory, up to {@link LARGEST_MIB}: enough to get over a peak, too little to live on (M35). */
export function defaultSwapMiB(memoryMiB: number): number {
  return Math.min(memoryMiB, LARGEST_MIB);
}

/**
 * Swap, unless the server has some. The database should be the last to be swapped out, hence the low swappiness.
 *
 * @param sizeMiB 0 for none.
 */
export function swapStep(sizeMiB: number): HostStep {
  if (sizeMiB === 0) {
    return { name: "swap", check: 'have "none wanted"\n' };
  }
  const shared = `current() { swapon --show=NAME --noheadings; }
entry() { grep -Eq '^${FILE}[[:space:]]+[^[:space:]]+[[:space:]]+swap' /etc/fstab 2>/dev/null; }
swappiness() { sysctl -n vm.swappiness 2>/dev/null || cat /proc/sys/vm/swappiness; }
`;
  return {
    name: "swap",
    check: `${shared}found=$(current)
if [ -n "$found" ] && [ "$found" != ${FILE} ]; then have "$(echo $found)"; return; fi
[ -n "$found" ] || need "make ${FILE} of ${sizeMiB} MiB and use it"
entry || need "use ${FILE} after a restart"
[ "$(swappiness)" = 10 ] && same ${SYSCTL} 'vm.swappiness = 10
' || need "set swappiness to 10"
have "$found"
`,
    apply: `${shared}if [ -z "$(current)" ]; then
  if [ ! -f ${FILE} ] || [ "$(($(stat -c %s ${FILE}) / 1048576))" != ${sizeMiB} ]; then
    free=$(df -Pk / | awk 'NR == 2 { print int($4 / 1024) }')
    [ "$free" -gt ${sizeMiB + 1024} ] || fail "/ has $free MiB free, too little for ${sizeMiB} MiB of swap: make room, or ask for less with --swap"
    rm -f ${FILE}.fitnesscrm
    (umask 077 && { fallocate -l ${sizeMiB}M ${FILE}.fitnesscrm || dd if=/dev/zero of=${FILE}.fitnesscrm bs=1M count=${sizeMiB}; }) >&2
    mv ${FILE}.fitnesscrm ${FILE}
  fi
  chmod 600 ${FILE}
  mkswap ${FILE} >&2
  swapon ${FILE} || fail "${FILE} cannot be used as swap (the file system may not allow it): make swap by hand, or go without by --swap 0"
  did "use ${FILE} of ${sizeMiB} MiB"
fi
if ! entry; then
  printf '%s\\n' '${FILE} none swap sw 0 0' >>/etc/fstab
  did "use ${FILE} after a restart"
fi
has sysctl || install_packages procps
if [ "$(swappiness)" != 10 ] || ! same ${SYSCTL} 'vm.swappiness = 10
'; then
  put ${SYSCTL} 'vm.swappiness = 10
'
  sysctl -q -w vm.swappiness=10
  did "set swappiness to 10"
fi
`,
  };
}

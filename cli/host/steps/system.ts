import { quote } from "../script";
import type { HostStep } from "../step";

/** `ID VERSION_ID` of /etc/os-release. */
export const SUPPORTED = {
  "debian 12": "Debian 12",
  "debian 13": "Debian 13",
  "ubuntu 22.04": "Ubuntu 22.04",
  "ubuntu 24.04": "Ubuntu 24.04",
} as const;

const names = Object.values(SUPPORTED);
const LIST = `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;

/** Comes first: nothing is done to a system that the other steps were not written for. */
export function systemStep(): HostStep {
  return {
    name: "operating system",
    check: `. /etc/os-release
case "$ID \${VERSION_ID:-}" in
${Object.keys(SUPPORTED)
  .map((system) => `  ${quote(system)}) ;;`)
  .join("\n")}
  *) fail "\${PRETTY_NAME:-$ID} is not supported: use a server with ${LIST}" ;;
esac
has apt-get || fail "apt-get is missing: use a server with ${LIST}"
have "$PRETTY_NAME"
`,
  };
}

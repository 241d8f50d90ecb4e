import { UserError } from "../errors";
import { lastLine } from "../exec";
import { explainSshFailure, type ScriptResult, type SshConnection } from "./ssh";

/** What the plan depends on. */
export interface Facts {
  /** Who the connection logs in as. */
  readonly user: string;
  /** Port on the server's side of this very connection, and those that its sshd is set to. */
  readonly sshPorts: readonly number[];
  /** `ID` of /etc/os-release. */
  readonly system: string;
  readonly memoryMiB: number;
  /** /etc/docker/daemon.json; undefined when there is none. */
  readonly daemonJson?: string;
}

/** Asked before anything else, without sudo: it forgets the connection's own variables. */
export const LOGIN_PROBE = `have "user $(id -un)"
set -- \${SSH_CONNECTION:-}
have "port \${4:-22}"
[ "$(id -u)" = 0 ] || sudo -n true >/dev/null 2>&1 || fail sudo
`;

export const ROOT_PROBE = `. /etc/os-release
have "system $ID"
have "memory $(awk '/^MemTotal:/ { print int($2 / 1024) }' /proc/meminfo)"
has sshd && sshd -T 2>/dev/null | awk '$1 == "port" { print "have: port " $2 }'
if [ -f /etc/docker/daemon.json ]; then have "daemon $(base64 -w 0 /etc/docker/daemon.json)"; fi
`;

/** Asks the server what the plan depends on. @throws UserError in one line that says what to do. */
export async function gatherFacts(connection: SshConnection): Promise<Facts> {
  const { target } = connection;
  const login = await connection.run(LOGIN_PROBE, { root: false, timeoutSeconds: 60 });
  const user = factsOf(login).get("user")?.[0] ?? target.user ?? "";
  if (login.lines.some(({ mark }) => mark === "fail")) {
    throw new UserError(
      `${target.server}: ${user} is not root and sudo asks for a password: log in as root, or let ${user} use sudo without ` +
        `one (echo '${user} ALL=(ALL) NOPASSWD: ALL' | sudo tee /etc/sudoers.d/${user})`,
    );
  }
  if (login.code !== 0) {
    throw new UserError(explainSshFailure(target, login.stderr));
  }
  if (user !== "root") {
    connection.useSudo();
  }
  const root = await connection.run(ROOT_PROBE, { timeoutSeconds: 60 });
  if (root.code !== 0) {
    throw new UserError(
      `${target.server} cannot be examined: ${lastLine(root.stderr) || `exit code ${root.code}`}`,
    );
  }
  return parseFacts(login, root);
}

/** Facts from the answers to the two probes. */
export function parseFacts(login: ScriptResult, root: ScriptResult): Facts {
  const ofLogin = factsOf(login);
  const ofRoot = factsOf(root);
  const ports = [...(ofLogin.get("port") ?? []), ...(ofRoot.get("port") ?? [])].map(Number);
  const daemon = ofRoot.get("daemon")?.[0];
  return {
    user: ofLogin.get("user")?.[0] ?? "",
    sshPorts: [...new Set(ports)].sort((a, b) => a - b),
    system: ofRoot.get("system")?.[0] ?? "",
    memoryMiB: Number(ofRoot.get("memory")?.[0] ?? 0),
    ...(daemon !== undefined && { daemonJson: Buffer.from(daemon, "base64").toString("utf8") }),
  };
}

function factsOf({ lines }: ScriptResult): Map<string, string[]> {
  const facts = new Map<string, string[]>();
  for (const { mark, text } of lines) {
    const space = text.indexOf(" ");
    if (mark !== "have" || space < 0) continue;
    const name = text.slice(0, space);
    facts.set(name, [...(facts.get(name) ?? []), text.slice(space + 1)]);
  }
  return facts;
}

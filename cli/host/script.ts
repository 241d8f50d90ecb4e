/**
 * POSIX shell scripts for the server. They reach it on standard input, so that nothing of them passes through a second
 * shell's quoting; what a script says about itself are lines of {@link ScriptLine}.
 */

/** What a line of a script's output means. */
export const MARKS = ["need", "did", "have", "note", "warn", "fail"] as const;
export type Mark = (typeof MARKS)[number];

export interface ScriptLine {
  /**
   * `need`: this differs; `did`: this was changed; `have`: this is how it stands; `note` and `warn`: worth knowing;
   * `fail`: why it cannot go on.
   */
  readonly mark: Mark;
  readonly text: string;
}

const MARKED = new RegExp(`^(${MARKS.join("|")}): (.*)$`);

/** @returns Undefined for a line that a command printed. */
export function parseLine(line: string): ScriptLine | undefined {
  const match = MARKED.exec(line);
  return match === null ? undefined : { mark: match[1] as Mark, text: match[2] ?? "" };
}

/** One word of shell, whatever the text holds. */
export function quote(text: string): string {
  if (text.includes("\0")) {
    throw new Error("a shell word cannot hold a zero byte");
  }
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

/**
 * What every script begins with. `apt-get` waits for another one, keeps configuration that somebody changed, and asks nothing.
 */
const PRELUDE = `set -eu
umask 022
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LC_ALL=C
DEBIAN_FRONTEND=noninteractive
NEEDRESTART_SUSPEND=1
export PATH LC_ALL DEBIAN_FRONTEND NEEDRESTART_SUSPEND
${MARKS.filter((mark) => mark !== "fail")
  .map((mark) => `${mark}() { printf '${mark}: %s\\n' "$*"; }`)
  .join("\n")}
fail() { printf 'fail: %s\\n' "$*"; exit 3; }
booted() { [ -d /run/systemd/system ]; }
has() { command -v "$1" >/dev/null 2>&1; }
installed() { [ "$(dpkg-query -W -f '\${db:Status-Status}' "$1" 2>/dev/null || :)" = installed ]; }
apt() { apt-get -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 -o Dpkg::Options::=--force-confold "$@" >&2; }
install_packages() {
  apt install -y --no-install-recommends "$@" && return
  apt update
  apt install -y --no-install-recommends "$@"
}
same() { [ -f "$1" ] && [ "$(cat "$1" && echo .)" = "$2." ]; }
put() {
  mkdir -p "\${1%/*}"
  printf '%s' "$2" >"$1.fitnesscrm"
  chmod "\${3:-644}" "$1.fitnesscrm"
  mv "$1.fitnesscrm" "$1"
}
`;

/**
 * A whole script around a step's own lines.
 *
 * The lines stand in a function that is called last: a script that was cut off on its way does nothing, and no command
 * in it can take the rest of the script for its input.
 */
export function wholeScript(body: string): string {
  return `${PRELUDE}main() {\n${body.trimEnd()}\n}\nmain </dev/null\n`;
}

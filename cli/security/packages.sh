#!/bin/sh
# Tells what an image's package archives offer beyond what is installed, in sections that packages.ts reads. It runs as root, without
# any capability, in a container that is made for it and thrown away; it writes below /tmp only.
set -u
export LC_ALL=C PATH="${PATH:-}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

section() {
  printf '== %s\n' "$*"
}

# An archive that is away is told by a warning and exit code 0 in apt's older versions and in apk's.
unreachable() {
  reason=$(grep -E '^(E: |W: |ERROR|WARNING)' "$1" | head -n 1)
  section "unreachable ${reason:-$(tail -n 1 "$1")}"
  exit 0
}

debian() {
  lists=$(mktemp -d) || exit 1
  mkdir -p "$lists/lists/partial" "$lists/cache/archives/partial"
  # Lists of its own: those of an image are old, and belong to a user that only a capability could become.
  set -- -o APT::Sandbox::User=root -o "Dir::State::Lists=$lists/lists" -o "Dir::Cache=$lists/cache" \
    -o APT::Update::Error-Mode=any -o Acquire::Retries=1 -o Acquire::http::Timeout=20 -o Acquire::https::Timeout=20
  apt-get "$@" update >"$lists/log" 2>&1 || unreachable "$lists/log"
  if grep -qE '^(Err:|E: |W: (Failed to fetch|Some index files failed))' "$lists/log"; then
    unreachable "$lists/log"
  fi
  section archives
  apt-cache "$@" policy
  section policy
  # shellcheck disable=SC2046 # names of packages have no blanks
  apt-cache "$@" policy $(dpkg-query --show --showformat '${db:Status-Status} ${binary:Package}\n' | sed -n 's/^installed //p')
}

alpine() {
  log=$(mktemp) || exit 1
  apk update >"$log" 2>&1 || unreachable "$log"
  if grep -qE '^(ERROR|WARNING)' "$log"; then
    unreachable "$log"
  fi
  section installed
  apk info 2>/dev/null
  section outdated
  apk version -l '<' 2>/dev/null
}

[ ! -r /etc/os-release ] || section "system $(sed -n 's/^PRETTY_NAME="\{0,1\}\([^"]*\)"\{0,1\}$/\1/p' /etc/os-release)"
if command -v dpkg-query >/dev/null 2>&1 && command -v apt-get >/dev/null 2>&1; then
  debian
elif command -v apk >/dev/null 2>&1; then
  alpine
else
  section neither
fi
section end

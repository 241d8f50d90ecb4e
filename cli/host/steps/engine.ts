import { quote } from "../script";
import type { HostStep } from "../step";

const CONFIG = "/etc/docker/daemon.json";
const PID = "/var/run/docker.pid";
const ARCHIVE = "https://download.docker.com/linux";
/** Docker's published signing key; another one behind the same address is not trusted. */
const KEY = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88";
const KEYRING = "/etc/apt/keyrings/docker.asc";
const SOURCES = "/etc/apt/sources.list.d/docker.sources";

/** Installs the engine from Docker's own archive; says why where it cannot, and leaves nothing behind. */
export const INSTALL_OFFICIAL = `official() {
  . /etc/os-release
  has curl && [ -e /etc/ssl/certs/ca-certificates.crt ] || install_packages ca-certificates curl || return 1
  mkdir -p \${KEYRING%/*}
  if ! curl -fsSL --connect-timeout 5 --max-time 30 -o "$KEYRING.new" "${ARCHIVE}/$ID/gpg" 2>/dev/null; then
    rm -f "$KEYRING.new"
    note "${ARCHIVE} is out of reach"
    return 1
  fi
  has gpg || install_packages gpg || return 1
  if ! gpg --show-keys --with-colons "$KEYRING.new" 2>/dev/null | grep -q '^fpr:*${KEY}:'; then
    rm -f "$KEYRING.new"
    warn "the key at ${ARCHIVE} is not Docker's: find out who stands between"
    return 1
  fi
  chmod 644 "$KEYRING.new"
  mv "$KEYRING.new" "$KEYRING"
  put ${SOURCES} "Types: deb
URIs: ${ARCHIVE}/$ID
Suites: $VERSION_CODENAME
Components: stable
Signed-By: $KEYRING
"
  if ! apt update || ! apt install -y --no-install-recommends docker-ce docker-ce-cli containerd.io; then
    rm -f ${SOURCES} "$KEYRING"
    note "Docker's archive has no engine for this system"
    return 1
  fi
}
`;

/** Where no service manager runs, as in a container, the engine is started and ended by hand. */
const SERVICE = `answers() { docker info >/dev/null 2>&1; }
await() {
  for _ in $(seq 240); do
    ! answers || return 0
    [ -z "\${child:-}" ] || kill -0 "$child" 2>/dev/null || return 1
    sleep 0.5
  done
  return 1
}
start() {
  if booted; then
    # Failed starts are counted, and after some of them none is tried.
    systemctl reset-failed docker 2>/dev/null || :
    systemctl start docker
    return
  fi
  setsid dockerd >>/var/log/dockerd.log 2>&1 </dev/null &
  child=$!
}
stop() {
  if booted; then systemctl stop docker; return; fi
  pid=$(cat ${PID} 2>/dev/null || :)
  [ -n "$pid" ] && kill "$pid" 2>/dev/null || return 0
  for _ in $(seq 60); do kill -0 "$pid" 2>/dev/null || return 0; sleep 0.5; done
  kill -9 "$pid"
}
# Changed after the engine began: a run that was interrupted in between is made good.
outdated() { [ -e ${PID} ] && [ -n "$(find ${CONFIG} -newer ${PID} 2>/dev/null)" ]; }
`;

/**
 * The Docker engine, its log limits, and the login user's right to use it.
 *
 * An engine that is there is kept, whoever installed it. A restart takes every container down for a moment, so there is one
 * only when its configuration changed.
 *
 * @param daemonJson The whole of daemon.json as it should be.
 * @param user Who the launcher logs in as; joins the group that may use the engine, which amounts to root.
 */
export function engineStep(daemonJson: string, user: string): HostStep {
  const config = quote(daemonJson);
  const member = `member() { id -nG ${quote(user)} | tr ' ' '\\n' | grep -qx docker; }\n`;
  const restricted = user !== "root";
  return {
    name: "Docker engine",
    check: `${SERVICE}${member}if ! has dockerd || ! has docker; then need "install the Docker engine"; fi
if ! same ${CONFIG} ${config}; then
  need "limit container logs to 5 files of 10 MiB, live-restore off (${CONFIG})"
  if has dockerd && answers; then need "restart the engine"; fi
elif has dockerd && outdated; then
  need "restart the engine, which began before ${CONFIG} changed"
fi
if has dockerd && ! answers; then need "start the engine"; fi
if booted && has dockerd && ! systemctl is-enabled --quiet docker 2>/dev/null; then need "start the engine at every boot"; fi
${restricted ? `if ! member; then need "let ${user} use the engine (group docker)"; fi\n` : ""}if has docker; then have "$(docker version --format '{{.Server.Version}}' 2>/dev/null || :)"; fi
`,
    apply: `${SERVICE}${member}${INSTALL_OFFICIAL}KEYRING=${KEYRING}
running=; if has dockerd && answers; then running=1; fi
restart=; if outdated; then restart=1; fi
if ! same ${CONFIG} ${config}; then
  put ${CONFIG}.new ${config}
  if has dockerd && dockerd --help 2>&1 | grep -q -e --validate; then
    dockerd --validate --config-file ${CONFIG}.new >&2 || { rm ${CONFIG}.new; fail "the engine would refuse its ${CONFIG}, which somebody changed: repair it (dockerd --validate there says more)"; }
  fi
  rm -f ${CONFIG}.before
  if [ -e ${CONFIG} ]; then cp -p ${CONFIG} ${CONFIG}.before; fi
  # Now, not when it was written: what is newer than the engine is not in force yet.
  touch ${CONFIG}.new
  mv ${CONFIG}.new ${CONFIG}
  did "limited container logs to 5 files of 10 MiB, live-restore off"
  restart=1
fi
if ! has dockerd || ! has docker; then
  # The engine needs one to publish ports, and asks for none where it is only recommended.
  has iptables || install_packages iptables
  if official; then
    did "installed the engine from Docker's archive"
  else
    install_packages docker.io ca-certificates
    has docker || install_packages docker-cli
    did "installed the engine from the system's own archive"
  fi
fi
if booted && ! systemctl is-enabled --quiet docker; then
  systemctl enable --quiet docker
  did "start the engine at every boot"
fi
if [ -n "$running" ] && [ -n "$restart" ]; then
  stop
  if ! { start && await; }; then
    stop
    if [ -e ${CONFIG}.before ]; then mv ${CONFIG}.before ${CONFIG}; else rm -f ${CONFIG}; fi
    start && await || :
    fail "the engine did not come up with the new ${CONFIG}, the old one was put back: look at its log"
  fi
  did "restarted the engine"
elif ! answers; then
  { start && await; } || fail "the engine does not answer: look at its log (journalctl -u docker, or /var/log/dockerd.log)"
  did "started the engine"
fi
rm -f ${CONFIG}.before
booted || note "no service manager runs here: the engine was started by hand and does not come back after a restart"
${restricted ? `if ! member; then usermod -aG docker ${quote(user)}; did "let ${user} use the engine (group docker)"; fi\n` : ""}`,
  };
}

#!/bin/bash
# PID 1 of the database container. Arguments that start with "-" go to the server; anything else is run as a command.
#
# It stays PID 1 instead of becoming the server: PostgreSQL takes any orphan that ends badly for one of its own
# processes and restarts all sessions, and PID 1 of a container inherits every orphan (a health check that timed out).
set -euo pipefail

readonly MAJOR=17
readonly RUN_DIR=/run/postgresql
readonly ARCHIVE=$PGBACKREST_CONFIG
readonly VOLUME=$(dirname "$PGDATA")
readonly HBA=$RUN_DIR/pg_hba.conf
# shellcheck source=superuser.sh
. /usr/local/bin/superuser.sh

fail() {
  printf 'postgres: %s\n' "$1" >&2
  exit 1
}

if [[ $# -gt 0 && $1 != -* ]]; then exec "$@"; fi

child=
server=
stopping=

# Whatever is asked for politely becomes a fast shutdown: the server's own answer to SIGTERM waits for every session to
# leave, and the engine kills what waits too long.
pass() {
  if [[ -n $server ]]; then
    kill -"$1" "$server" 2>/dev/null || true
  elif [[ -n $child ]]; then
    kill -TERM "$child" 2>/dev/null || true
  fi
}
trap 'stopping=1; pass INT' TERM INT
trap 'stopping=1; pass QUIT' QUIT
trap '[[ -z $server ]] || pass HUP' HUP

# A trap ends `wait` early; the process may still be busy with its shutdown.
await() {
  local code=0
  while true; do
    wait "$child" && code=0 || code=$?
    kill -0 "$child" 2>/dev/null || break
  done
  return "$code"
}

[[ -r $SECRET ]] || fail "the secret $SECRET is missing or not readable for uid $(id -u): give the service the secret postgres_password"
[[ -n $(<"$SECRET") ]] || fail "the secret $SECRET is empty: write a password into it"
[[ $(<"$SECRET") != *$'\n'* ]] || fail "the secret $SECRET has more than one line: a password is one line"
[[ $POSTGRES_DB =~ ^[A-Za-z_][A-Za-z0-9_-]{0,62}$ ]] || fail "POSTGRES_DB is \"$POSTGRES_DB\": letters, digits, _ and - are allowed, 63 at most, a letter first"
[[ -w $VOLUME ]] || fail "$VOLUME is not writable for uid $(id -u): the volume must belong to that user (chown -R $(id -u):$(id -g))"
[[ -w $RUN_DIR ]] || fail "$RUN_DIR is not writable for uid $(id -u): mount a tmpfs with mode 1777 there"

# The lock lives on the volume, so it is seen by every container that has the volume, whatever its process ids are. The
# server and its sessions inherit it: it is free only when the last of them is gone.
exec 9>"$VOLUME/.lock"
flock --wait "${LOCK_WAIT_SECONDS:-10}" 9 || fail "another server runs on $VOLUME: two servers must never share it; stop the other one first"

rm -f "$RUN_DIR/ready"
rm -rf "$VOLUME"/.initdb-*

if [[ ! -e $PGDATA ]]; then
  # Made beside its place and renamed when complete: a first start that is killed leaves nothing that looks like data.
  fresh=$(mktemp -d "$VOLUME/.initdb-XXXXXX")
  printf 'postgres: first start, creating the cluster in %s\n' "$PGDATA"
  # The builtin locale sorts the same in every image; the C library's and ICU's order changes with their versions and
  # silently breaks indexes that were built before.
  initdb --pgdata="$fresh" --username=postgres --encoding=UTF8 --locale-provider=builtin --builtin-locale=C.UTF-8 \
    --locale=C.UTF-8 --data-checksums --auth=scram-sha-256 --pwfile=<(superuser_password) >/dev/null &
  child=$!
  code=0
  await || code=$?
  child=
  if [[ -n $stopping ]]; then
    rm -rf "$fresh"
    fail "stopped during the first start: nothing was left behind, the next start begins again"
  fi
  [[ $code -eq 0 ]] || fail "initdb failed with code $code (see above): the volume may be full or read-only"
  # Settings come as arguments. Where the file says something else, every reload would complain about it.
  sed -i -E '/^(max_connections|shared_buffers|min_wal_size|max_wal_size)[ =]/d' "$fresh/postgresql.conf"
  echo "CREATE DATABASE \"$POSTGRES_DB\"" | postgres --single -D "$fresh" -j postgres >/dev/null ||
    fail "the database $POSTGRES_DB could not be created (see above)"
  sync -f "$fresh"
  mv -T "$fresh" "$PGDATA"
  sync -f "$VOLUME"
elif [[ ! -s $PGDATA/PG_VERSION ]]; then
  fail "$PGDATA exists but holds no cluster (no PG_VERSION): move it away, or give the service the right volume"
elif [[ $(<"$PGDATA/PG_VERSION") != "$MAJOR" ]]; then
  fail "$PGDATA was made by PostgreSQL $(<"$PGDATA/PG_VERSION") and this image runs $MAJOR: dump it with the old image and restore into a new volume, or run pg_upgrade; nothing was changed"
fi

# With the lock held no server of ours lives, so the file is left from a crash. Its process id may belong to anything in
# this container, and the server would refuse to start.
rm -f "$PGDATA/postmaster.pid"

[[ -z $stopping ]] || exit 0

write_pgpass "$(superuser_password)"
cat >"$HBA" <<'RULES'
local all all           scram-sha-256
host  all all 0.0.0.0/0 scram-sha-256
host  all all ::/0      scram-sha-256
RULES

# The last setting wins. A log that is kept for an archive that nobody configured would fill the volume.
archiving=()
[[ -e $ARCHIVE ]] || archiving=(-c archive_mode=off)

postgres -c listen_addresses='*' -c unix_socket_directories="$RUN_DIR" -c hba_file="$HBA" "$@" "${archiving[@]}" &
child=$!
server=$child
# A signal between the fork and the assignment found no server to pass it to.
[[ -z $stopping ]] || kill -INT "$server"

/usr/local/bin/provision.sh "$server" "$HBA" 9>&- &
if [[ -e $ARCHIVE ]]; then /usr/local/bin/archive.sh "$server" 9>&- & fi

code=0
await || code=$?
[[ -n $stopping || $code -ne 0 ]] || code=1
exit "$code"

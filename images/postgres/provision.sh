#!/bin/bash
# provision.sh PID_OF_THE_SERVER PG_HBA_FILE
#
# Runs beside the starting server: makes the superuser's password what the secret says, or what has replaced that, then
# marks the container ready.
set -euo pipefail

readonly SERVER=$1 HBA=$2 READY=/run/postgresql/ready
export PGCONNECT_TIMEOUT=5 PGUSER=postgres PGDATABASE=postgres
# shellcheck source=superuser.sh
. /usr/local/bin/superuser.sh

until pg_isready --quiet; do
  kill -0 "$SERVER" 2>/dev/null || exit 0
  sleep 0.2
done

matches() { psql --no-psqlrc --no-password --quiet --command 'SELECT 1' >/dev/null 2>&1; }

apply() {
  rules=$(<"$HBA")
  # Only for this moment the socket trusts the operating system's user.
  trap 'printf "%s\n" "$rules" >"$HBA"; kill -HUP "$SERVER" 2>/dev/null || true' EXIT
  printf 'local all postgres peer\n%s\n' "$rules" >"$HBA"
  kill -HUP "$SERVER"
  until matches; do
    kill -0 "$SERVER" 2>/dev/null || return 1
    sleep 0.1
  done
  # A server that still replays a log (a restore to a point in time) cannot change a role.
  local recovering=t
  while [[ $recovering != f ]]; do
    kill -0 "$SERVER" 2>/dev/null || return 1
    recovering=$(psql --no-psqlrc --tuples-only --no-align --command 'SELECT pg_is_in_recovery()' 2>/dev/null || echo t)
    [[ $recovering == f ]] || sleep 1
  done
  local code=0
  set_password "$(superuser_password)" || code=$?
  printf '%s\n' "$rules" >"$HBA"
  kill -HUP "$SERVER"
  trap - EXIT
  return "$code"
}

if ! matches; then
  if apply && matches; then
    echo 'postgres: the password of the role postgres was set from the secret postgres_password'
  else
    kill -0 "$SERVER" 2>/dev/null || exit 0
    echo 'postgres: the password of the role postgres could not be set from the secret postgres_password: the container stays unhealthy; look for the reason above' >&2
    exit 0
  fi
fi
: >"$READY"

#!/bin/sh
# entrypoint.sh COMMAND [ARGUMENT...]
#
# Runs an application that reads its secrets from its environment, without the environment of the container (what
# `docker inspect` shows) holding any: FITNESSCRM_SECRET_ENV lists VARIABLE=FILE pairs, for example
# "DATABASE_URL=database_url SECRET_KEY=secret_key"; each FILE is read from /run/secrets and exported to COMMAND alone.
# A value is the file's bytes without one trailing newline, which editors and `echo` add. POSIX sh, so that it runs in
# any image.
set -euf

directory=${FITNESSCRM_SECRET_DIR:-/run/secrets}
newline='
'

fail() {
  printf 'entrypoint: %s\n' "$1" >&2
  exit 64
}

[ $# -gt 0 ] || fail 'no command was given: pass the image'"'"'s own entrypoint and command as arguments'

for pair in ${FITNESSCRM_SECRET_ENV:-}; do
  name=${pair%%=*}
  file=${pair#*=}
  case $pair in
  *=*) ;;
  *) fail "FITNESSCRM_SECRET_ENV has \"$pair\": VARIABLE=FILE is allowed" ;;
  esac
  case $name in
  '' | [0-9]* | *[!A-Za-z0-9_]*) fail "FITNESSCRM_SECRET_ENV names the variable \"$name\": letters, digits and _ are allowed, no digit first" ;;
  esac
  case $file in
  '' | .* | */*) fail "FITNESSCRM_SECRET_ENV names the file \"$file\": a plain file name is allowed" ;;
  esac
  [ -f "$directory/$file" ] || fail "the secret $directory/$file for $name is missing: give the service the secret $file"
  # The x keeps the shell from stripping newlines that belong to the value.
  value=$(cat "$directory/$file" && printf x) || fail "the secret $directory/$file for $name is not readable for uid $(id -u): give it mode 0444 or this user"
  value=${value%x}
  value=${value%"$newline"}
  export "$name=$value"
done

exec "$@"

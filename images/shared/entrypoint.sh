#!/bin/sh
# entrypoint.sh COMMAND [ARGUMENT...]
#
# Runs an application that reads its secrets from its environment, without the environment of the container (what
# `docker inspect` shows) holding any: FITNESSCRM_SECRET_ENV lists VARIABLE=FILE pairs, for example
# "DATABASE_URL=database_url SECRET_KEY=secret_key"; each FILE is read from /run/secrets and exported to COMMAND alone.
# A value is the file's bytes without one trailing newline, which editors and `echo` add.
#
# FITNESSCRM_DRAIN_SECONDS, where it is set, is how long COMMAND serves on after the signal to stop: who asked for the
# service's name a moment ago still comes here, and a server that stops listening at once loses those requests. After
# that COMMAND gets the signal itself, and finishes what is under way in its own manner. A second signal is not delayed.
#
# POSIX sh, so that it runs in any image.
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

drain=${FITNESSCRM_DRAIN_SECONDS:-}
case $drain in
'') exec "$@" ;;
*[!0-9]*) fail "FITNESSCRM_DRAIN_SECONDS is \"$drain\": a whole number of seconds is allowed" ;;
esac

child=
stopping=

stop() {
  [ -n "$child" ] || exit 143
  if [ -n "$stopping" ]; then
    kill -s "$1" "$child" 2>/dev/null || true
    return
  fi
  stopping=$1
  # Beside the wait, so that a COMMAND which ends by itself meanwhile is not waited for.
  (
    sleep "$drain"
    kill -s "$1" "$child" 2>/dev/null
  ) &
}

pass() {
  [ -z "$child" ] || kill -s "$1" "$child" 2>/dev/null || true
}

for signal in TERM INT QUIT; do
  # shellcheck disable=SC2064
  trap "stop $signal" "$signal"
done
for signal in HUP USR1 USR2; do
  # shellcheck disable=SC2064
  trap "pass $signal" "$signal"
done

# What a shell starts beside itself ignores these two, which some programs respect, and gets no input.
restore=
if env --default-signal=INT,QUIT true 2>/dev/null; then restore='env --default-signal=INT,QUIT'; fi
exec 3<&0
$restore "$@" <&3 3<&- &
child=$!

# A signal ends the wait, too: COMMAND has ended when it is not there any more.
while
  code=0
  wait "$child" || code=$?
  kill -0 "$child" 2>/dev/null
do :; done
exit "$code"

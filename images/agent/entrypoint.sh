#!/bin/sh
# Chooses the parts of the configuration that the given secrets and settings allow, and becomes Telegraf. Any argument is
# passed on to it (for example --test).
set -eu

SECRETS=/run/secrets
ENGINE_SOCKET=/run/engine/engine.sock

fail() {
  printf 'agent: %s\n' "$1" >&2
  exit 64
}

[ -n "${AGENT_STACK:-}" ] || fail 'AGENT_STACK is not set: it is the Stack dimension of every metric, without which no alarm finds them'
printf '%s' "$AGENT_STACK" | grep -Eqx '[A-Za-z0-9_.-]+' || fail "AGENT_STACK is \"$AGENT_STACK\": letters, digits, _ . and - are allowed"
printf '%s' "$AGENT_INTERVAL" | grep -Eqx '[1-9][0-9]*(s|m)' || fail "AGENT_INTERVAL is \"$AGENT_INTERVAL\": seconds or minutes are allowed, for example 60s"
printf '%s' "$AGENT_EDGE_URL" | grep -Eqx 'https?://[^"[:space:]]+[^"/[:space:]]' || fail "AGENT_EDGE_URL is \"$AGENT_EDGE_URL\": an http(s) URL without a slash at its end is allowed"
printf '%s' "$METRICS_NAMESPACE" | grep -Eqx '[A-Za-z0-9_./#:-]+' || fail "METRICS_NAMESPACE is \"$METRICS_NAMESPACE\": letters, digits and _ . / # : - are allowed"
printf '%s' "$AGENT_MIN_REQUESTS" | grep -Eqx '[1-9][0-9]{0,5}' || fail "AGENT_MIN_REQUESTS is \"$AGENT_MIN_REQUESTS\": a number above 0 is allowed"
case $AGENT_DRILLS in
true | false) ;;
*) fail "AGENT_DRILLS is \"$AGENT_DRILLS\": true or false is allowed" ;;
esac
[ -z "${AGENT_CERTIFICATE_URL:-}" ] || printf '%s' "$AGENT_CERTIFICATE_URL" | grep -Eqx 'https://[^"[:space:]]+' || fail "AGENT_CERTIFICATE_URL is \"$AGENT_CERTIFICATE_URL\": an https URL is allowed"

number=${AGENT_INTERVAL%?}
case $AGENT_INTERVAL in
*m) number=$((number * 60)) ;;
esac
# Three rounds without a metric: it is stuck.
AGENT_SILENCE=$((number * 3 + 15))s
# Alarms wait for what was measured, so it leaves soon.
AGENT_FLUSH=$((number < 10 ? number : 5))s
export AGENT_SILENCE AGENT_FLUSH

# The file systems to watch, as far as they are mounted here: the host's root, the engine's data, and that of fire drills.
AGENT_DISKS=
for path in /hostfs/root /var/log/edge /drill/disk; do
  [ ! -e "$path" ] || AGENT_DISKS="$AGENT_DISKS $path"
done
AGENT_DISKS=${AGENT_DISKS:- /}
export AGENT_DISKS

# The first file decides about the host tag.
set -- --strict-env-handling --config /etc/telegraf/agent.conf "$@"

# url FILE: the secret's one line. It becomes a string of the configuration, which knows no way to quote these characters.
url() {
  [ -r "$SECRETS/$1" ] || fail "the secret $SECRETS/$1 is not readable for uid $(id -u): give it mode 0444 or this user"
  value=$(cat "$SECRETS/$1")
  case $value in
  '' | *[\"\'\\]* | *[[:space:]]*) fail "the secret $1 is no URL: quotes, backslashes and blanks in it must be percent-encoded" ;;
  esac
  printf '%s' "$value"
}

# The variables below exist in this process only, not in the container's configuration.
if [ -e "$SECRETS/monitoring_database_url" ]; then
  AGENT_DATABASE_URL=$(url monitoring_database_url)
  export AGENT_DATABASE_URL
  set -- "$@" --config /etc/telegraf/postgresql.conf
else
  echo 'agent: no secret monitoring_database_url: no database metrics'
fi

if [ -e "$SECRETS/redis_url" ]; then
  # The plugin takes the scheme for the kind of network and the path for a part of the address.
  AGENT_REDIS_URL=$(url redis_url | sed -e 's|^redis://|tcp://|' -e 's|/[0-9]*$||')
  export AGENT_REDIS_URL
  set -- "$@" --config /etc/telegraf/redis.conf
else
  echo 'agent: no secret redis_url: no cache metrics'
fi

if [ -d /var/log/edge ]; then
  set -- "$@" --config /etc/telegraf/requests.conf
else
  echo 'agent: /var/log/edge is not mounted: no metrics of requests'
fi

if [ -n "${AGENT_CERTIFICATE_URL:-}" ]; then
  set -- "$@" --config /etc/telegraf/certificate.conf
fi

engine_answers() {
  perl -MIO::Socket::UNIX -e 'exit !IO::Socket::UNIX->new(Peer => shift)' "$ENGINE_SOCKET"
}

# Telegraf does not start while it cannot reach the engine, and the host must not fall silent for that. So it starts without, and
# is started anew once the engine's reader is there.
if [ -d /run/engine ]; then
  tries=10
  while [ "$tries" -gt 0 ] && ! engine_answers; do
    tries=$((tries - 1))
    sleep 1
  done
  if engine_answers; then
    set -- "$@" --config /etc/telegraf/containers.conf
  else
    echo "agent: nobody answers at $ENGINE_SOCKET: no metrics of containers until it does"
    (
      while ! engine_answers; do sleep 5; done
      echo "agent: $ENGINE_SOCKET answers now: starting anew"
      kill -s TERM $$
    ) &
  fi
else
  echo 'agent: /run/engine is not mounted: no metrics of containers'
fi

if [ -n "${AWS_REGION:-}" ]; then
  if [ -r "$SECRETS/agent_aws_credentials" ]; then
    export AWS_SHARED_CREDENTIALS_FILE="$SECRETS/agent_aws_credentials"
  fi
  # CloudWatch keeps one value a minute unless told that they come closer.
  [ "$number" -lt 60 ] && output=cloudwatch-seconds || output=cloudwatch
  set -- "$@" --config "/etc/telegraf/$output.conf"
else
  echo 'agent: AWS_REGION is not set: the metrics are collected and go nowhere'
  set -- "$@" --config /etc/telegraf/discard.conf
fi

exec telegraf "$@"

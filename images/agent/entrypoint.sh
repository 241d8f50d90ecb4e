#!/bin/sh
# Chooses the parts of the configuration that the given secrets and settings allow, and becomes Telegraf. Any argument is
# passed on to it (for example --test).
set -eu

SECRETS=/run/secrets

fail() {
  printf 'agent: %s\n' "$1" >&2
  exit 64
}

[ -n "${AGENT_STACK:-}" ] || fail 'AGENT_STACK is not set: it is the Stack dimension of every metric, without which no alarm finds them'
printf '%s' "$AGENT_STACK" | grep -Eqx '[A-Za-z0-9_.-]+' || fail "AGENT_STACK is \"$AGENT_STACK\": letters, digits, _ . and - are allowed"
printf '%s' "$AGENT_INTERVAL" | grep -Eqx '[1-9][0-9]*(s|m)' || fail "AGENT_INTERVAL is \"$AGENT_INTERVAL\": seconds or minutes are allowed, for example 60s"
printf '%s' "$AGENT_BACKEND_URL" | grep -Eqx 'https?://[^"[:space:]]+' || fail "AGENT_BACKEND_URL is \"$AGENT_BACKEND_URL\": an http(s) URL is allowed"
printf '%s' "$METRICS_NAMESPACE" | grep -Eqx '[A-Za-z0-9_./#:-]+' || fail "METRICS_NAMESPACE is \"$METRICS_NAMESPACE\": letters, digits and _ . / # : - are allowed"

number=${AGENT_INTERVAL%?}
case $AGENT_INTERVAL in
*m) number=$((number * 60)) ;;
esac
# Three rounds without a metric: it is stuck.
AGENT_SILENCE=$((number * 3 + 15))s
export AGENT_SILENCE

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

if [ -n "${AWS_REGION:-}" ]; then
  if [ -r "$SECRETS/agent_aws_credentials" ]; then
    export AWS_SHARED_CREDENTIALS_FILE="$SECRETS/agent_aws_credentials"
  fi
  set -- "$@" --config /etc/telegraf/cloudwatch.conf
else
  echo 'agent: AWS_REGION is not set: the metrics are collected and go nowhere'
  set -- "$@" --config /etc/telegraf/discard.conf
fi

exec telegraf "$@"

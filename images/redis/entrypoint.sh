#!/bin/sh
# Writes the configuration, password included, where only this user reads it, and becomes the server. Arguments that
# start with "-" go to the server and win over the file; anything else is run as a command.
set -eu

SECRET=/run/secrets/redis_password
CONF=/run/redis/redis.conf

fail() {
  printf 'redis: %s\n' "$1" >&2
  exit 1
}

case "${1:-}" in
'' | -*) ;;
*) exec "$@" ;;
esac

[ -r "$SECRET" ] || fail "the secret $SECRET is missing or not readable for uid $(id -u): give the service the secret redis_password"
password=$(cat "$SECRET")
[ -n "$password" ] || fail "the secret $SECRET is empty: write a password into it"
newline='
'
case "$password" in
*"$newline"*) fail "the secret $SECRET has more than one line: a password is one line" ;;
esac
printf '%s' "$REDIS_MAXMEMORY" | grep -Eqix '[0-9]+(b|k|kb|m|mb|g|gb)?' ||
  fail "REDIS_MAXMEMORY is \"$REDIS_MAXMEMORY\": a number with b, kb, mb or gb is allowed, for example 256mb"
case "$REDIS_MAXMEMORY_POLICY" in
noeviction | allkeys-lru | allkeys-lfu | allkeys-random | volatile-lru | volatile-lfu | volatile-random | volatile-ttl) ;;
*) fail "REDIS_MAXMEMORY_POLICY is \"$REDIS_MAXMEMORY_POLICY\": allowed are noeviction, allkeys-lru, allkeys-lfu, allkeys-random, volatile-lru, volatile-lfu, volatile-random, volatile-ttl" ;;
esac
[ -w /data ] || fail "/data is not writable for uid $(id -u): the volume must belong to that user (chown -R $(id -u):$(id -g))"
[ -w "${CONF%/*}" ] || fail "${CONF%/*} is not writable for uid $(id -u): mount a tmpfs with mode 1777 there"

umask 077
# An unlinked old file first: a tmpfs that outlives a restart may hold one.
rm -f "$CONF"
cat >"$CONF" <<SETTINGS
bind * -::*
port 6379
dir /data
daemonize no
logfile ""
appendonly yes
# The append-only file is the whole truth; snapshots beside it would only fork and write twice.
save ""
maxmemory $REDIS_MAXMEMORY
maxmemory-policy $REDIS_MAXMEMORY_POLICY
SETTINGS
printf 'requirepass "%s"\n' "$(printf '%s' "$password" | sed 's/[\\"]/\\&/g')" >>"$CONF"
unset password

exec redis-server "$CONF" "$@"

#!/bin/sh
# Writes the configuration and who may log in where only this user reads them, and becomes the server. Arguments that
# start with "-" go to the server and win over the file; anything else is run as a command.
#
# Whoever knows the password of the user "default" may log in: that of the secret, until a rotation gives the running
# server another one (ACL SETUSER, ACL SAVE). From then on the file on the volume, which holds digests only, has the
# word: the secret of a running service cannot change, and a start must not bring a password back that was replaced.
# "mounted", as whom nobody logs in, keeps which secret that file has seen: one that it does not know was declared anew.
#
# The container itself (health check, commands beside the server) logs in as "container", with a password of this start.
set -eu

SECRET=/run/secrets/redis_password
CONF=/run/redis/redis.conf
OWN=/run/redis/own_password
USERS=/data/users.acl

fail() {
  printf 'redis: %s\n' "$1" >&2
  exit 1
}

digest() { printf '#%s' "$(sha256sum | cut -d ' ' -f 1)"; }
digests_of() { { grep "^user $1 " "$USERS" 2>/dev/null || true; } | { grep -Eo '#[0-9a-f]{64}' || true; }; }

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
rm -f "$CONF" "$OWN"
head -c 32 /dev/urandom | sha256sum | cut -d ' ' -f 1 >"$OWN"

mounted=$(printf '%s' "$password" | digest)
unset password
accepted=$(digests_of default)
if [ -z "$accepted" ] || [ "$(digests_of mounted)" != "$mounted" ]; then
  accepted=$(printf '%s\n%s\n' "$accepted" "$mounted" | sort -u)
fi
{
  printf 'user default on %s ~* &* +@all\n' "$(printf '%s' "$accepted" | tr '\n' ' ')"
  printf 'user mounted off %s\n' "$mounted"
  printf 'user container on %s ~* &* +@all\n' "$(tr -d '\n' <"$OWN" | digest)"
} >"$USERS.new" && sync -f "$USERS.new" && mv "$USERS.new" "$USERS" || fail "$USERS could not be written: the volume may be full or read-only"

cat >"$CONF" <<SETTINGS
bind * -::*
port 6379
dir /data
aclfile $USERS
daemonize no
logfile ""
appendonly yes
# The append-only file is the whole truth; snapshots beside it would only fork and write twice.
save ""
maxmemory $REDIS_MAXMEMORY
maxmemory-policy $REDIS_MAXMEMORY_POLICY
SETTINGS

exec redis-server "$CONF" "$@"

#!/bin/sh
# Fills the template from the environment and runs nginx. Any argument is run as a command instead.
#
# One task at a time can hold the host's port, so nobody is answered from the moment this nginx stops listening until its
# successor listens. nginx by itself stops listening first and then waits for what is under way, which makes one slow
# request a long outage for everybody. So it is told to stop at a moment when nothing is under way, which comes soon
# unless requests overlap without end; after QUIET_SECONDS it is told anyway, and finishes what it has.
set -eu

CONF=/tmp/nginx/nginx.conf
QUIET_SECONDS=25

fail() {
  printf 'nginx: %s\n' "$1" >&2
  exit 1
}

# allow NAME PATTERN WHAT: these values become configuration, so nothing else may come through.
allow() {
  value=$(printenv "$1" || true)
  printf '%s' "$value" | grep -Eqx "$2" || fail "$1 is \"$value\": $3"
}

[ $# -eq 0 ] || exec "$@"

allow NGINX_PORT '[0-9]{1,5}' 'a port number is allowed'
allow NGINX_BACKEND '[A-Za-z0-9._-]+:[0-9]{1,5}' 'NAME:PORT is allowed, for example backend:5000'
allow NGINX_FRONTEND '[A-Za-z0-9._-]+:[0-9]{1,5}' 'NAME:PORT is allowed, for example frontend:3000'
allow NGINX_CLIENT_MAX_BODY_SIZE '[0-9]+[kKmMgG]?' 'a size is allowed, for example 20m'
allow NGINX_RESOLVER '[0-9a-fA-F.:]+|\[[0-9a-fA-F:]+\](:[0-9]+)?' 'an IP address is allowed'
mkdir -p /tmp/nginx 2>/dev/null && [ -w /tmp/nginx ] || fail "/tmp is not writable for uid $(id -u): mount a tmpfs with mode 1777 there"

sed -e "s|@PORT@|$NGINX_PORT|g" -e "s|@BACKEND@|$NGINX_BACKEND|g" -e "s|@FRONTEND@|$NGINX_FRONTEND|g" \
  -e "s|@CLIENT_MAX_BODY_SIZE@|$NGINX_CLIENT_MAX_BODY_SIZE|g" -e "s|@RESOLVER@|$NGINX_RESOLVER|g" \
  /etc/nginx/nginx.conf.template >"$CONF"

nginx=

stop() {
  [ -n "$nginx" ] || exit 143
  tries=$((QUIET_SECONDS * 10))
  # Nothing but a number above 0 is a reason to wait: an nginx that does not answer any more has nothing to finish.
  while [ "$tries" -gt 0 ] && [ "$(in-flight 2>/dev/null || echo 0)" -gt 0 ]; do
    tries=$((tries - 1))
    sleep 0.1
  done
  kill -s QUIT "$nginx" 2>/dev/null || true
}

pass() {
  [ -z "$nginx" ] || kill -s "$1" "$nginx" 2>/dev/null || true
}

trap stop QUIT TERM
trap 'pass HUP' HUP
trap 'pass USR1' USR1

# -e: the path of the error log that is compiled in is not writable, and nginx warns about it before it reads its file.
nginx -e stderr -c "$CONF" -g 'daemon off;' &
nginx=$!

# A signal ends the wait, too: nginx has ended when it is not there any more.
while
  code=0
  wait "$nginx" || code=$?
  kill -0 "$nginx" 2>/dev/null
do :; done
exit "$code"

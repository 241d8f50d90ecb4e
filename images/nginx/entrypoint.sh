#!/bin/sh
# Fills the template from the environment and becomes nginx. Any argument is run as a command instead.
set -eu

CONF=/tmp/nginx/nginx.conf

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

# -e: the path of the error log that is compiled in is not writable, and nginx warns about it before it reads its file.
exec nginx -e stderr -c "$CONF" -g 'daemon off;'

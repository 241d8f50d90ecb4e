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

# Where a volume is mounted, the requests are logged there too, for the metrics agent: into two files in turn. One is emptied when
# the other one is full, so that a reader of both has read it long before, and no file changes its name under a reader.
LOG_FOLDER=/var/log/edge
LOG_LINK=/tmp/nginx/requests.log
CHECK_SECONDS=2

# Chain and key in one file, which ops puts there and replaces in one step. nginx gets a copy that was looked at, so that whatever
# becomes of the volume it goes on with a good one.
CERTIFICATE=/certificates/edge.pem
SERVED=/tmp/nginx/edge.pem

# The status page is renewed once a minute. While it is not, for NGINX_OLD_SECONDS, a mark lies here, and nginx says so on the page.
STATUS_PAGE=/pages/status.html
OLD_MARK=/tmp/nginx/old

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
allow NGINX_LOG_BYTES '[1-9][0-9]{0,9}' 'a number of bytes is allowed'
allow NGINX_OLD_SECONDS '[1-9][0-9]{0,5}' 'a number of seconds is allowed'
allow NGINX_RESOLVER '[0-9a-fA-F.:]+|\[[0-9a-fA-F:]+\](:[0-9]+)?' 'an IP address is allowed'
[ -z "$NGINX_TRUSTED_PROXIES" ] ||
  allow NGINX_TRUSTED_PROXIES '([0-9a-fA-F.:]+(/[0-9]{1,3})?( |$))*' 'addresses and networks are allowed, for example 10.0.0.0/8'
allow NGINX_LOGIN_PATHS '(/[A-Za-z0-9._~/-]+( |$))+' 'paths are allowed, for example /api/login'
allow NGINX_LOGIN_PER_MINUTE '[1-9][0-9]{0,3}' 'a number of requests is allowed'
allow NGINX_LOGIN_BURST '[0-9]{1,4}' 'a number of requests is allowed'
[ -z "$NGINX_TLS_URL" ] ||
  allow NGINX_TLS_URL 'https://[A-Za-z0-9.-]+(:[0-9]{1,5})?' 'an https origin is allowed, for example https://crm.example.com'
allow NGINX_TLS_PORT '[0-9]{1,5}' 'a port number is allowed'
allow NGINX_INNER_PORT '[0-9]{1,5}' 'a port number is allowed'
mkdir -p /tmp/nginx 2>/dev/null && [ -w /tmp/nginx ] || fail "/tmp is not writable for uid $(id -u): mount a tmpfs with mode 1777 there"

log_file=
if [ -w "$LOG_FOLDER" ]; then
  # The one that was written last goes on.
  touch -a "$LOG_FOLDER/requests.a.log" "$LOG_FOLDER/requests.b.log"
  ln -sfn "$(ls -t "$LOG_FOLDER"/requests.[ab].log | head -n 1)" "$LOG_LINK"
  log_file="access_log $LOG_LINK edge;"
fi

# each LIST FORMAT: one directive a word, on one line.
each() {
  for word in $1; do
    # shellcheck disable=SC2059 # The format is ours.
    printf "$2 " "$word"
  done
}

trusted_proxies=$(each "$NGINX_TRUSTED_PROXIES" 'set_real_ip_from %s;')
trusted_networks=$(each "$NGINX_TRUSTED_PROXIES" '%s 1;')
login_paths=$(each "$NGINX_LOGIN_PATHS" '"POST %s" $binary_remote_addr;')
# nginx takes no burst of 0 but by leaving it out.
login_burst=
[ "$NGINX_LOGIN_BURST" -eq 0 ] || login_burst=" burst=$NGINX_LOGIN_BURST nodelay"
retry_seconds=$(((60 + NGINX_LOGIN_PER_MINUTE - 1) / NGINX_LOGIN_PER_MINUTE))

# take_certificate: fails when there is none that can be served.
take_certificate() {
  [ -r "$CERTIFICATE" ] || return 1
  (umask 077 && cp "$CERTIFICATE" "$SERVED.new") || return 2
  certified=$(openssl x509 -in "$SERVED.new" -noout -pubkey 2>/dev/null) || certified=none
  held=$(openssl pkey -in "$SERVED.new" -pubout 2>/dev/null) || held=
  if [ "$certified" != "$held" ]; then
    rm -f "$SERVED.new"
    echo "nginx: $CERTIFICATE is not a certificate with its key, and is not served" >&2
    return 1
  fi
  mv "$SERVED.new" "$SERVED"
}

# nginx has to serve challenges before there can be a certificate. This one is good for a day, which is what the alarm on
# certificates goes off at while no other one comes.
make_placeholder() {
  umask=$(umask)
  umask 077
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj "/CN=placeholder" \
    -keyout "$SERVED.key" -out "$SERVED.crt" 2>/dev/null || fail 'openssl could not make a certificate to begin with'
  cat "$SERVED.crt" "$SERVED.key" >"$SERVED"
  rm "$SERVED.crt" "$SERVED.key"
  umask "$umask"
  echo "nginx: no certificate is there yet: a placeholder is served, which browsers refuse" >&2
}

# Another file than before has another one of these.
stamp() {
  stat -c '%i %Y %s' "$CERTIFICATE" 2>/dev/null || echo none
}

listen="listen $NGINX_PORT default_server;"
plain=
if [ -n "$NGINX_TLS_URL" ]; then
  listen="listen $NGINX_TLS_PORT ssl default_server; listen $NGINX_INNER_PORT default_server; include /etc/nginx/tls.conf;"
  plain="include /tmp/nginx/plain.conf;"
  sed -e "s|@PORT@|$NGINX_PORT|g" -e "s|@PUBLIC_URL@|$NGINX_TLS_URL|g" /etc/nginx/plain.conf.template >/tmp/nginx/plain.conf
  taken=$(stamp)
  take_certificate || make_placeholder
fi

sed -e "s|@TRUSTED_PROXIES@|$trusted_proxies|g" -e "s|@TRUSTED_NETWORKS@|$trusted_networks|g" \
  -e "s|@LOGIN_PATHS@|$login_paths|g" -e "s|@LOGIN_PER_MINUTE@|$NGINX_LOGIN_PER_MINUTE|g" \
  -e "s|@LOGIN_BURST@|$login_burst|g" -e "s|@LOGIN_RETRY_SECONDS@|$retry_seconds|g" \
  -e "s|@LISTEN@|$listen|g" -e "s|@PLAIN@|$plain|g" -e "s|@BACKEND@|$NGINX_BACKEND|g" -e "s|@FRONTEND@|$NGINX_FRONTEND|g" \
  -e "s|@LOG_FILE@|$log_file|g" \
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

mark_old() {
  while
    written=$(stat -c %Y "$STATUS_PAGE" 2>/dev/null || echo "")
    if [ -n "$written" ] && [ $(($(date +%s) - written)) -gt "$NGINX_OLD_SECONDS" ]; then
      touch "$OLD_MARK"
    else
      rm -f "$OLD_MARK"
    fi
    sleep "$CHECK_SECONDS"
  do :; done
}
mark_old &

rotate() {
  while sleep "$CHECK_SECONDS"; do
    full=$(readlink "$LOG_LINK")
    [ "$(stat -c %s "$full" 2>/dev/null || echo 0)" -ge "$NGINX_LOG_BYTES" ] || continue
    case $full in
    *.a.log) next=$LOG_FOLDER/requests.b.log ;;
    *) next=$LOG_FOLDER/requests.a.log ;;
    esac
    : >"$next" || continue
    ln -sfn "$next" "$LOG_LINK"
    kill -s USR1 "$nginx" || return 0
  done
}
[ -z "$log_file" ] || rotate &

# nginx opens the copy at each handshake, and does not have to be told.
follow_certificate() {
  while sleep "$CHECK_SECONDS"; do
    found=$(stamp)
    [ "$found" != "$taken" ] || continue
    code=0
    take_certificate || code=$?
    # What could not be copied was not looked at: it is tried again.
    [ "$code" != 2 ] || continue
    taken=$found
    [ "$code" = 0 ] || continue
    echo "nginx: serves another certificate" >&2
  done
}
[ -z "$NGINX_TLS_URL" ] || follow_certificate &

# A signal ends the wait, too: nginx has ended when it is not there any more.
while
  code=0
  wait "$nginx" || code=$?
  kill -0 "$nginx" 2>/dev/null
do :; done
exit "$code"

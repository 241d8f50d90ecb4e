#!/bin/sh
# http-check.sh URL
#
# Health check of images that are not ours: exits 0 when a GET of URL answers 2xx within 5 s, else prints the reason and
# exits 1. It uses the first client that the image has: curl, wget (GNU's or busybox's), python3, node, bash. A redirect is
# not a success. POSIX sh.
set -eu

# A proxy that the application uses for the world must not answer for the application.
unset http_proxy https_proxy all_proxy HTTP_PROXY HTTPS_PROXY ALL_PROXY

fail() {
  printf 'http-check: %s\n' "$1"
  exit 1
}

[ $# -eq 1 ] || fail 'usage: http-check.sh URL'
url=$1
case $url in
http://* | https://*) ;;
*) fail "\"$url\" is no URL: http://HOST:PORT/PATH is expected" ;;
esac

# curl and wget have limits a step, not always one for all of it.
limit=
if command -v timeout >/dev/null 2>&1; then limit='timeout 5'; fi

if command -v curl >/dev/null 2>&1; then
  status=$($limit curl --silent --show-error --output /dev/null --max-time 5 --write-out '%{http_code}' "$url" 2>&1) || true
elif command -v wget >/dev/null 2>&1; then
  # Both write the answer's headers to stderr; the first status line is the one of URL itself. GNU's would try again.
  once=
  if wget --version >/dev/null 2>&1; then once='--tries=1 --max-redirect=0'; fi
  # shellcheck disable=SC2086
  answer=$($limit wget $once -S -T 5 -O /dev/null "$url" 2>&1) || true
  status=$(printf '%s\n' "$answer" | sed -n 's/^ *HTTP\/[0-9.]* \([0-9][0-9][0-9]\).*/\1/p' | head -n 1)
  [ -n "$status" ] || status=$(printf '%s\n' "$answer" | tail -n 1)
elif command -v python3 >/dev/null 2>&1; then
  status=$($limit python3 -c '
import http.client, sys, urllib.parse
url = urllib.parse.urlsplit(sys.argv[1])
kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
try:
    connection = kind(url.hostname, url.port, timeout=5)
    connection.request("GET", (url.path or "/") + ("?" + url.query if url.query else ""))
    print(connection.getresponse().status)
except Exception as error:
    print(error)
' "$url" 2>&1) || true
elif command -v node >/dev/null 2>&1; then
  status=$($limit node -e '
const url = process.argv[1];
const client = require(url.startsWith("https:") ? "node:https" : "node:http");
const done = (text) => { console.log(text); process.exit(0); };
setTimeout(() => done("no answer within 5 s"), 5000);
client.get(url, (answer) => done(answer.statusCode)).on("error", (error) => done(error.message || error.code));
' "$url" 2>&1) || true
elif command -v bash >/dev/null 2>&1 && [ "${url#http://}" != "$url" ]; then
  # shellcheck disable=SC2016
  status=$($limit bash -c '
rest=${1#http://}
authority=${rest%%/*}
host=${authority%%:*}
port=${authority##*:}
[ "$port" != "$authority" ] || port=80
exec 3<>"/dev/tcp/$host/$port" || exit
printf "GET /%s HTTP/1.0\r\nHost: %s\r\n\r\n" "${rest#"$authority"}" "$authority" | sed "1s|GET //|GET /|" >&3
read -r -t 5 _ code _ <&3 && printf "%s\n" "$code"
' http-check "$url" 2>&1) || true
else
  fail "no HTTP client in this image: curl, wget, python3, node or bash is needed"
fi

case $status in
2[0-9][0-9]) exit 0 ;;
'') fail "$url: no answer within 5 s" ;;
[0-9][0-9][0-9]) fail "$url answered $status, 2xx is expected" ;;
*) fail "$url: $(printf '%s' "$status" | tr '\n' ' ')" ;;
esac

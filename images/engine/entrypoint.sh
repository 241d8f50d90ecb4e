#!/bin/sh
# Becomes nginx, after a predecessor that was killed and left its socket.
set -eu
[ -S /var/run/docker.sock ] || {
  echo "engine: /var/run/docker.sock is not mounted: there is no engine to read" >&2
  exit 64
}
rm -f /run/engine/engine.sock /run/engine-logs/engine.sock
exec nginx -e stderr -g 'daemon off;'

#!/bin/sh
# Puts the Telegraf binary, which the toolchain got, into the build context given as $1.
set -eu
binary="${FITNESSCRM_HOME:-${XDG_DATA_HOME:-$HOME/.local/share}/fitnesscrm}/bin/telegraf"
[ -x "$binary" ] || {
  echo "$binary is missing: run ./fitnesscrm up, which gets it" >&2
  exit 1
}
exec cp "$binary" "$1/telegraf"

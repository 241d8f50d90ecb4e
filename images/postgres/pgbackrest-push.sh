#!/bin/bash
# pgbackrest-push.sh WAL_FILE: the server's archive_command. pgBackRest insists on finding its name in there.
#
# While S3 is away the log waits on the volume, up to archive-push-queue-max; what is beyond it pgBackRest drops and calls
# archived. That is noted here, so that archive.sh makes the backup from which on points in time can be reached again.
set -uo pipefail

. /usr/local/bin/archive-reason.sh

readonly GAP=$(dirname "$PGDATA")/.archive-gap

code=0
output=$(pgbackrest archive-push "$1" 2>&1) || code=$?
if [[ $output == *'dropped WAL file'* ]]; then
  : >"$GAP"
  printf 'postgres: archive: %s was dropped, too much waits for S3: no point in time from here to the next backup can be restored\n' "${1##*/}" >&2
elif [[ $code -ne 0 ]]; then
  printf 'postgres: archive: %s is not in S3 yet: %s\n' "${1##*/}" "$(reason "$output")" >&2
  # Above 125 the server would take it for a signal and end its archiver.
  exit 1
fi

#!/bin/bash
# archive.sh PID_OF_THE_SERVER
#
# Runs beside the server when it has an archive: prepares the place in S3, keeps backups fresh that the archived log can be
# applied to, and gives the log a commit every two minutes.
#
# A failure is one line in the log and another try; it never ends the server.
set -uo pipefail

. /usr/local/bin/archive-reason.sh

readonly SERVER=$1 READY=/run/postgresql/ready
readonly GAP=$(dirname "$PGDATA")/.archive-gap
readonly FULL_SECONDS=${ARCHIVE_FULL_SECONDS:-604800} DIFF_SECONDS=${ARCHIVE_DIFF_SECONDS:-86400}
readonly CHECK_SECONDS=${ARCHIVE_CHECK_SECONDS:-600} RETRY_SECONDS=${ARCHIVE_RETRY_SECONDS:-60}
readonly BEAT_SECONDS=${ARCHIVE_BEAT_SECONDS:-120}
readonly WORK=/tmp/pgbackrest
export INFO=$WORK/info.json
export PGCONNECT_TIMEOUT=5 PGUSER=postgres PGDATABASE=postgres

alive() { kill -0 "$SERVER" 2>/dev/null; }
sql() { psql --no-psqlrc --no-password --quiet --tuples-only --no-align --set=ON_ERROR_STOP=1 "$@"; }
say() { printf 'postgres: archive: %s\n' "$1"; }

# Seconds of waiting that end when the server does.
pause() {
  local end=$((SECONDS + $1))
  while alive && ((SECONDS < end)); do sleep 1; done
}

# complain WHAT OUTPUT: the same trouble is told once in ten minutes. A server that stops is no trouble.
complaint= complained=0
complain() {
  pg_isready --quiet || return 0
  local text="$1: $(reason "$2")"
  [[ $text != "$complaint" ]] || ((SECONDS - complained >= 600)) || return 0
  complaint=$text complained=$SECONDS
  say "$text; trying again" >&2
}

# run WHAT COMMAND…: pgBackRest's command; its output is shown when it fails, its warnings always.
run() {
  local what=$1 output code=0
  shift
  output=$(pgbackrest "$@" 2>&1) || code=$?
  if [[ $code -ne 0 ]]; then
    complain "$what" "$output"
  elif [[ $output == *WARN:* ]]; then
    say "$(reason "$output")"
  fi
  return "$code"
}

# A point in time is found by the commits around it. Without some nothing would be archived from an idle database,
# its latest state could not be asked for by time, and silence would look like a broken archive.
beat() {
  while alive; do
    sql --command 'SELECT pg_current_xact_id()' >/dev/null 2>&1
    pause "$BEAT_SECONDS"
  done
}

# The place in S3 belongs to a cluster. A volume that was replaced brings another one: its log goes beside the old one's,
# which stays restorable.
readonly ANOTHER_CLUSTER=28
prepare() {
  local output code=0
  output=$(pgbackrest stanza-create 2>&1) || code=$?
  if [[ $code -eq $ANOTHER_CLUSTER ]]; then
    run 'the archive could not take over from the cluster before this one' stanza-upgrade || return
    say 'this is another cluster than before: its log is archived beside that of the old one'
  elif [[ $code -ne 0 ]]; then
    complain 'the archive could not be prepared' "$output"
    return 1
  fi
  verify
}

verify() { run 'the archive does not work' check; }

# Prints full, diff or nothing, or what is wrong; by the newest backups of this very cluster.
due() {
  pgbackrest info --output=json >"$INFO" 2>"$INFO.err" || {
    cat "$INFO.err" "$INFO"
    return 1
  }
  sql --set=full="$FULL_SECONDS" --set=diff="$DIFF_SECONDS" --set=gap="$([[ -e $GAP ]] && echo true || echo false)" 2>&1 <<'SQL'
\set info `cat "$INFO"`
WITH stanza AS (
  SELECT :'info'::jsonb -> 0 AS it
), cluster AS (
  SELECT (db ->> 'id')::int AS id FROM stanza, jsonb_array_elements(it -> 'db') db, pg_control_system() control
  WHERE (db ->> 'system-id')::numeric = control.system_identifier
), backup AS (
  SELECT one ->> 'type' AS type, to_timestamp((one #>> '{timestamp,stop}')::bigint) AS stop
  FROM stanza, jsonb_array_elements(it -> 'backup') one
  WHERE (one #>> '{database,id}')::int IN (SELECT id FROM cluster)
), newest AS (
  SELECT max(stop) AS any, max(stop) FILTER (WHERE type = 'full') AS full FROM backup
)
SELECT CASE
  -- Codes of pgBackRest: 0 is fine, 2 is fine but without a backup.
  WHEN it #>> '{status,code}' NOT IN ('0', '2') THEN 'ERROR: ' || replace(it #>> '{status,message}', E'\n', ' ')
  WHEN newest.full IS NULL OR newest.full < now() - :full * interval '1 second' THEN 'full'
  WHEN :gap OR newest.any < now() - :diff * interval '1 second' THEN 'diff'
END FROM stanza, newest;
SQL
}

refresh() {
  local type started=$SECONDS
  type=$(due) || {
    complain 'the backups cannot be listed' "$type"
    return 1
  }
  case $type in
    '') return 0 ;;
    full | diff) ;;
    *)
      complain 'the backups cannot be listed' "$type"
      return 1
      ;;
  esac
  # Without it a backup that cannot become complete would be copied as a whole first.
  verify || return
  : >"$WORK/started"
  run "the $type backup failed" backup --type="$type" || return
  # What was dropped meanwhile is a gap behind this backup.
  [[ $GAP -nt $WORK/started ]] || rm -f "$GAP"
  say "a $type backup is in S3, made in $((SECONDS - started)) s"
}

mkdir -p "$WORK"
until [[ -e $READY ]]; do
  alive || exit 0
  sleep 0.2
done
until [[ $(sql --command 'SELECT pg_is_in_recovery()' 2>/dev/null) == f ]]; do
  alive || exit 0
  sleep 1
done

beat &
prepared=
while alive; do
  if [[ -z $prepared ]] && prepare; then prepared=1; fi
  if [[ -n $prepared ]] && refresh; then
    complaint=
    pause "$CHECK_SECONDS"
  else
    pause "$RETRY_SECONDS"
  fi
done

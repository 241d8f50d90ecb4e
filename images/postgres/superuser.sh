# The superuser's password, for the scripts that source this.
#
# It is that of the secret until a rotation replaces it in the running server. The secret of a running service cannot
# change, so the password of now is kept on the volume, encrypted with the secret: a start finds it there, and one that
# was given another secret cannot read it and takes the secret's.
readonly SECRET=/run/secrets/postgres_password
readonly KEPT=$(dirname "$PGDATA")/superuser-password
# Tells a text that was really decrypted from the noise that a wrong key can give.
readonly SEAL='fitnesscrm: password of the role postgres'

cipher() { openssl enc -aes-256-cbc -pbkdf2 -pass "file:$SECRET" "$@"; }

superuser_password() {
  local text
  if [[ -e $KEPT ]] && { text=$(cipher -d -in "$KEPT"); } 2>/dev/null && [[ ${text%%$'\n'*} == "$SEAL" ]]; then
    printf '%s\n' "${text#*$'\n'}"
  else
    cat "$SECRET"
  fi
}

# One chain: the caller's "||" turns errexit off in here, and a full volume must not put an empty file in the place of the kept one.
keep_password() {
  (
    umask 077
    printf '%s\n%s\n' "$SEAL" "$1" | cipher -out "$KEPT.new"
  ) && sync -f "$KEPT.new" && mv -T "$KEPT.new" "$KEPT" && sync -f "$KEPT"
}

# Programs in this container ask for no password; the socket does.
write_pgpass() {
  local escaped=${1//\\/\\\\}
  (
    umask 077
    printf '*:*:*:postgres:%s\n' "${escaped//:/\\:}" >"$PGPASSFILE.new"
  )
  mv -T "$PGPASSFILE.new" "$PGPASSFILE"
}

# The password never travels as text: psql hashes it here and sends the SCRAM verifier, so it cannot reach the server's
# log, pg_stat_statements or a process list. Without a terminal (setsid) \password reads from its input.
set_password() {
  printf '%s\n%s\n' "$1" "$1" |
    PGOPTIONS='-c log_statement=none -c log_min_duration_statement=-1 -c log_min_error_statement=panic -c pg_stat_statements.track=none' \
      setsid --wait psql --no-psqlrc --quiet --no-password --username=postgres --dbname=postgres --set=ON_ERROR_STOP=1 \
      --command '\password postgres' >/dev/null 2>&1
}

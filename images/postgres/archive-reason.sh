# Sourced by what runs pgBackRest.

# reason OUTPUT: why pgBackRest failed, as one line. Its messages have continuation lines and hints; the first says what failed,
# and a line of the server's log that is too long is read by nobody.
reason() {
  # A byte that is no letter would match nothing.
  local LC_ALL=C line first=
  while IFS= read -r line; do
    line=${line#"${line%%[![:space:]]*}"}
    [[ -n $line ]] || continue
    if [[ $line =~ ^(P[0-9]+[[:space:]]+)?ERROR:\ (.*)$ ]]; then
      first=${BASH_REMATCH[2]}
      break
    fi
    : "${first:=$line}"
  done <<<"$1"
  # It may quote bytes of a file that another passphrase was used for.
  printf '%s' "${first:0:300}" | tr -c '\040-\176' '?'
}

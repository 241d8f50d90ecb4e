#!/bin/sh
# Builds or pulls one image and prints what the stack needs to know of it, as one line of JSON.
# Environment: IMAGE (tag to build, or the reference to pull), and for a build CONTEXT, optionally DOCKERFILE (relative to
# CONTEXT), PREPARE (script that puts further files into the folder that it gets as its argument), BUILD_ARGS
# (NAME=value, one a line), and after an image refresh PACKAGES (its day) with PACKAGES_BASE (the image that has the packages
# of that day). What is built has its repository as a label, which it keeps when its tag goes to another one: `images clean` knows it by it.
set -eu

fail() {
  echo "image $IMAGE: $1" >&2
  exit 1
}

command -v docker >/dev/null 2>&1 || fail "the docker command is missing: run ./fitnesscrm up, which installs it"

base=${PACKAGES_BASE:-fitnesscrm/base:trixie}

build() {
  [ -d "$CONTEXT" ] || fail "$CONTEXT is not a folder"
  file="$CONTEXT/${DOCKERFILE:-Dockerfile}"
  [ -f "$file" ] || fail "$file does not exist"
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  if [ -n "${PREPARE:-}" ]; then
    # In a copy: a build leaves the checkout as it found it.
    mkdir "$work/context"
    cp -R "$CONTEXT/." "$work/context"
    sh "$PREPARE" "$work/context" >&2 || fail "$PREPARE could not prepare its files"
    CONTEXT=$work/context
    file="$CONTEXT/${DOCKERFILE:-Dockerfile}"
  fi
  set -- --tag "$IMAGE" --label "fitnesscrm.image=${IMAGE%:*}" --file "$file"
  # Machines that reach package registries only make their own base; elsewhere the Dockerfile's default is pulled.
  if ! grep -q '^ARG BASE' "$file"; then
    # A base that is not ours is as new as its registry has it; what the builder remembers of the last time is not.
    [ -z "${PACKAGES:-}" ] || set -- "$@" --pull --no-cache
  elif docker image inspect "$base" >/dev/null 2>&1; then
    set -- "$@" --build-arg "BASE=$base"
  elif [ -n "${PACKAGES_BASE:-}" ]; then
    fail "its base $PACKAGES_BASE is not there: run ./fitnesscrm up again, which makes it"
  fi
  old_ifs=$IFS
  set -f
  IFS='
'
  for pair in ${BUILD_ARGS:-}; do
    set -- "$@" --build-arg "$pair"
  done
  set +f
  IFS=$old_ifs
  # The classic builder prints every step; only its end matters, and only when it fails.
  docker build "$@" "$CONTEXT" >"$work/log" 2>&1 || {
    tail -n 25 "$work/log" >&2
    fail "docker build of $file failed, its last lines stand above"
  }
}

if [ -n "${CONTEXT:-}" ]; then
  build
else
  # An image that is there already by its digest needs no registry: a way back must not depend on one.
  docker image inspect "$IMAGE" >/dev/null 2>&1 || docker pull --quiet "$IMAGE" >&2 || fail "could not be pulled: check its name, its digest and the registry's login"
fi

docker image inspect --format \
  '{"id":{{json .Id}},"entrypoint":{{json .Config.Entrypoint}},"cmd":{{json .Config.Cmd}}}' "$IMAGE"

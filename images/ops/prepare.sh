#!/bin/sh
# Bundles the ops program into the build context given as $1.
set -eu
exec node --import tsx -e 'require("./ops/build").bundleOps(process.argv[1])' "$1/main.js"

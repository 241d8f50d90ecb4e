#!/bin/sh
# Makes /srv/planted-security an archive of Debian's form with one package, and the image's only one; $1 is one more, if it is given.
set -eu
arch=$(dpkg --print-architecture)
suite=/srv/planted-security/dists/planted-security
packages=main/binary-$arch/Packages
mkdir -p "$suite/main/binary-$arch"
cd "$suite"
cat >"$packages" <<END
Package: bash
Version: 99:1
Architecture: $arch
Maintainer: Test <test@example.com>
Filename: bash.deb
Size: 1
SHA256: 0000000000000000000000000000000000000000000000000000000000000000
Description: planted
END
cat >Release <<END
Suite: planted-security
Codename: planted-security
Components: main
Architectures: $arch
Date: Thu, 01 Jan 2026 00:00:00 UTC
SHA256:
 $(sha256sum "$packages" | cut -d ' ' -f 1) $(wc -c <"$packages") $packages
END
rm -rf /etc/apt/sources.list.d
mkdir /etc/apt/sources.list.d
echo "deb [trusted=yes] file:/srv/planted-security planted-security main" >/etc/apt/sources.list
if [ -n "$1" ]; then
  echo "deb [trusted=yes] $1 planted-security main" >>/etc/apt/sources.list
fi

#!/bin/sh
# tools/install.sh PROGRAM PREFIX: installs the program, the documents and the type annotations for editors, below
# DESTDIR if that is set.
set -eu

program=$1
prefix=${DESTDIR-}$2
doc=$prefix/share/doc/h2probe
meta=$prefix/share/h2probe/meta

install -d "$prefix/bin" "$doc" "$meta"
install -m 755 "$program" "$prefix/bin/h2probe"
install -m 644 README.md LICENSE docs/*.md "$doc"
[ ! -d lua/meta ] || find lua/meta -name '*.lua' -exec install -m 644 {} "$meta" \;
echo "installed $prefix/bin/h2probe"

#!/bin/sh
# tools/install.sh PROGRAM PREFIX: installs the program, its manual page, completions, the documents and the type
# annotations for editors, below DESTDIR if that is set. ZSH_DIR: where zsh looks, below the prefix.
set -eu

program=$1
prefix=${DESTDIR-}$2
doc=$prefix/share/doc/h2probe
meta=$prefix/share/h2probe/meta
man=$prefix/share/man/man1
bash=$prefix/share/bash-completion/completions
zsh=$prefix/${ZSH_DIR:-share/zsh/site-functions}
fish=$prefix/share/fish/vendor_completions.d

# written FILE WORDS...: what the program writes about itself
written() {
    file=$1
    shift
    "$program" "$@" >"$file"
    chmod 644 "$file"
}

install -d "$prefix/bin" "$doc" "$meta" "$man" "$bash" "$zsh" "$fish"
install -m 755 "$program" "$prefix/bin/h2probe"
install -m 644 README.md LICENSE docs/*.md "$doc"
find docs/ci -type d | while read -r directory; do install -d "$doc/${directory#docs/}"; done
find docs/ci -type f | while read -r file; do
    mode=644
    [ ! -x "$file" ] || mode=755
    install -m $mode "$file" "$doc/${file#docs/}"
done
find lua/meta -name '*.lua' -exec install -m 644 {} "$meta" \;
written "$man/h2probe.1" man
written "$bash/h2probe" completion bash
written "$zsh/_h2probe" completion zsh
written "$fish/h2probe.fish" completion fish
echo "installed $prefix/bin/h2probe"

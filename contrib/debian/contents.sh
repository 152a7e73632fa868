#!/usr/bin/env bash
# Holds a package to what it must have, and its program to running: contrib/debian/contents.sh PACKAGE.deb
set -euo pipefail

package=$(realpath "${1:?which package? see the head of this file}")
unpacked=$(mktemp -d)
trap 'rm -rf "$unpacked"' EXIT
dpkg-deb --raw-extract "$package" "$unpacked"

for file in usr/bin/chatmirror usr/lib/systemd/system/chatmirror.service usr/lib/systemd/system/chatmirror@.service \
    usr/lib/sysusers.d/chatmirror.conf usr/share/man/man1/chatmirror.1.gz usr/share/man/man1/chatmirror-run.1.gz \
    usr/share/bash-completion/completions/chatmirror usr/share/zsh/vendor-completions/_chatmirror \
    usr/share/fish/vendor_completions.d/chatmirror.fish usr/share/doc/chatmirror/config.example.toml \
    usr/share/doc/chatmirror/alerts.yml usr/share/chatmirror/datasette.json usr/share/doc/chatmirror/docs/operations.md usr/share/doc/chatmirror/copyright \
    DEBIAN/postinst DEBIAN/prerm DEBIAN/postrm; do
    [[ -s $unpacked/$file ]] || { echo "the package lacks $file" >&2; exit 1; }
done
[[ ! -e $unpacked/etc && ! -e $unpacked/var ]] || { echo "the package brings files that belong to the operator" >&2; exit 1; }
"$unpacked/usr/bin/chatmirror" --version
grep --extended-regexp '^(Package|Version|Depends|Installed-Size):' "$unpacked/DEBIAN/control"
echo "all of it is there: $(du --human-readable --apparent-size "$package" | cut --fields=1)"

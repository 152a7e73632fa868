#!/usr/bin/env bash
# Builds one program that needs nothing of the machine it runs on, whatever Linux that is. Prints where it is.
#
#   contrib/static/build.sh [OPTION OF CARGO BUILD…]
#
# Needs musl-gcc (Debian's package musl-tools) and rustup.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

triple=$(uname -m)-unknown-linux-musl
command -v musl-gcc >/dev/null || { echo "musl-gcc is needed: apt install musl-tools" >&2; exit 1; }
rustup target list --installed | grep --quiet --line-regexp "$triple" || rustup target add "$triple"
# SQLite and the TLS library are C: they are built for musl too.
export "CC_${triple//-/_}=musl-gcc"
cargo build --release --locked --target "$triple" "$@"
echo "${CARGO_TARGET_DIR:-target}/$triple/release/chatmirror"

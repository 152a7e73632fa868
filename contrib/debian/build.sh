#!/usr/bin/env bash
# Builds the Debian package with what the program itself makes: manual pages and completions.
# Needs cargo-deb (cargo install cargo-deb). Prints where the package is.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

target=${CARGO_TARGET_DIR:-target}
cargo build --release --locked --quiet
program=$target/release/chatmirror

made=target/package
rm -rf "$made"
mkdir -p "$made/man"
"$program" man --dir "$made/man"
gzip --best --no-name "$made"/man/*.1
"$program" completions bash >"$made/chatmirror.bash"
"$program" completions zsh >"$made/_chatmirror"
"$program" completions fish >"$made/chatmirror.fish"
cargo deb --no-build --quiet "$@"

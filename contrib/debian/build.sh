#!/usr/bin/env bash
# Builds the Debian package with what the program itself makes: manual pages and completions. Prints where the package is.
#
#   contrib/debian/build.sh [PROFILE] [OPTION OF CARGO-DEB…]
#
# PROFILE is cargo's: `release` if nothing is said; `dev` packages the program that the tests have built, in seconds, for trials.
# Needs cargo-deb (cargo install cargo-deb).
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

profile=release
if [[ ${1:-} =~ ^[a-z] ]]; then
    profile=$1
    shift
fi
target=${CARGO_TARGET_DIR:-target}
if [[ $profile = dev ]]; then
    cargo test --no-run --locked --quiet
else
    cargo build --profile "$profile" --locked --quiet
fi
program=$target/${profile/#dev/debug}/chatmirror

made=target/package
rm -rf "$made"
mkdir -p "$made/man"
"$program" man --dir "$made/man"
gzip --best --no-name "$made"/man/*.1
"$program" completions bash >"$made/chatmirror.bash"
"$program" completions zsh >"$made/_chatmirror"
"$program" completions fish >"$made/chatmirror.fish"
cargo deb --profile "$profile" --no-build --quiet "$@"

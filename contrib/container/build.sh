#!/usr/bin/env bash
# Builds the container's image, with podman, buildah or docker, whichever is there: nothing is fetched for it.
#
#   contrib/container/build.sh [PROGRAM]
#
# PROGRAM is a static chatmirror; without it, contrib/static/build.sh builds one.
set -euo pipefail
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")

program=${1:-$("$here/../static/build.sh" | tail -n 1)}
context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT
cp "$program" "$context/chatmirror"
cp /etc/ssl/certs/ca-certificates.crt "$context/"
mkdir "$context/data"
cp "$here/Containerfile" "$context/"
for engine in podman buildah docker; do
    if command -v "$engine" >/dev/null; then
        "$engine" build --tag chatmirror --file "$context/Containerfile" "$context"
        exit
    fi
done
echo "podman, buildah or docker is needed" >&2
exit 1

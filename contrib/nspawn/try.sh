#!/usr/bin/env bash
# Tries the package on a real systemd: boots a Debian root in a container, installs the package, mirrors a simulated
# account, and asserts what docs/operations.md promises. Ends with 0 if all of it holds.
#
#   contrib/nspawn/try.sh PACKAGE.deb [ROOT [tour]]
#
# `tour` goes the way of a new user instead, by the README, and tells how long it takes; it needs the network.
# Needs root, debootstrap and systemd-nspawn (Debian's packages debootstrap and systemd-container), and a Debian mirror. ROOT is
# where the bare Debian root is kept for the next time; without it, it is made anew. Where something of this is not to be had, it
# says so and ends with 77.
set -euo pipefail

package=$(realpath "${1:?which package? see the head of this file}")
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
for tool in systemd-nspawn debootstrap; do
    command -v "$tool" >/dev/null || { echo "not tried: $tool is not on this machine"; exit 77; }
done
[[ $(id -u) = 0 ]] || { echo "not tried: only root may boot a container"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
bare=${2:-$work/bare}
if [[ ! -e $bare/etc/debian_version ]]; then
    echo "making a Debian root"
    mkdir -p "$(dirname "$bare")"
    rm -rf "$bare.part"
    debootstrap --variant=minbase --include=systemd,systemd-sysv,dbus,sqlite3,ca-certificates bookworm "$bare.part" >"$work/made" 2>&1 ||
        { tail -n 5 "$work/made"; echo "not tried: no Debian root could be made"; exit 77; }
    mv "$bare.part" "$bare"
fi
root=$work/root
cp -a --reflink=auto "$bare" "$root"
mkdir -p "$root/try"
cp "$package" "$root/try/chatmirror.deb"
network=(--private-network)
boots=(first second)
if [[ ${3:-} = tour ]]; then
    # On this machine's network, with its certificates, and one boot.
    network=()
    boots=(only)
    cp "$here/tour.sh" "$root/try/inside.sh"
    cp --dereference /etc/resolv.conf "$root/etc/resolv.conf"
    cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/ca-certificates.crt"
    dpkg-deb --extract "$package" "$work/here"
    "$work/here/usr/bin/chatmirror" simulate --listen 127.0.0.1:0 --limit 180 --json >"$work/simulated" &
    simulator=$!
    trap 'kill "$simulator"; rm -rf "$work"' EXIT
    until [[ -s $work/simulated ]]; do sleep 0.1; done
    sed 's/.*"base_url":"\([^"]*\)".*/\1/' "$work/simulated" >"$root/try/base_url"
else
    cp "$here/inside.sh" "$root/try/inside.sh"
fi
cat >"$root/etc/systemd/system/try.service" <<'UNIT'
[Unit]
Description=Try chatmirror
After=multi-user.target

[Service]
Type=oneshot
ExecStart=/bin/bash /try/inside.sh
StandardOutput=append:/try/log
StandardError=append:/try/log

[Install]
WantedBy=default.target
UNIT
[[ ${3:-} = tour ]] || cat >"$root/etc/systemd/system/simulator.service" <<'UNIT'
[Unit]
Description=A simulated account
Before=chatmirror.service

[Service]
ExecStart=/usr/bin/chatmirror simulate --chats 60 --messages 900
UNIT
mkdir -p "$root/etc/systemd/system/default.target.wants"
ln -sf ../try.service "$root/etc/systemd/system/default.target.wants/try.service"

# Where a container cannot even begin, nothing can be tried.
systemd-nspawn --quiet --register=no --keep-unit "${network[@]}" --machine="chatmirror-$$" --directory="$root" /bin/true \
    </dev/null >"$work/console" 2>&1 ||
    { tail -n 5 "$work/console"; echo "not tried: this machine lets no container begin"; exit 77; }

# With a network of its own: only its loopback. The second boot finds what the first one left.
for boot in "${boots[@]}"; do
    timeout 300 systemd-nspawn --quiet --boot --register=no --keep-unit "${network[@]}" --console=pipe \
        --machine="chatmirror-$boot-$$" --directory="$root" </dev/null >"$work/console" 2>&1 || true
    [[ -e $root/try/rebooted ]] || break
done
cat "$root/try/log" 2>/dev/null || { echo "the container did not boot:"; tail -n 40 "$work/console"; exit 1; }
if [[ -e $root/try/passed ]]; then
    echo "all of it holds"
else
    echo "not all of it holds; the last words of the container:"
    tail -n 30 "$work/console"
    exit 1
fi

#!/usr/bin/env bash
# Runs inside the container: the way of a new user by the README's section "On a server", from the package to first rows in
# Datasette, timed. The account is simulated, outside; its address is in /try/base_url.
set -euo pipefail
# shellcheck disable=SC2154
trap 'code=$?; [[ $code = 0 ]] || echo "✘ $BASH_COMMAND ($code)"; systemctl --no-block poweroff' EXIT
export DEBIAN_FRONTEND=noninteractive HOME=/root
cd /try
ln -s chatmirror.deb chatmirror_0.1.0-1_amd64.deb

# step COMMAND…: shows what is typed, and when.
step() {
    printf '[%3d s] # %s\n' "$SECONDS" "$*" >&2
    "$@"
}

# rows: asks Datasette as a browser would.
rows() {
    python3 - <<'PYTHON'
import json, time, urllib.request
address = "http://127.0.0.1:8001/chatmirror/message_feed.json?_shape=array&_size=3&_sort_desc=created_at"
for _ in range(300):
    try:
        rows = json.load(urllib.request.urlopen(address))
        if rows:
            break
    except OSError:
        pass
    time.sleep(0.2)
else:
    raise SystemExit("no rows came")
for row in rows:
    print(row["created_at"], row["channel_type"], row["direction"], row["text"] or row["kind"])
PYTHON
}

SECONDS=0
step apt-get update --quiet=2
step apt-get install --yes --quiet=2 ./chatmirror_0.1.0-1_amd64.deb
export CHATMIRROR_TOKEN=simulated-token
step chatmirror init --systemd --base-url "$(cat /try/base_url)"
unset CHATMIRROR_TOKEN
step systemctl enable --quiet --now chatmirror
step chatmirror status
running=$SECONDS
step apt-get install --yes --quiet=2 --no-install-recommends pipx >/dev/null
step adduser --quiet --disabled-password --gecos "" analyst
step adduser --quiet analyst chatmirror
step runuser --login analyst --command "pipx install datasette"
step systemd-run --quiet --uid=analyst --setenv=HOME=/home/analyst /home/analyst/.local/bin/datasette serve \
    /var/lib/chatmirror/chatmirror.db --metadata /usr/share/chatmirror/datasette.json
rows
echo "the mirror runs after $running s; first rows in Datasette after $SECONDS s"
chatmirror status | head -n 6
touch /try/rebooted /try/passed

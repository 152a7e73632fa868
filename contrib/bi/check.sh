#!/usr/bin/env bash
# Opens a mirror with the tools analysts use, as a user who may only read the file, while the daemon writes it and after it has stopped.
# Ends with 0 if every client has read every table and view with the right types; says what was not tried, and why.
#
#   contrib/bi/check.sh [PROGRAM]
#
# PROGRAM is a built chatmirror (else target/debug/chatmirror). As root it installs what it needs from Debian, and runs the daemon and
# the clients as two users of their own; else it takes what is there. The Python packages go into target/bi.
set -euo pipefail
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
cd "$here/../.."

program=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/chatmirror}")
tools=$(realpath -m "${BI_TOOLS:-${CARGO_TARGET_DIR:-target}/bi}")
work=$(mktemp -d /tmp/chatmirror-bi-XXXXXX)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT

say() { printf '[%4d s] %s\n' "$SECONDS" "$*"; }
# await PID FILE: waits for the file to be there with something in it, for as long as the process lives.
await() {
    until [[ -s $2 ]]; do
        kill -0 "$1" || { echo "it has ended by itself" >&2; cat "$work"/*.err >&2; exit 1; }
        sleep 0.1
    done
}
not_tried() { echo "not tried: $*"; }

# As root, the daemon and the analyst are two users who share a group, as the packaged unit has it.
as_daemon=() as_analyst=()
if [[ $(id -u) = 0 ]] && command -v setpriv >/dev/null; then
    as_daemon=(setpriv --reuid 61001 --regid 61001 --clear-groups)
    as_analyst=(setpriv --reuid 61002 --regid 61001 --clear-groups)
    packages=()
    dpkg -s python3-venv >/dev/null 2>&1 || packages+=(python3-venv)
    command -v sqlite3 >/dev/null || packages+=(sqlite3)
    dpkg -s libsqliteodbc >/dev/null 2>&1 || packages+=(unixodbc libsqliteodbc)
    [[ -e /usr/share/java/sqlite-jdbc.jar ]] || packages+=(libxerial-sqlite-jdbc-java)
    command -v javac >/dev/null || packages+=(default-jdk-headless)
    if [[ ${#packages[@]} -gt 0 ]]; then
        say "install ${packages[*]}"
        { apt-get install --yes --no-install-recommends "${packages[@]}" ||
            { apt-get update && apt-get install --yes --no-install-recommends "${packages[@]}"; }; } >/dev/null 2>&1 ||
            not_tried "what needs ${packages[*]}: could not be installed"
    fi
else
    not_tried "another user than the daemon's: only root may become one"
fi

# The analyst has to be able to run what is installed.
if ! mkdir -p "$tools" || ! "${as_analyst[@]}" test -x "$tools"; then
    tools=$work/tools
fi
if ! cmp -s "$here/requirements.txt" "$tools/requirements.txt"; then
    say "install $(tr '\n' ' ' <"$here/requirements.txt")"
    python=/usr/bin/python3
    "$python" -c 'import ensurepip' 2>/dev/null || python=python3
    rm -rf "$tools/venv" && mkdir -p "$tools"
    if "$python" -m venv "$tools/venv" &&
        "$tools/venv/bin/pip" install --quiet --disable-pip-version-check -r "$here/requirements.txt"; then
        cp "$here/requirements.txt" "$tools/requirements.txt"
    else
        echo "not tried: any of it: the Python packages could not be installed"
        exit 0
    fi
fi

say "a simulated account, and its mirror"
chmod 755 "$work"
cp "$program" "$work/chatmirror"
"$work/chatmirror" simulate --listen 127.0.0.1:0 --chats 60 --messages 1500 --churn 600 --json >"$work/simulator" 2>"$work/simulator.err" &
pids+=($!)
await $! "$work/simulator"
told() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/" "$work/simulator"; }
CHATMIRROR_TOKEN=$(told token)
export CHATMIRROR_TOKEN
state=$work/state
mkdir "$state" && chmod 750 "$state"
mkdir "$work/analyst"
if [[ ${#as_daemon[@]} -gt 0 ]]; then
    chown 61001:61001 "$state"
    chown 61002:61001 "$work/analyst"
fi
mirror=$state/chatmirror.db
cat >"$work/config.toml" <<TOML
[source]
base_url = "$(told base_url)"
requests_per_minute = 0
[database]
path = "$mirror"
[schedule]
incremental = "* * * * * *"
TOML
# The unit's mask: what the daemon makes its group may read, and nobody else.
umask 0027
(cd "$state" && "${as_daemon[@]}" "$work/chatmirror" --config "$work/config.toml" sync --backfill --quiet)
(cd "$state" && exec "${as_daemon[@]}" "$work/chatmirror" --config "$work/config.toml" --quiet run 2>"$work/daemon.err") &
daemon=$!
pids+=("$daemon")
umask 0022
install -m 755 -d "$work/clients"
install -m 644 "$here"/*.py "$here"/*.java "$here/../datasette/metadata.json" "$work/clients"
chmod 644 "$work/config.toml"
if command -v javac >/dev/null && [[ -e /usr/share/java/sqlite-jdbc.jar ]]; then
    javac -d "$work/clients" "$work/clients/ReadMirror.java"
fi

clients() {
    (cd "$work/analyst" && HOME=$work/analyst PYTHONDONTWRITEBYTECODE=1 "${as_analyst[@]}" \
        "$tools/venv/bin/python" "$work/clients/clients.py" "$1" "$mirror" "$work/chatmirror" "$work/config.toml")
}

say "while the daemon writes"
await "$daemon" "$mirror-wal"
clients running
await "$daemon" "$mirror"

say "after it has stopped"
kill -TERM "$daemon"
wait "$daemon"
clients stopped

# Two of Datasette's pages as a browser draws them. BI_SCREENS=docs renews the pictures in the documentation.
screens() {
    local screens=${BI_SCREENS:-$work/screens} port address
    port=$("$tools/venv/bin/python" -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
    address=http://127.0.0.1:$port
    mkdir -p "$screens" "$work/sealed"
    "$work/chatmirror" --config "$work/config.toml" --quiet snapshot "$work/sealed/chatmirror.db"
    "$tools/venv/bin/datasette" serve --immutable "$work/sealed/chatmirror.db" --metadata "$here/../datasette/metadata.json" \
        --port "$port" >/dev/null 2>"$work/datasette.err" &
    local server=$!
    pids+=("$server")
    until "$tools/venv/bin/python" -c "import urllib.request; urllib.request.urlopen('$address/-/versions.json')" 2>/dev/null; do
        kill -0 "$server" || { cat "$work/datasette.err" >&2; exit 1; }
    done
    draw() {
        "$browser" --headless=new --no-sandbox --disable-gpu --hide-scrollbars --user-data-dir="$work/browser" \
            --window-size=1280,"$2" --virtual-time-budget=20000 "$3" "$address/$1" 2>/dev/null
    }
    draw "chatmirror/replies" 900 --screenshot="$screens/datasette.png"
    draw "-/dashboards/support" 1060 --screenshot="$screens/dashboard.png"
    # Three charts, each with something drawn in it.
    local drawn
    drawn=$(draw "-/dashboards/support" 1060 --dump-dom | grep -o 'class="marks"' | wc -l)
    [[ $drawn = 3 ]] || { echo "the dashboard draws $drawn charts, not 3" >&2; exit 1; }
}
if browser=$(command -v chromium || command -v chromium-browser || command -v google-chrome); then
    say "Datasette's pages, drawn by $browser"
    screens
else
    not_tried "the dashboard in a browser: there is no Chromium here"
fi
say "every client has read every table and view"

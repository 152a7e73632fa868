#!/usr/bin/env bash
# Runs inside the container, once a boot: what try.sh asserts. The first thing that does not hold ends it.
set -euo pipefail
# shellcheck disable=SC2154
trap 'code=$?; if [[ $code != 0 ]]; then echo "✘ line $BASH_LINENO: $BASH_COMMAND ($code)"; systemctl --no-pager --full status chatmirror; journalctl -u chatmirror --no-pager -n 20; fi; systemctl --no-block poweroff' EXIT

token=simulated-token
database=/var/lib/chatmirror/chatmirror.db

holds() {
    echo "✔ $1"
}

# within SECONDS COMMAND…: tries until it succeeds.
within() {
    local end=$((SECONDS + $1))
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS < end)) || { echo "waited in vain: $*"; return 1; }
        sleep 0.2
    done
}

# not COMMAND…: a bare `! command` would not end the script.
not() {
    if "$@"; then
        return 1
    fi
}

is() {
    [[ $(systemctl show --value --property="$1" chatmirror) = "$2" ]]
}

# fetch PATH: what the daemon's server answers, its status line first.
fetch() {
    exec 3<>/dev/tcp/127.0.0.1/9090
    printf 'GET %s HTTP/1.0\r\n\r\n' "$1" >&3
    cat <&3
    exec 3<&-
}

answers() {
    fetch "$1" >/try/answer
    grep -q "^HTTP/1.[01] $2" /try/answer
}

said() {
    journalctl --unit=chatmirror --no-pager --output=cat >/try/journal
    grep -q "$1" /try/journal
}

after_reboot() {
    within 60 is ActiveState active
    [[ $(sqlite3 -readonly "$database" "select count(*) from sync_runs where mode = 'backfill'") = 2 ]]
    within 60 answers /readyz 200
    holds "after a reboot the service is there by itself, goes on where it was, and is fresh"
    dpkg --purge chatmirror
    [[ -e $database && ! -e /etc/chatmirror/token && ! -e /etc/chatmirror/config.toml && ! -e /usr/bin/chatmirror ]]
    holds "purge asks nothing, takes configuration and token, and keeps the mirror"
    touch /try/passed
}

if [[ -e /try/rebooted ]]; then
    after_reboot
    exit 0
fi

export DEBIAN_FRONTEND=noninteractive
dpkg --install /try/chatmirror.deb
id chatmirror >/dev/null
[[ $(stat -c '%U:%G %a' /var/lib/chatmirror) = "chatmirror:chatmirror 750" ]]
not systemctl is-enabled --quiet chatmirror
holds "the package is installed; its user is there, and nothing runs yet"

systemctl start simulator
within 10 bash -c '</dev/tcp/127.0.0.1/8080'
CHATMIRROR_TOKEN=$token chatmirror init --systemd --base-url http://127.0.0.1:8080/v1
sed -i -e 's/^listen = ""/listen = "127.0.0.1:9090"/' -e 's/^incremental = .*/incremental = "*\/2 * * * * *"/' \
    -e 's/^requests_per_minute = .*/requests_per_minute = 0/' /etc/chatmirror/config.toml
[[ $(stat -c '%U %a' /etc/chatmirror/token) = "root 600" ]]
holds "init wrote the unit's configuration, and a token that only root reads"

systemctl stop simulator
systemctl enable --quiet chatmirror
systemctl start --no-block chatmirror
within 20 said "trying again"
is ActiveState activating
systemctl start simulator
within 60 is ActiveState active
holds "active only after READY, which waits for the source"

pid=$(systemctl show --value --property=MainPID chatmirror)
[[ -e /run/credentials/chatmirror.service/token ]]
not grep -q "$token" "/proc/$pid/environ"
[[ $(ps -o user= -p "$pid" 2>/dev/null || stat -c %U "/proc/$pid") = chatmirror ]]
holds "it runs as its user, with the token as a credential and in no environment"

within 60 answers /readyz 200
answers /healthz 200
fetch /metrics >/try/metrics
grep -q '^chatmirror_proven_ratio' /try/metrics
within 20 bash -c 'systemctl show --value --property=StatusText chatmirror | grep -q "complete through"'
systemctl --no-pager status chatmirror | sed -n 's/^ *Status: /  status: /p'
holds "alive, fresh, with numbers, and in words"

useradd --groups chatmirror analyst
useradd stranger
runuser -u analyst -- sqlite3 -readonly "$database" "select 'complete through ' || complete_through from freshness"
not runuser -u stranger -- sqlite3 -readonly "$database" "select 1 from chats" 2>/dev/null
holds "whoever is in the group reads the mirror while the daemon writes; nobody else does"

backfills() {
    [[ $(sqlite3 -readonly "$database" "select count(*) from sync_runs where mode = 'backfill' and status = 'complete'") = "$1" ]]
}
systemd-run --quiet --wait --pipe --property=User=chatmirror --property=LoadCredential=token:/etc/chatmirror/token \
    chatmirror --config /etc/chatmirror/config.toml sync --backfill
within 60 backfills 2
set +e
systemd-run --quiet --wait --pipe --property=User=chatmirror --property=LoadCredential=token:/etc/chatmirror/token \
    chatmirror --config /etc/chatmirror/config.toml sync
[[ $? = 75 ]] || exit 1
set -e
holds "a backfill by hand becomes the daemon's work while it holds the mirror; any other pass is refused (75)"

sed -i 's/^requests_per_minute = .*/requests_per_minute = 6000/' /etc/chatmirror/config.toml
systemctl reload chatmirror
within 10 said "the new configuration is in use"
sed -i 's/^requests_per_minute = .*/requests_per_minute = "many"/' /etc/chatmirror/config.toml
systemctl reload chatmirror || true
within 10 said "the new configuration is refused"
within 10 is ActiveState active
is MainPID "$pid"
# Without a pace: with one, a process that takes over from a killed one waits out a minute.
sed -i 's/^requests_per_minute = .*/requests_per_minute = 0/' /etc/chatmirror/config.toml
holds "reload takes up a good configuration and refuses a bad one, in the same process"

mkdir -p /run/systemd/system/chatmirror.service.d
printf '[Service]\nWatchdogSec=3s\nTimeoutAbortSec=2s\nRestartSec=1s\n' >/run/systemd/system/chatmirror.service.d/try.conf
systemctl daemon-reload
systemctl restart chatmirror
pid=$(systemctl show --value --property=MainPID chatmirror)
kill -STOP "$pid"
within 30 is NRestarts 1
within 30 is ActiveState active
not is MainPID "$pid"
holds "a process that stands still is ended by the watchdog and started again"

begun=$(date +%s%N)
systemctl stop chatmirror
took=$((($(date +%s%N) - begun) / 1000000))
((took < 5000))
is Result success
runuser -u analyst -- sqlite3 -readonly "$database" "select 'at rest: ' || count(*) || ' messages' from messages"
holds "stop takes $took ms"

systemctl start chatmirror
install -d -m 1777 /backup
runuser -u analyst -- sqlite3 -readonly "$database" "vacuum into '/backup/chatmirror.db'"
systemctl stop chatmirror
mkdir -p /backup/broken && mv /var/lib/chatmirror/chatmirror.db* /backup/broken/
install -o chatmirror -g chatmirror -m 640 /backup/chatmirror.db /var/lib/chatmirror/
env CREDENTIALS_DIRECTORY=/etc/chatmirror chatmirror check
runuser -u chatmirror -- chatmirror compact
systemctl start chatmirror
within 30 answers /readyz 200
systemctl stop chatmirror
holds "a copy taken while it ran takes the mirror's place; doctor and compact work as documented"

echo of-nobody >/etc/chatmirror/token
systemctl start chatmirror || true
within 20 is ActiveState failed
is ExecMainStatus 77
is NRestarts 0
echo "$token" >/etc/chatmirror/token
systemctl reset-failed chatmirror
systemctl start chatmirror
within 30 is ActiveState active
holds "a token that is refused is not tried again (77)"

not said "$token"
holds "the journal has $(wc -l </try/journal) lines, and none holds the token"

# The account must be there before the service is, as a real one would be.
systemctl enable --quiet simulator 2>/dev/null || ln -sf ../simulator.service /etc/systemd/system/multi-user.target.wants/
touch /try/rebooted

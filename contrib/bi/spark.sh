#!/usr/bin/env bash
# Three simulated accounts, their mirrors, one dataset, and Spark (local mode) over it: counts and sums have to be those of SQLite.
# Afterwards the accounts change, are exported again, and are compared again. Ends with 0 if all of it holds.
#
#   contrib/bi/spark.sh [PROGRAM]
#
# PROGRAM is a built chatmirror (else target/debug/chatmirror). Needs a Java runtime (Debian: default-jre-headless); pyspark is installed
# into target/bi/spark (470 MB). SPARK_MASTER names another master than local[2].
set -euo pipefail
here=$(realpath "$(dirname "${BASH_SOURCE[0]}")")
cd "$here/../.."

program=$(realpath "${1:-${CARGO_TARGET_DIR:-target}/debug/chatmirror}")
venv=${CARGO_TARGET_DIR:-target}/bi/spark
command -v java >/dev/null || { echo "not tried: Spark needs a Java runtime"; exit 77; }
if [[ ! -x $venv/bin/spark-submit ]]; then
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check pyspark==4.3.0
fi

work=$(mktemp -d)
pids=()
cleanup() {
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null || true; done
    rm -rf "$work"
}
trap cleanup EXIT

for account in 1 2 3; do
    "$program" simulate --listen 127.0.0.1:0 --seed "$account" --chats $((account * 60)) --messages $((account * 2000)) \
        --churn 600 --json >"$work/simulator-$account" 2>/dev/null &
    pids+=($!)
    until [[ -s $work/simulator-$account ]]; do kill -0 $! && sleep 0.1; done
    told() { sed -E "s/.*\"$1\":\"([^\"]*)\".*/\1/" "$work/simulator-$account"; }
    CHATMIRROR_TOKEN=$(told token)
    export CHATMIRROR_TOKEN
    cat >"$work/$account.toml" <<TOML
[source]
base_url = "$(told base_url)"
requests_per_minute = 0
[database]
path = "$work/$account.db"
TOML
done

mirrored() {
    for account in 1 2 3; do
        "$program" --config "$work/$account.toml" --quiet sync "$@" || [[ $? = 65 ]]
        "$program" --config "$work/$account.toml" export --format parquet --out "$work/dataset"
    done
}
compared() {
    "$venv/bin/python" -W ignore "$here/spark.py" "$work/dataset" "$work"/{1,2,3}.db 2>"$work/spark.err" ||
        { grep -v WARN "$work/spark.err"; exit 1; }
}

echo "the history"
mirrored --backfill
compared
echo "what has changed since"
mirrored
compared

"""Reads every table and view of a mirror with one client after another, and holds the types against the schema.

    clients.py running|stopped MIRROR PROGRAM CONFIG

The mirror is opened by its address, with mode=ro, and by its bare path, for many tools take no other.
"""

import asyncio
import datetime
import json
import shutil
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

PHASE, MIRROR, PROGRAM, CONFIG = sys.argv[1:]
RUNNING = PHASE == "running"
URI = f"file:{quote(MIRROR)}?mode=ro"
PATHS = [URI, MIRROR]
HERE = Path(__file__).parent
JDBC_JAR = "/usr/share/java/sqlite-jdbc.jar"


def objects():
    """Every table and view with its columns and their declared types."""
    connection = sqlite3.connect(URI, uri=True)
    names = connection.execute(
        """select name from sqlite_schema
           where type in ('table', 'view') and name not like 'sqlite_%'
               and name not like 'messages_fts%' and name not like '\\_%' escape '\\'
           order by name"""
    ).fetchall()
    found = {}
    for (name,) in names:
        columns = connection.execute(f"pragma table_info({name})").fetchall()
        rows = connection.execute(f"select count(*) from {name}").fetchone()[0]
        found[name] = ({column[1]: column[2].upper() for column in columns}, rows)
    connection.close()
    assert len(found) >= 25, found.keys()
    return found


OBJECTS = objects()
# What the mirror is for. Books such as `rejects` may be empty.
FULL = ["chats", "messages", "message_feed", "chat_overview", "replies", "daily_activity", "coverage"]


def counted(name, rows):
    """The mirror stands still once the daemon has stopped; before that it only has to have rows."""
    if RUNNING:
        assert rows > 0 or name not in FULL, name
    else:
        assert rows == OBJECTS[name][1], (name, rows, OBJECTS[name][1])


def shell():
    """The sqlite3 shell, which also may not write."""
    if not shutil.which("sqlite3"):
        return "sqlite3 is not on this machine"
    for name in OBJECTS:
        told = subprocess.run(["sqlite3", "-readonly", URI, f"select count(*) from (select * from {name})"],
                              capture_output=True, text=True, check=True)
        counted(name, int(told.stdout))
    written = subprocess.run(["sqlite3", URI, "delete from messages"], capture_output=True, text=True)
    assert written.returncode != 0 and "readonly" in written.stderr, written


def python():
    """Python's own module, the full-text index included."""
    connection = sqlite3.connect(URI, uri=True)
    for name, (columns, _) in OBJECTS.items():
        rows = connection.execute(f"select * from {name}").fetchall()
        counted(name, len(rows))
        for number, declared in enumerate(columns.values()):
            values = {row[number] for row in rows} - {None}
            if declared == "BOOLEAN":
                assert values <= {0, 1}, (name, number, values)
            if declared == "DATETIME":
                for value in values:
                    datetime.datetime.strptime(value, "%Y-%m-%d %H:%M:%S.%f")
    word = connection.execute("select substr(text, 1, 3) from searchable where length(text) > 10 limit 1").fetchone()[0]
    quoted = word.replace('"', '""')
    found = connection.execute("select count(*) from messages_fts where messages_fts match ?", [f'"{quoted}"']).fetchone()[0]
    assert found > 0, word
    connection.close()


def sqlalchemy():
    """Superset's way: reflection."""
    import sqlalchemy as sa

    engine = sa.create_engine(f"sqlite:///{URI}&uri=true")
    meta = sa.MetaData()
    with engine.connect() as connection:
        meta.reflect(connection, views=True, only=list(OBJECTS))
        for name, (columns, _) in OBJECTS.items():
            table = meta.tables[name]
            wanted = {"DATETIME": (sa.DATETIME, datetime.datetime), "BOOLEAN": (sa.BOOLEAN, bool), "JSON": (sa.JSON, object)}
            rows = connection.execute(sa.select(table)).fetchall()
            counted(name, len(rows))
            for number, (column, declared) in enumerate(columns.items()):
                if declared in wanted:
                    kind, python_type = wanted[declared]
                    assert isinstance(table.columns[column].type, kind), (name, column)
                    assert all(isinstance(row[number], python_type) for row in rows if row[number] is not None), (name, column)
        # The milliseconds are not taken for something else.
        raw = connection.execute(sa.text("select bound_at from source_account")).scalar()
        typed = connection.execute(sa.select(meta.tables["source_account"].c.bound_at)).scalar()
        assert typed == datetime.datetime.strptime(raw, "%Y-%m-%d %H:%M:%S.%f"), (raw, typed)
    engine.dispose()


def pandas():
    """A data frame a table, times as times."""
    import pandas as pd

    connection = sqlite3.connect(URI, uri=True)
    for name, (columns, _) in OBJECTS.items():
        times = [column for column, declared in columns.items() if declared == "DATETIME"]
        frame = pd.read_sql_query(f"select * from {name}", connection, parse_dates=times)
        counted(name, len(frame))
        for column in times:
            known = frame[column].dropna()
            assert known.empty or pd.api.types.is_datetime64_any_dtype(known), (name, column, known.dtype)
    connection.close()


def datasette():
    """Datasette, with the metadata that is shipped, and its facets."""
    from datasette.app import Datasette

    metadata = json.loads((HERE / "metadata.json").read_text())
    served = Datasette([MIRROR], metadata=metadata, settings={"num_sql_threads": 1, "sql_time_limit_ms": 20000})
    database = Path(MIRROR).stem
    described = metadata["databases"][database]["tables"]
    assert set(described) <= set(OBJECTS), set(described) - set(OBJECTS)

    async def look():
        await served.invoke_startup()
        for name in OBJECTS:
            answer = await served.client.get(f"/{database}/{name}.json?_shape=objects&_size=5")
            assert answer.status_code == 200, (name, answer.text)
            assert answer.json()["rows"] or name not in FULL, name
        for name, about in described.items():
            page = await served.client.get(f"/{database}/{name}")
            assert page.status_code == 200, (name, page.text)
            for facet in about.get("facets", []):
                assert f'data-column="{facet}"' in page.text or f"facet-{facet}" in page.text, (name, facet)
        for name, query in metadata["databases"][database]["queries"].items():
            answer = await served.client.get(f"/{database}/{name}.json?_shape=objects")
            assert answer.status_code == 200 and answer.json()["rows"], (name, answer.text)

    asyncio.run(look())


def odbc():
    """The way of Excel and Power BI."""
    import pyodbc

    if "SQLite3" not in pyodbc.drivers():
        return "libsqliteodbc is not on this machine"
    for database in PATHS:
        odbc_tables(pyodbc.connect(f"Driver=SQLite3;Database={database};Timeout=10000", autocommit=True))


def odbc_tables(connection):
    wanted = {"DATETIME": datetime.datetime, "BOOLEAN": bool, "INTEGER": int}
    for name, (columns, _) in OBJECTS.items():
        rows = connection.execute(f"select * from {name}").fetchall()
        counted(name, len(rows))
        for number, declared in enumerate(columns.values()):
            kind = wanted.get(declared, object)
            assert all(isinstance(row[number], kind) for row in rows if row[number] is not None), (name, number, declared)
    connection.close()


def jdbc():
    """The way of Metabase, DBeaver and Tableau."""
    if not shutil.which("java") or not Path(JDBC_JAR).exists() or not (HERE / "ReadMirror.class").exists():
        return "a JDK or libxerial-sqlite-jdbc-java is not on this machine"
    for database in PATHS:
        told = subprocess.run(["java", "-Djava.io.tmpdir=.", "-cp", f"{HERE}:{JDBC_JAR}", "ReadMirror", f"jdbc:sqlite:{database}", *OBJECTS],
                              capture_output=True, text=True)
        assert told.returncode == 0, (database, told.stderr)
        for line in told.stdout.splitlines():
            name, rows = line.split()
            counted(name, int(rows))
        assert len(told.stdout.splitlines()) == len(OBJECTS)


def exported():
    """The export, made by this user, for what reads Parquet."""
    # Whoever reads a mirror under way reads one moment of it; what is written later is not held against it.
    subprocess.run([PROGRAM, "--config", CONFIG, "--quiet", "export", "--format", "parquet", "--out", f"parquet-{PHASE}"], check=True)


def parquet_tables():
    for directory in sorted(Path(f"parquet-{PHASE}").glob("account=*/table=*")):
        yield directory.name.removeprefix("table="), f"{directory}/month=*/*.parquet"


def duckdb():
    """DuckDB over the Parquet files."""
    import duckdb as db

    wanted = {"DATETIME": "TIMESTAMP WITH TIME ZONE", "BOOLEAN": "BOOLEAN", "INTEGER": "BIGINT", "TEXT": "VARCHAR", "JSON": "VARCHAR"}
    for name, files in parquet_tables():
        read = db.sql(f"select * from read_parquet('{files}', hive_partitioning = true)")
        types = dict(zip(read.columns, map(str, read.types)))
        for column, declared in OBJECTS[name][0].items():
            assert types[column] == wanted[declared], (name, column, types[column])
        counted(name, len(read.fetchall()))


def polars():
    """Polars over the Parquet files."""
    import polars as pl

    wanted = {"DATETIME": pl.Datetime("ms", "UTC"), "BOOLEAN": pl.Boolean, "INTEGER": pl.Int64, "TEXT": pl.String, "JSON": pl.String}
    for name, files in parquet_tables():
        frame = pl.scan_parquet(files, hive_partitioning=True).collect()
        for column, declared in OBJECTS[name][0].items():
            assert frame.schema[column] == wanted[declared], (name, column, frame.schema[column])
        counted(name, frame.height)


def last_change():
    connection = sqlite3.connect(URI, uri=True)
    last = connection.execute("select coalesce(max(seq), 0) from changes").fetchone()[0]
    connection.close()
    return last


begun_at = last_change()
failed = False
for client in [shell, python, sqlalchemy, pandas, datasette, odbc, jdbc, exported, duckdb, polars]:
    begun = time.monotonic()
    about = client.__doc__.split("\n")[0]
    try:
        skipped = client()
    except Exception as error:  # noqa: BLE001: every client is tried, whatever becomes of the one before
        failed = True
        print(f"  FAILED     {client.__name__}: {about} {type(error).__name__}: {str(error)[:2000]}", flush=True)
        continue
    if skipped:
        print(f"  not tried: {client.__name__}: {skipped}", flush=True)
    else:
        print(f"  ok         {client.__name__}: {about} ({time.monotonic() - begun:.1f} s)", flush=True)
patience = time.monotonic() + 60
while RUNNING and last_change() == begun_at:
    assert time.monotonic() < patience, "the daemon has written nothing meanwhile"
    time.sleep(0.1)
sys.exit(failed)

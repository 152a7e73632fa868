"""Inserts the rows of a finished mirror into a new file with the same schema: a bare loop in C, one statement a table,
one transaction. Prints the seconds that the inserting took.

usage: insert.py MIRROR
"""

import sqlite3
import sys
import tempfile
import time

# Parents before children.
TABLES = [
    "channels", "contacts", "chats", "gates", "messages", "attachments", "chat_sync", "changes",
]

source = sqlite3.connect(f"file:{sys.argv[1]}?mode=ro", uri=True)
schema = [sql for (sql,) in source.execute(
    "select sql from sqlite_schema where sql is not null and name not like 'sqlite%' order by type desc")]
rows = {table: source.execute(f"select * from {table}").fetchall() for table in TABLES}

with tempfile.TemporaryDirectory() as directory:
    target = sqlite3.connect(f"{directory}/bare.db", isolation_level=None)
    target.execute("pragma journal_mode = wal")
    target.execute("pragma synchronous = normal")
    target.execute("pragma foreign_keys = on")
    for statement in schema:
        try:
            target.execute(statement)
        except sqlite3.OperationalError:
            pass  # A view or a virtual table that this library does not know.
    begun = time.perf_counter()
    target.execute("begin immediate")
    for table in TABLES:
        if rows[table]:
            marks = ", ".join("?" * len(rows[table][0]))
            target.executemany(f"insert into {table} values ({marks})", rows[table])
    target.execute("commit")
    print(time.perf_counter() - begun)

"""Compares what Spark counts and sums over a dataset of exports with what SQLite does over the mirrors.

    spark.py DATASET MIRROR...
"""

import os
import sqlite3
import sys

from pyspark.sql import SparkSession

DATASET, *MIRRORS = sys.argv[1:]

# The same questions of both: by account, so that no row may be counted for another.
QUESTIONS = {
    "messages by month and direction": (
        "messages",
        "substr({created_at}, 1, 7) as month, direction, count(*), count(deleted_at), sum(id), sum(length(text)), min({created_at}), max({created_at})",
        "1, direction",
    ),
    "internal messages": ("messages", "internal, count(*)", "internal"),
    "chats by state": ("chats", "state, count(*), sum(id), count(deleted_at)", "state"),
    "gates": ("gates", "count(*), sum(chat_id), sum(id), sum(unread_messages)", None),
    "attachments by kind": ("attachments", "kind, count(*), sum(message_id), sum(position)", "kind"),
    "contacts": ("contacts", "count(*), count(phone), sum(id)", None),
    "channels": ("channels", "count(*), sum(id)", None),
}


def text(value):
    return None if value is None else str(value).lower()


def spark_session():
    builder = SparkSession.builder.appName("chatmirror").master(os.environ.get("SPARK_MASTER", "local[2]"))
    builder = builder.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "4")
    return builder.config("spark.sql.session.timeZone", "UTC").getOrCreate()


def by_spark(spark):
    answers = {}
    for table in {table for table, _, _ in QUESTIONS.values()}:
        files = f"{DATASET}/account=*/table={table}"
        spark.read.option("basePath", DATASET).parquet(files).createOrReplaceTempView(table)
    for name, (table, columns, group) in QUESTIONS.items():
        columns = columns.format(created_at="date_format(created_at, 'yyyy-MM-dd HH:mm:ss.SSS')")
        # The column `1` of the question is the second here.
        group = ", ".join(["account", *([group.replace("1,", "2,")] if group else [])])
        rows = spark.sql(f"select account, {columns} from {table} group by {group}").collect()
        answers[name] = sorted((tuple(text(value) for value in row) for row in rows), key=str)
    return answers


def by_sqlite():
    answers = {name: [] for name in QUESTIONS}
    for mirror in MIRRORS:
        connection = sqlite3.connect(f"file:{mirror}?mode=ro", uri=True)
        kind, account = connection.execute("select kind, account_id from source_account").fetchone()
        for name, (table, columns, group) in QUESTIONS.items():
            grouped = f"group by {group}" if group else ""
            for row in connection.execute(f"select {columns.format(created_at='created_at')} from {table} {grouped}"):
                if name == "internal messages":
                    row = ({None: None, 0: False, 1: True}[row[0]], row[1])
                answers[name].append((f"{kind}-{account}", *(text(value) for value in row)))
        connection.close()
    return {name: sorted(rows, key=str) for name, rows in answers.items()}


spark = spark_session()
spark.sparkContext.setLogLevel("ERROR")
spark_says, sqlite_says = by_spark(spark), by_sqlite()
wrong = 0
for name in QUESTIONS:
    accounts = {row[0] for row in sqlite_says[name]}
    assert len(accounts) == len(MIRRORS), (name, accounts)
    if spark_says[name] == sqlite_says[name]:
        print(f"  equal      {name}: {len(spark_says[name])} rows of {len(accounts)} accounts")
    else:
        wrong += 1
        print(f"  DIFFERENT  {name}:")
        for row in sorted(set(spark_says[name]) ^ set(sqlite_says[name]), key=str)[:6]:
            print(f"    {'spark ' if row in spark_says[name] else 'sqlite'} {row}")
total = spark.sql("select count(*), count(distinct account), sum(length(text)) from messages").first()
print(f"  all        {total[0]} messages of {total[1]} accounts, {total[2]} letters")
spark.stop()
sys.exit(wrong > 0)

"""A backfill of the same account with dlt into SQLite, as its documents advise: resources and transformers, parallelized.
Prints the seconds that extracting, normalising and loading took.

usage: dlt_backfill.py BASE_URL TOKEN DIRECTORY
needs: pip install "dlt[sqlalchemy]"
"""

import os
import sys
import time

os.environ["RUNTIME__DLTHUB_TELEMETRY"] = "false"
os.environ["RUNTIME__LOG_LEVEL"] = "CRITICAL"
os.environ["EXTRACT__WORKERS"] = "20"
os.environ["EXTRACT__MAX_PARALLEL_ITEMS"] = "40"

import dlt
from dlt.sources.helpers import requests

base_url, token, directory = sys.argv[1:4]
headers = {"Authorization": f"Bearer {token}"}


def pages(path):
    page = 1
    while True:
        answer = requests.get(f"{base_url}/{path}", headers=headers, params={"page": page, "limitation": 20})
        body = answer.json()
        yield body["collection"]
        if page >= body["cursor"]["pages"]:
            return
        page += 1


@dlt.resource(primary_key="id", write_disposition="merge", max_table_nesting=0)
def chats():
    yield from pages("chats")


@dlt.transformer(data_from=chats, primary_key="id", write_disposition="merge", parallelized=True, max_table_nesting=0)
def messages(listed):
    for chat in listed:
        for page in pages(f"chats/{chat['id']}/messages"):
            yield [{**message, "chat_id": chat["id"]} for message in page]


@dlt.source
def account():
    return chats, messages


begun = time.perf_counter()
pipeline = dlt.pipeline(
    pipeline_name="chats",
    pipelines_dir=f"{directory}/dlt",
    destination=dlt.destinations.sqlalchemy(f"sqlite:///{directory}/dlt.db"),
    dataset_name="mirror",
)
pipeline.run(account())
took = time.perf_counter() - begun
print(pipeline.last_trace.last_normalize_info.row_counts, file=sys.stderr)
print(took)

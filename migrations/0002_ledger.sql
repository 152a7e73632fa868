-- The ledger: what was done, what is covered, what is owed, and what the mirror has learned of its source.

create table source_account (
    -- The one row that says whose account this file mirrors; another account's token is refused.
    only integer primary key not null check (only = 1),
    kind text not null,
    account_id text not null,
    name text,
    time_zone text,
    -- Whether system messages are mirrored: it changes what a page holds, so it is fixed at the first run.
    activities boolean not null,
    bound_at datetime not null
);

create table source_traits (
    -- One row a thing learned of the source at run time, with its evidence: the order of its lists, its skew, its lock.
    name text primary key not null,
    value json not null check (json_valid(value)),
    learned_at datetime not null
) without rowid;

create table sync_runs (
    -- One row a pass, or a time in which events were taken in.
    id integer primary key not null,
    -- `backfill` reads everything, `incremental` the news, `reconcile` all lists; `events` were pushed, or replayed.
    mode text not null check (mode in ('backfill', 'incremental', 'reconcile', 'events')),
    -- When it began, by this machine's clock.
    started_at datetime not null,
    -- When it ended; null while it runs.
    finished_at datetime,
    -- `partial`: something is still owed; `failed`: it gave up, see `error`; `cut short`: its process ended before it.
    status text not null check (status in ('running', 'complete', 'partial', 'failed', 'cut short')),
    -- What it asked of the source.
    requests integer not null default 0,
    -- Rows that it added, changed, and marked as gone.
    rows_inserted integer not null default 0,
    rows_updated integer not null default 0,
    rows_deleted integer not null default 0,
    -- Items that it could not read.
    rejects integer not null default 0,
    -- Chats that were re-read although nothing was owed.
    audited_chats integer not null default 0,
    -- Rows of theirs that had changed silently.
    audit_findings integer not null default 0,
    -- Why it failed.
    error text
);

create table checkpoints (
    -- One row a stream (`chats`, `chats?state=open`, ...), written in the transaction of the rows it covers.
    -- `watermark`: everything that had changed by then has been seen; `walk`: the position of a walk under way.
    stream text primary key not null,
    watermark datetime,
    walk json check (walk is null or json_valid(walk)),
    saved_at datetime not null
) without rowid;

create table chat_sync (
    -- One row a chat: what is covered, what is owed. It is covered if its list at `claimed_at` (the server's clock)
    -- is wholly stored: `expected_count` is the source's number then, `stored_count` the mirror's.
    -- `owed` says why it must be read (again); until then it is known to be whole through `covered_through`.
    chat_id integer primary key not null references chats (id),
    -- `new`: never read; `changed`: its time of change moved; `unsettled`: read in the very second of its change; `count`: the source has
    -- another number of messages; `unexplained`: no message read tells of its change; `moved`: a message of it turned up in another chat;
    -- `reject`: an item of it could not be read; `vanished`: the source does not list it any more. `missing` (messages are gone from its
    -- list, a second look decides), `doubted` (much is missing, as from other chats at the same time: for a day it is looked at again before
    -- that is called deleted) and `reread` (somebody asked) hold nothing back.
    owed text check (owed in ('new', 'changed', 'unsettled', 'count', 'unexplained', 'moved', 'reject', 'vanished', 'missing', 'doubted', 'reread')),
    -- Whether only reading every page settles it.
    whole boolean not null default 0 check (whole in (0, 1)),
    -- Not to be read before this moment of the source's clock.
    due_at datetime,
    -- While something is owed: through when the chat is known to be whole.
    covered_through datetime,
    -- The source's clock when its list stood as it is stored.
    claimed_at datetime,
    -- How many messages the source had then.
    expected_count integer,
    -- How many of them are stored.
    stored_count integer,
    -- When the two were last found equal.
    proven_at datetime,
    -- When every one of its pages was last read: what changes silently is found by reading again.
    read_at datetime,
    -- When it was last found to have lost much of what it held; how many have lately decides whether that is believed.
    lost_at datetime,
    -- Where a reading of all pages stands that has not come to its end.
    walk json check (walk is null or json_valid(walk)),
    -- Passes in a row that could not read it.
    failures integer not null default 0,
    -- What went wrong the last time.
    last_error text
);

create index chat_sync_owed on chat_sync (owed, covered_through) where owed is not null;
create index chat_sync_read on chat_sync (read_at) where owed is null;
create index chat_sync_lost on chat_sync (lost_at) where lost_at is not null;

create table walk_unmet (
    -- One row a stored chat or message that the whole walk under way has not met yet; what is left at its end is missing.
    stream text not null,
    id integer not null,
    primary key (stream, id)
) without rowid;

create table rejects (
    -- One row an item that could not be read: as it came, where from, and why.
    id integer primary key not null,
    stream text not null,
    chat_id integer,
    item_id integer,
    raw text not null,
    why text not null,
    times_seen integer not null default 1,
    first_seen_at datetime not null,
    last_seen_at datetime not null,
    resolved_at datetime,
    unique (stream, raw)
);

create table changes (
    -- One row a change of a mirrored row, in that row's own transaction. `before` holds the former values of what changed.
    seq integer primary key autoincrement not null,
    at datetime not null,
    -- The pass; its row may be gone when it is old.
    run_id integer not null,
    table_name text not null,
    -- The row's key; of two parts, both with a slash between.
    row_id text not null,
    op text not null check (op in ('insert', 'update', 'delete', 'undelete')),
    before json check (before is null or json_valid(before))
);

-- Inserts have nothing before them: without them the index stays small during a backfill.
create index changes_by_row on changes (table_name, row_id, seq) where op <> 'insert';
create index changes_by_run on changes (run_id) where op <> 'insert';

create table schema_drift (
    -- One row a path and JSON type that the source sends and no column is meant for. `count` says how often it was met on pages that
    -- had changed; `example` shows one value, of texts, lists and objects only the size.
    path text not null,
    json_type text not null,
    first_seen_at datetime not null,
    last_seen_at datetime not null,
    count integer not null,
    example text,
    primary key (path, json_type)
) without rowid;

-- What the mirror says of itself.

create view freshness as
    -- One row: through when the mirror is complete, and what holds that moment back.
    with head as (
        select max(watermark) as watermark from checkpoints where stream = 'chats'
    ),
    debts as (
        select chat_id, owed, covered_through
        from chat_sync
        where owed in ('new', 'changed', 'unsettled', 'count', 'unexplained', 'moved', 'reject', 'vanished')
            and (covered_through is null or covered_through < (select watermark from head))
    ),
    proven as (
        select min(moment) as moment
        from (
            select watermark as moment from head
            union all
            select covered_through from debts
        )
        where (select watermark from head) is not null
            and not exists (select 1 from debts where covered_through is null)
    )
    select
        (select moment from proven) as complete_through,
        (select cast(round((julianday('now') - julianday(moment)) * 86400) as integer) from proven) as lag_seconds,
        (select watermark from head) as lists_seen_through,
        (select count(*) from debts) as owed_chats,
        (select chat_id from debts order by covered_through nulls first, chat_id limit 1) as held_by_chat,
        (select owed from debts order by covered_through nulls first, chat_id limit 1) as held_because,
        (select max(finished_at) from sync_runs where mode = 'backfill' and status = 'complete') as last_backfill_at,
        (select max(finished_at) from sync_runs where mode = 'incremental' and status = 'complete') as last_incremental_at,
        (select max(finished_at) from sync_runs where mode = 'reconcile' and status = 'complete') as last_reconcile_at,
        (select count(*) from rejects where resolved_at is null) as rejects;

create view coverage as
    -- One row a chat: what is stored of it, what the source said there is, and when that was proven.
    select
        chats.id as chat_id,
        chats.name,
        chats.state,
        chats.updated_at,
        chats.deleted_at,
        chat_sync.stored_count as stored,
        chat_sync.expected_count as expected,
        chat_sync.claimed_at,
        chat_sync.proven_at,
        chat_sync.owed,
        chat_sync.due_at,
        chat_sync.covered_through,
        chat_sync.failures,
        chat_sync.last_error
    from chats
    left join chat_sync on chat_sync.chat_id = chats.id;

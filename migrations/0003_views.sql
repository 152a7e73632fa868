-- What the mirror says of itself, and of the account, in one place each.

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
    )
    select
        case
            when exists (select 1 from debts where covered_through is null) then null
            else (
                select min(moment)
                from (
                    select watermark as moment from head
                    union all
                    select covered_through from debts
                )
                where (select watermark from head) is not null
            )
        end as complete_through,
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

create view chat_overview as
    -- One row a chat: whom it is with, how much was said, and when last.
    select
        chats.id as chat_id,
        chats.name as chat_name,
        chats.state,
        chats.contact_id,
        (
            select group_concat(distinct channels.type)
            from gates
            join channels on channels.id = gates.channel_id
            where gates.chat_id = chats.id and gates.removed_at is null
        ) as channels,
        count(messages.id) as messages,
        count(messages.id) filter (where messages.direction = 'inbound') as inbound,
        count(messages.id) filter (where messages.direction = 'outbound') as outbound,
        min(messages.created_at) as first_message_at,
        max(messages.created_at) as last_message_at,
        chats.created_at,
        chats.updated_at,
        chats.deleted_at
    from chats
    left join messages on messages.chat_id = chats.id and messages.deleted_at is null
    group by chats.id;

create view message_feed as
    -- One flat row a message, with names where the tables have ids.
    select
        messages.id as message_id,
        messages.created_at,
        messages.chat_id,
        chats.name as chat_name,
        channels.type as channel_type,
        channels.name as channel_name,
        messages.direction,
        messages.kind,
        messages.sender_type,
        messages.sender_name,
        messages.text,
        (select count(*) from attachments where attachments.message_id = messages.id) as attachments,
        messages.internal,
        messages.state,
        messages.delivered_at,
        messages.seen_at,
        messages.edited_at,
        messages.deleted_at
    from messages
    join chats on chats.id = messages.chat_id
    left join channels on channels.id = messages.channel_id;

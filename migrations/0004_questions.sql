-- What support leads ask. Some answers would take long on ten million messages: for these, small tables are kept up to date in
-- the transaction that writes the messages.

create table report_settings (
    -- The one row that says how days are counted and whether messages can be searched; the program keeps it as its configuration says.
    only integer primary key not null check (only = 1),
    -- The zone in which a day begins and ends, such as `Europe/Kyiv`.
    time_zone text not null,
    -- When somebody is at the desk, such as `09:00-18:00`; empty if no hours are set.
    business_hours text not null,
    -- On which days, such as `mon,tue`.
    business_days text not null,
    -- Whether the full-text index is kept.
    search boolean not null check (search in (0, 1))
);

insert into report_settings (only, time_zone, business_hours, business_days, search) values (1, 'UTC', '', '', 1);

create table report_offsets (
    -- One row a span in which the report zone keeps its offset from UTC: summer and winter time. It begins with `starts_at`, in UTC.
    starts_at datetime primary key not null,
    -- The first moment after it.
    ends_at datetime not null,
    -- What is added to UTC, in minutes.
    minutes integer not null
) without rowid;

insert into report_offsets (starts_at, ends_at, minutes) values ('0001-01-01 00:00:00.000', '9999-12-31 23:59:59.999', 0);

create table report_days (
    -- One row a working day in the report zone: when the desk opens and closes, in UTC. Empty if no business hours are set.
    opens_at datetime primary key not null,
    -- When it closes.
    closes_at datetime not null,
    -- Seconds of business on all days before.
    worked_before integer not null
) without rowid;

create view conversation as
    -- One row a message that the contact and the desk said to each other, by `author`: `contact`, `human` or `bot`. Left out: what was
    -- deleted, notes among operators, system messages, and what has no time or no direction.
    select
        id as message_id,
        chat_id,
        created_at,
        channel_id,
        direction,
        case
            when direction = 'inbound' then 'contact'
            when operator_id is not null or sender_type in ('operator', 'user') then 'human'
            else 'bot'
        end as author,
        case
            when direction = 'outbound' and (operator_id is not null or sender_type in ('operator', 'user'))
            then coalesce(sender_name, 'operator ' || operator_id, 'nameless')
        end as operator
    from messages
    where deleted_at is null
        and created_at is not null
        and direction is not null
        and internal is not 1
        and kind is not 'action'
        and sender_type is not 'system';

create table turns (
    -- One row a turn: what the contact asked in one go, and what the desk said to it before the contact wrote again. Read it as the view `replies`.
    chat_id integer not null references chats (id),
    -- When the contact wrote the first of the messages.
    asked_at datetime not null,
    -- That message.
    asked_id integer not null,
    -- The day of it in the report zone.
    day text not null,
    -- The channel it came through.
    channel_id integer,
    -- How many messages the contact wrote before the answer.
    asked_messages integer not null,
    -- When the first answer was written, by whomever.
    answered_at datetime,
    -- That answer.
    answered_id integer,
    -- By whom: `human` or `bot`.
    answered_by text check (answered_by in ('human', 'bot')),
    -- Seconds from the question to it.
    answered_after integer,
    -- When the first answer by a human was written.
    human_at datetime,
    -- That answer.
    human_id integer,
    -- The day of it in the report zone.
    human_day text,
    -- Seconds from the question to it.
    human_after integer,
    -- Who wrote it.
    operator text,
    primary key (chat_id, asked_at, asked_id)
) without rowid;

-- Wide enough for what is mostly asked of turns, so that the turns themselves need not be read.
create index turns_by_day on turns (day, channel_id, answered_by, answered_after, human_after);
create index turns_by_operator on turns (human_day, operator, human_after) where human_day is not null;
create index turns_unanswered on turns (asked_at) where answered_id is null;

create table chat_totals (
    -- One row a chat that has or had messages: how many there are now. Read it as the view `chat_overview`.
    chat_id integer primary key not null references chats (id),
    -- All that are not deleted.
    messages integer not null,
    -- Of the conversation, the contact's.
    inbound integer not null,
    -- Of the conversation, the desk's.
    outbound integer not null,
    -- The time of the first that is not deleted.
    first_message_at datetime,
    -- The time of the last.
    last_message_at datetime
);

create table daily_counts (
    -- One row a day in the report zone, channel (0: not known), author and operator (empty: none): how many messages.
    -- Read it as the views `daily_activity`, `channel_activity` and `operator_activity`.
    day text not null,
    channel_id integer not null,
    author text not null,
    operator text not null,
    messages integer not null,
    primary key (day, channel_id, author, operator)
) without rowid;

create view chat_overview as
    -- One row a chat: whom it is with, how much was said, when last, and since when the contact has been waiting.
    -- `messages` counts all that are not deleted; `inbound` and `outbound` only what the two said to each other.
    select
        chats.id as chat_id,
        coalesce(chats.name, contacts.name) as chat_name,
        chats.state,
        chats.contact_id,
        contacts.name as contact_name,
        contacts.phone as contact_phone,
        contacts.email as contact_email,
        (
            select group_concat(distinct channels.type)
            from gates
            join channels on channels.id = gates.channel_id
            where gates.chat_id = chats.id and gates.removed_at is null
        ) as channels,
        coalesce(chat_totals.messages, 0) as messages,
        coalesce(chat_totals.inbound, 0) as inbound,
        coalesce(chat_totals.outbound, 0) as outbound,
        chat_totals.first_message_at,
        chat_totals.last_message_at,
        (
            select turns.asked_at
            from turns
            where turns.chat_id = chats.id and turns.answered_id is null
            order by turns.asked_at desc
            limit 1
        ) as waiting_since,
        chats.created_at,
        chats.updated_at,
        chats.deleted_at
    from chats
    left join contacts on contacts.id = chats.contact_id
    left join chat_totals on chat_totals.chat_id = chats.id;

create view message_feed as
    -- One flat row a message, with names where the tables have ids; deleted ones too. `local_at` is in the report zone.
    -- Names are asked for one by one: what a question does not name is not looked up.
    select
        messages.id as message_id,
        messages.created_at,
        (
            select strftime('%Y-%m-%d %H:%M:%f', messages.created_at, minutes || ' minutes')
            from report_offsets
            where starts_at <= messages.created_at
            order by starts_at desc
            limit 1
        ) as local_at,
        messages.chat_id,
        (
            select coalesce(chats.name, (select contacts.name from contacts where contacts.id = chats.contact_id))
            from chats
            where chats.id = messages.chat_id
        ) as chat_name,
        (select type from channels where channels.id = messages.channel_id) as channel_type,
        (select name from channels where channels.id = messages.channel_id) as channel_name,
        messages.direction,
        messages.kind,
        messages.sender_type,
        coalesce(
            messages.sender_name,
            (select operators.name from operators where operators.id = messages.operator_id),
            case
                when messages.sender_type = 'client'
                then (
                    select contacts.name
                    from chats
                    join contacts on contacts.id = chats.contact_id
                    where chats.id = messages.chat_id
                )
            end
        ) as sender_name,
        messages.text,
        (select count(*) from attachments where attachments.message_id = messages.id) as attachments,
        messages.internal,
        messages.state,
        messages.delivered_at,
        messages.seen_at,
        messages.edited_at,
        messages.missing_since,
        messages.deleted_at
    from messages;

create view replies as
    -- One row a turn: the contact's first unanswered message, the first answer, by whom and after how many seconds; the first answer by a
    -- human beside it. `business_seconds` count only while the desk was open; they are null if no business hours are set.
    -- `is_first`: the chat's first turn.
    select
        turns.chat_id,
        (
            select coalesce(chats.name, (select contacts.name from contacts where contacts.id = chats.contact_id))
            from chats
            where chats.id = turns.chat_id
        ) as chat_name,
        turns.channel_id,
        (select type from channels where channels.id = turns.channel_id) as channel_type,
        turns.day,
        not exists (
            select 1
            from turns as earlier
            where earlier.chat_id = turns.chat_id
                and (earlier.asked_at, earlier.asked_id) < (turns.asked_at, turns.asked_id)
        ) as is_first,
        turns.asked_at,
        turns.asked_id as asked_message_id,
        turns.asked_messages,
        turns.answered_at,
        turns.answered_id as answered_message_id,
        turns.answered_by,
        turns.answered_after as seconds,
        (
            select worked_before + strftime('%s', min(closes_at, turns.answered_at)) - strftime('%s', opens_at)
            from report_days
            where opens_at <= turns.answered_at
            order by opens_at desc
            limit 1
        ) - (
            select worked_before + strftime('%s', min(closes_at, turns.asked_at)) - strftime('%s', opens_at)
            from report_days
            where opens_at <= turns.asked_at
            order by opens_at desc
            limit 1
        ) as business_seconds,
        turns.human_at,
        turns.human_id as human_message_id,
        coalesce(
            (
                select operators.name
                from operators
                where operators.id = case when turns.operator glob 'operator [0-9]*' then cast(substr(turns.operator, 10) as integer) end
            ),
            turns.operator
        ) as operator,
        turns.human_after as human_seconds,
        (
            select worked_before + strftime('%s', min(closes_at, turns.human_at)) - strftime('%s', opens_at)
            from report_days
            where opens_at <= turns.human_at
            order by opens_at desc
            limit 1
        ) - (
            select worked_before + strftime('%s', min(closes_at, turns.asked_at)) - strftime('%s', opens_at)
            from report_days
            where opens_at <= turns.asked_at
            order by opens_at desc
            limit 1
        ) as human_business_seconds
    from turns;

create view unanswered_chats as
    -- One row an open chat in which the contact had the last word: since when, how many messages, and the last words.
    select
        turns.chat_id,
        coalesce(chats.name, (select contacts.name from contacts where contacts.id = chats.contact_id)) as chat_name,
        chats.contact_id,
        channels.type as channel_type,
        turns.asked_at as waiting_since,
        turns.asked_id as first_message_id,
        turns.asked_messages as unanswered_messages,
        (
            select coalesce(messages.text, messages.kind)
            from messages
            where messages.chat_id = turns.chat_id
                and messages.direction = 'inbound'
                and messages.deleted_at is null
                and messages.created_at >= turns.asked_at
            order by messages.created_at desc, messages.id desc
            limit 1
        ) as last_words
    from turns
    join chats on chats.id = turns.chat_id
    left join channels on channels.id = turns.channel_id
    where turns.answered_id is null and chats.state is not 'closed' and chats.deleted_at is null;

create view daily_activity as
    -- One row a day in the report zone, channel and direction: messages that the contact and the desk said to each other, and how many of
    -- the desk's were by a human and by a bot.
    select
        daily_counts.day,
        nullif(daily_counts.channel_id, 0) as channel_id,
        channels.type as channel_type,
        channels.name as channel_name,
        iif(daily_counts.author = 'contact', 'inbound', 'outbound') as direction,
        sum(daily_counts.messages) as messages,
        sum(iif(daily_counts.author = 'human', daily_counts.messages, 0)) as by_human,
        sum(iif(daily_counts.author = 'bot', daily_counts.messages, 0)) as by_bot
    from daily_counts
    left join channels on channels.id = daily_counts.channel_id
    where daily_counts.messages <> 0
    group by daily_counts.day, daily_counts.channel_id, daily_counts.author = 'contact';

create view channel_activity as
    -- One row a channel: its chats, its messages by author, and the days of the first and the last of them.
    select
        channels.id as channel_id,
        channels.type as channel_type,
        channels.name as channel_name,
        (select count(*) from gates where gates.channel_id = channels.id and gates.removed_at is null) as chats,
        coalesce(sum(daily_counts.messages), 0) as messages,
        coalesce(sum(iif(daily_counts.author = 'contact', daily_counts.messages, 0)), 0) as inbound,
        coalesce(sum(iif(daily_counts.author = 'human', daily_counts.messages, 0)), 0) as by_human,
        coalesce(sum(iif(daily_counts.author = 'bot', daily_counts.messages, 0)), 0) as by_bot,
        min(daily_counts.day) as first_day,
        max(daily_counts.day) as last_day,
        channels.deleted_at
    from channels
    left join daily_counts on daily_counts.channel_id = channels.id and daily_counts.messages <> 0
    group by channels.id;

create view operator_activity as
    -- One row a day in the report zone and operator: messages written that day, how many of them were the first answer of a human to a
    -- question, and how long the contact had waited for these, in seconds.
    select
        daily_counts.day,
        coalesce(
            (
                select operators.name
                from operators
                where operators.id = case when daily_counts.operator glob 'operator [0-9]*' then cast(substr(daily_counts.operator, 10) as integer) end
            ),
            daily_counts.operator
        ) as operator,
        sum(daily_counts.messages) as messages,
        (
            select count(*)
            from turns
            where turns.human_day = daily_counts.day and turns.operator = daily_counts.operator
        ) as answers,
        (
            select round(avg(turns.human_after))
            from turns
            where turns.human_day = daily_counts.day and turns.operator = daily_counts.operator
        ) as average_seconds,
        (
            select max(turns.human_after)
            from turns
            where turns.human_day = daily_counts.day and turns.operator = daily_counts.operator
        ) as longest_seconds
    from daily_counts
    where daily_counts.author = 'human' and daily_counts.messages <> 0
    group by daily_counts.day, daily_counts.operator;

create view searchable as
    -- One row a message that can be found, as the index `messages_fts` reads it: letters that people type one for the other are one here,
    -- and `digits` is the text without what stands between the figures of a telephone number. Deleted messages are left out.
    select
        message_id,
        text,
        case
            when text glob '*[0-9]*[0-9]*[0-9]*[0-9]*'
            then replace(replace(replace(replace(replace(replace(replace(
                text, ' ', ''), '-', ''), '(', ''), ')', ''), '.', ''), '/', ''), char(160), '')
        end as digits
    from (
        select
            id as message_id,
            replace(replace(replace(replace(replace(replace(replace(replace(
                text, 'ё', 'е'), 'Ё', 'Е'), 'і', 'i'), 'І', 'I'), 'ґ', 'г'), 'Ґ', 'Г'), '’', ''''), 'ʼ', '''') as text
        from messages
        where text is not null and deleted_at is null
    );

-- The full-text index: any three characters in a row find a message, in capitals or not. It keeps no second copy of the texts.
create virtual table messages_fts using fts5 (
    text, digits, content = 'searchable', content_rowid = 'message_id', tokenize = 'trigram'
);

-- Its parts are merged sixteen at a time and not four: a backfill writes a quarter less, and a search reads a few parts more.
insert into messages_fts (messages_fts, rank) values ('automerge', 16);

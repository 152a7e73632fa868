-- The mirror itself: what the account holds, one table a thing.
--
-- Times are UTC text, `YYYY-MM-DD HH:MM:SS.SSS`; null means that the source has not said.
-- `extra` holds whatever the source sent that has no column, so a row with its `extra` is the whole object.

create table channels (
    -- One row a messenger account of the company's: a bot, a page, a number.
    id integer primary key not null,
    type text,
    name text,
    title text,
    active boolean check (active in (0, 1)),
    occupied boolean check (occupied in (0, 1)),
    referrer integer,
    link text,
    app text,
    project_id integer,
    created_at datetime check (created_at is strftime('%Y-%m-%d %H:%M:%f', created_at)),
    updated_at datetime check (updated_at is strftime('%Y-%m-%d %H:%M:%f', updated_at)),
    deleted_at datetime check (deleted_at is strftime('%Y-%m-%d %H:%M:%f', deleted_at)),
    extra json not null default '{}' check (json_valid(extra))
);

create table contacts (
    -- One row a person on the other side. On Smart Sender `id` is the messenger's contact
    -- and `original_id` the one that the platform's contact pages take.
    id integer primary key not null,
    original_id integer,
    name text,
    phone text,
    email text,
    project_id integer,
    created_at datetime check (created_at is strftime('%Y-%m-%d %H:%M:%f', created_at)),
    updated_at datetime check (updated_at is strftime('%Y-%m-%d %H:%M:%f', updated_at)),
    deleted_at datetime check (deleted_at is strftime('%Y-%m-%d %H:%M:%f', deleted_at)),
    extra json not null default '{}' check (json_valid(extra))
);

create table chats (
    -- One row a conversation. `missing_since`: when the source stopped listing it;
    -- `deleted_at`: when it was certain that it is gone.
    id integer primary key not null,
    contact_id integer references contacts (id),
    name text,
    image_url text,
    state text check (state in ('open', 'closed')),
    project_id integer,
    created_at datetime check (created_at is strftime('%Y-%m-%d %H:%M:%f', created_at)),
    updated_at datetime not null check (updated_at is strftime('%Y-%m-%d %H:%M:%f', updated_at)),
    missing_since datetime check (missing_since is strftime('%Y-%m-%d %H:%M:%f', missing_since)),
    deleted_at datetime check (deleted_at is strftime('%Y-%m-%d %H:%M:%f', deleted_at)),
    extra json not null default '{}' check (json_valid(extra))
);

create index chats_by_contact on chats (contact_id);
create index chats_by_update on chats (updated_at);

create table gates (
    -- One row a way into a chat through a channel. The source lets one gate id stand in two chats.
    -- `removed_at`: when the chat no longer listed it.
    chat_id integer not null references chats (id),
    id integer not null,
    channel_id integer references channels (id),
    subscribed boolean check (subscribed in (0, 1)),
    unread_messages integer,
    removed_at datetime check (removed_at is strftime('%Y-%m-%d %H:%M:%f', removed_at)),
    extra json not null default '{}' check (json_valid(extra)),
    primary key (chat_id, id)
) without rowid;

create index gates_by_channel on gates (channel_id);

create table messages (
    -- One row a message, under the chat whose list it stands in. `content` is the source's content object, whole;
    -- `text` is what a person would read in it. `missing_since`: when the source stopped listing it;
    -- `deleted_at`: when it was deleted, by the source's word or for certain gone.
    id integer primary key not null,
    chat_id integer not null references chats (id),
    gate_id integer,
    channel_id integer references channels (id),
    direction text check (direction in ('inbound', 'outbound')),
    kind text,
    text text,
    sender_type text,
    sender_name text,
    sender_image_url text,
    operator_id integer,
    internal boolean check (internal in (0, 1)),
    state text,
    state_message text,
    created_at datetime check (created_at is strftime('%Y-%m-%d %H:%M:%f', created_at)),
    delivered_at datetime check (delivered_at is strftime('%Y-%m-%d %H:%M:%f', delivered_at)),
    seen_at datetime check (seen_at is strftime('%Y-%m-%d %H:%M:%f', seen_at)),
    edited_at datetime check (edited_at is strftime('%Y-%m-%d %H:%M:%f', edited_at)),
    missing_since datetime check (missing_since is strftime('%Y-%m-%d %H:%M:%f', missing_since)),
    deleted_at datetime check (deleted_at is strftime('%Y-%m-%d %H:%M:%f', deleted_at)),
    content json not null check (json_valid(content)),
    extra json not null default '{}' check (json_valid(extra))
);

-- The third column lets the exact count of a chat's listed messages be read from the index alone.
create index messages_by_chat on messages (chat_id, created_at, missing_since);
create index messages_by_time on messages (created_at);
create index messages_by_channel on messages (channel_id);

create table attachments (
    -- One row a file, picture or recording in a message, `position` counted from 0.
    message_id integer not null references messages (id),
    position integer not null,
    kind text,
    url text,
    caption text,
    file_id text,
    extra json not null default '{}' check (json_valid(extra)),
    primary key (message_id, position)
) without rowid;

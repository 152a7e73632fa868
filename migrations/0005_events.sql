-- What a platform that pushes events has beside chats and messages, and how deliveries become rows.

create table projects (
    -- One row a project: a part of an account with channels and contacts of its own.
    id integer primary key not null,
    name text,
    slug text,
    description text,
    state text,
    created_at datetime check (created_at is strftime('%Y-%m-%d %H:%M:%f', created_at)),
    updated_at datetime check (updated_at is strftime('%Y-%m-%d %H:%M:%f', updated_at)),
    archived_at datetime check (archived_at is strftime('%Y-%m-%d %H:%M:%f', archived_at)),
    deleted_at datetime check (deleted_at is strftime('%Y-%m-%d %H:%M:%f', deleted_at)),
    extra json not null default '{}' check (json_valid(extra))
);

create table operators (
    -- One row a person, or a program, that answers for the company.
    id integer primary key not null,
    type text,
    name text,
    email text,
    login text,
    position text,
    department text,
    avatar_id text,
    active boolean check (active in (0, 1)),
    online boolean check (online in (0, 1)),
    deleted boolean check (deleted in (0, 1)),
    created_at datetime check (created_at is strftime('%Y-%m-%d %H:%M:%f', created_at)),
    updated_at datetime check (updated_at is strftime('%Y-%m-%d %H:%M:%f', updated_at)),
    last_seen_at datetime check (last_seen_at is strftime('%Y-%m-%d %H:%M:%f', last_seen_at)),
    extra json not null default '{}' check (json_valid(extra))
);

create table files (
    -- One row a file that was sent. `attachments.file_id` says in which message.
    id text primary key not null,
    type text,
    name text,
    content_type text,
    size integer,
    image_width integer,
    image_height integer,
    path text,
    owner text,
    owner_contact_id integer references contacts (id),
    contact_id integer references contacts (id),
    operator_id integer references operators (id),
    created_at datetime check (created_at is strftime('%Y-%m-%d %H:%M:%f', created_at)),
    extra json not null default '{}' check (json_valid(extra))
) without rowid;

create index attachments_by_file on attachments (file_id) where file_id is not null;

create table tickets (
    -- One row a request of a contact's, from its opening to its closing. A chat lives on and may get another.
    id integer primary key not null,
    chat_id integer not null references chats (id),
    closed_at datetime check (closed_at is strftime('%Y-%m-%d %H:%M:%f', closed_at)),
    closing_event_id integer,
    extra json not null default '{}' check (json_valid(extra))
);

create index tickets_by_chat on tickets (chat_id);

create table events (
    -- One row a thing that happened, as the platform told it. Rows are added and never removed.
    id integer primary key not null,
    type text,
    chat_id integer references chats (id),
    message_id integer,
    actor text,
    contact_id integer references contacts (id),
    operator_id integer references operators (id),
    ticket_id integer,
    chat_state text check (chat_state in ('open', 'closed')),
    created_at datetime check (created_at is strftime('%Y-%m-%d %H:%M:%f', created_at)),
    extra json not null default '{}' check (json_valid(extra))
);

create index events_by_chat on events (chat_id, id);
create index events_of_state on events (chat_id, id) where chat_state is not null;
create index events_by_ticket on events (ticket_id, id) where ticket_id is not null;

create table deliveries (
    -- One row a body that was delivered, as it came. Kept for as long as `receiver.keep_days` says.
    id integer primary key autoincrement not null,
    received_at datetime not null,
    -- When what it says was in the tables.
    applied_at datetime,
    -- The event it carries; of several the last.
    event_id integer,
    body text not null
);

create index deliveries_by_time on deliveries (received_at);

create table object_versions (
    -- One row an object that deliveries have shown: which version of it supplied which value. The mirrored row follows from it, and so
    -- does not depend on the order in which deliveries come.
    object text not null,
    id text not null,
    versions json not null check (json_valid(versions)),
    primary key (object, id)
) without rowid;

//! The platform's objects: which of their keys have a column, and what must be in it to fit.

use crate::model::Thing;

/// What a column takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fit {
    /// A text that is not empty: the platform writes none as an empty one.
    Text,
    /// A whole number above 0: the platform writes none as 0.
    Id,
    /// A whole number.
    Number,
    /// True or false.
    Flag,
    /// Milliseconds since 1970; 0 is none.
    Time,
}

/// A key, its column, and what fits.
pub(super) type Column = (&'static str, &'static str, Fit);

/// An object of the platform's.
#[derive(Debug)]
pub(super) struct Shape {
    /// The list in `Rels` that holds such objects.
    pub list: &'static str,
    pub thing: Thing,
    /// The key that says which of two is the newer; none: nothing says it.
    pub version: Option<&'static str>,
    pub columns: &'static [Column],
    /// Columns that are filled from an object in it, by that object's key.
    pub parts: &'static [(&'static str, &'static [Column])],
    /// Keys that name other objects.
    pub names: &'static [(&'static str, Thing)],
    /// Keys that are known and have no column.
    pub expected: &'static [&'static str],
}

pub(super) const SHAPES: [&Shape; 7] = [
    &PROJECT, &CHANNEL, &OPERATOR, &CLIENT, &CHAT, &MESSAGE, &FILE,
];

static PROJECT: Shape = Shape {
    list: "Projects",
    thing: Thing::Project,
    version: Some("UpdatedAt"),
    columns: &[
        ("Name", "name", Fit::Text),
        ("Slug", "slug", Fit::Text),
        ("Description", "description", Fit::Text),
        ("State", "state", Fit::Text),
        ("CreatedAt", "created_at", Fit::Time),
        ("UpdatedAt", "updated_at", Fit::Time),
        ("ArchivedAt", "archived_at", Fit::Time),
        ("DeletedAt", "deleted_at", Fit::Time),
    ],
    parts: &[],
    names: &[],
    expected: &[
        "TotalTickets",
        "TotalOpenTickets",
        "TotalAssignedTickets",
        "RestoredAt",
        "Options",
        "Permissions",
    ],
};

pub(super) static CHANNEL: Shape = Shape {
    list: "Channels",
    thing: Thing::Channel,
    version: Some("UpdatedAt"),
    columns: &[
        ("ProjectId", "project_id", Fit::Id),
        ("Type", "type", Fit::Text),
        ("Name", "name", Fit::Text),
        ("Title", "title", Fit::Text),
        ("CreatedAt", "created_at", Fit::Time),
        ("UpdatedAt", "updated_at", Fit::Time),
    ],
    parts: &[("IQChat", &[])],
    names: &[("ProjectId", Thing::Project)],
    expected: &[
        "Description",
        "Deleted",
        "TotalClients",
        "TotalTickets",
        "TotalOpenTickets",
        "IQChat",
    ],
};

static OPERATOR: Shape = Shape {
    list: "Users",
    thing: Thing::Operator,
    version: Some("UpdatedAt"),
    columns: &[
        ("Type", "type", Fit::Text),
        ("Name", "name", Fit::Text),
        ("Email", "email", Fit::Text),
        ("Login", "login", Fit::Text),
        ("Position", "position", Fit::Text),
        ("Department", "department", Fit::Text),
        ("AvatarId", "avatar_id", Fit::Text),
        ("Active", "active", Fit::Flag),
        ("Online", "online", Fit::Flag),
        ("Deleted", "deleted", Fit::Flag),
        ("CreatedAt", "created_at", Fit::Time),
        ("UpdatedAt", "updated_at", Fit::Time),
        ("LastSeenAt", "last_seen_at", Fit::Time),
    ],
    parts: &[],
    names: &[],
    expected: &[
        "RoleId",
        "TotalAssignedTickets",
        "LastActiveAt",
        "LastMessageAt",
        "AssignedAt",
        "DisplayName",
        "Permissions",
    ],
};

static CLIENT: Shape = Shape {
    list: "Clients",
    thing: Thing::Contact,
    version: Some("UpdatedAt"),
    columns: &[
        ("ProjectId", "project_id", Fit::Id),
        ("Name", "name", Fit::Text),
        ("CreatedAt", "created_at", Fit::Time),
        ("UpdatedAt", "updated_at", Fit::Time),
    ],
    parts: &[(
        "Details",
        &[
            ("Cellphone", "phone", Fit::Text),
            ("Email", "email", Fit::Text),
        ],
    )],
    names: &[
        ("ProjectId", Thing::Project),
        ("ParentId", Thing::Contact),
        ("ChannelId", Thing::Channel),
    ],
    expected: &[
        "ParentId",
        "Type",
        "ShortName",
        "Online",
        "CRMId",
        "CRMClientId",
        "ChannelId",
        "TelegramId",
        "FacebookId",
        "InfobipId",
        "VKId",
        "TotalTickets",
        "TotalOpenTickets",
        "SeenAt",
        "MessagedAt",
        "Details",
    ],
};

pub(super) static CHAT: Shape = Shape {
    list: "Chats",
    thing: Thing::Chat,
    version: Some("ChangedAt"),
    columns: &[
        ("ProjectId", "project_id", Fit::Id),
        ("ClientId", "contact_id", Fit::Id),
        ("ChannelId", "gate/channel_id", Fit::Id),
        ("CreatedAt", "created_at", Fit::Time),
        ("ChangedAt", "updated_at", Fit::Time),
    ],
    parts: &[],
    names: &[
        ("ProjectId", Thing::Project),
        ("ClientId", Thing::Contact),
        ("ChannelId", Thing::Channel),
    ],
    expected: &["TicketId", "EventId", "ClientUnread"],
};

pub(super) static MESSAGE: Shape = Shape {
    list: "ChatMessages",
    thing: Thing::Message,
    version: None,
    columns: &[
        ("ChatId", "chat_id", Fit::Id),
        ("UserId", "operator_id", Fit::Id),
        ("Author", "sender_type", Fit::Text),
        ("CreatedAt", "created_at", Fit::Time),
        ("ReceivedAt", "delivered_at", Fit::Time),
        ("ReadAt", "seen_at", Fit::Time),
    ],
    parts: &[],
    names: &[
        ("ChatId", Thing::Chat),
        ("ClientId", Thing::Contact),
        ("UserId", Thing::Operator),
        ("FileId", Thing::File),
    ],
    expected: &["LocalId", "EventId", "TicketMessageId", "ClientId"],
};

static FILE: Shape = Shape {
    list: "Files",
    thing: Thing::File,
    version: None,
    columns: &[
        ("Type", "type", Fit::Text),
        ("Name", "name", Fit::Text),
        ("ContentType", "content_type", Fit::Text),
        ("Size", "size", Fit::Number),
        ("ImageWidth", "image_width", Fit::Number),
        ("ImageHeight", "image_height", Fit::Number),
        ("Path", "path", Fit::Text),
        ("Owner", "owner", Fit::Text),
        ("OwnerClientId", "owner_contact_id", Fit::Id),
        ("ClientId", "contact_id", Fit::Id),
        ("UserId", "operator_id", Fit::Id),
        ("CreatedAt", "created_at", Fit::Time),
    ],
    parts: &[],
    names: &[
        ("OwnerClientId", Thing::Contact),
        ("ClientId", Thing::Contact),
        ("UserId", Thing::Operator),
    ],
    expected: &[],
};

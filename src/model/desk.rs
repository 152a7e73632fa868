//! The rows of platforms that tell of operators, projects, tickets and files, and of what happened: what was not said is `None`.

use serde::{Deserialize, Serialize};

use super::{ChatState, Json};
use crate::clock::Timestamp;

/// A part of an account with channels and contacts of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Project {
    /// The platform's id.
    pub id: i64,
    /// Its name.
    pub name: Option<String>,
    /// Its name in addresses.
    pub slug: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// The platform's word for whether it is in use.
    pub state: Option<String>,
    /// When it was set up.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// When it was put aside.
    pub archived_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
    /// Every value that has no column, as an object.
    pub extra: Json,
}

/// A person, or a program, that answers for the company.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The platform's id.
    pub id: i64,
    /// The platform's word for what it is, such as `user`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Name.
    pub name: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// The name it signs in with.
    pub login: Option<String>,
    /// What it is in the company.
    pub position: Option<String>,
    /// Where it belongs in the company.
    pub department: Option<String>,
    /// The platform's id of its picture.
    pub avatar_id: Option<String>,
    /// Whether it may sign in.
    pub active: Option<bool>,
    /// Whether it was there when it was last shown.
    pub online: Option<bool>,
    /// Whether it was deleted.
    pub deleted: Option<bool>,
    /// When it was set up.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// When it was last there.
    pub last_seen_at: Option<Timestamp>,
    /// Every value that has no column, as an object.
    pub extra: Json,
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct File {
    /// The platform's id.
    pub id: String,
    /// What it is, in the platform's word, such as `image`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its name as it was sent.
    pub name: Option<String>,
    /// Its media type.
    pub content_type: Option<String>,
    /// Its size in bytes.
    pub size: Option<i64>,
    /// Width in pixels.
    pub image_width: Option<i64>,
    /// Height in pixels.
    pub image_height: Option<i64>,
    /// Where the platform keeps it.
    pub path: Option<String>,
    /// The platform's word for whose it is.
    pub owner: Option<String>,
    /// The contact whose it is.
    pub owner_contact_id: Option<i64>,
    /// The contact who sent it.
    pub contact_id: Option<i64>,
    /// The operator who sent it.
    pub operator_id: Option<i64>,
    /// When it was sent.
    pub created_at: Option<Timestamp>,
    /// Every value that has no column, as an object.
    pub extra: Json,
}

/// A request of a contact's, from its opening to its closing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ticket {
    /// The platform's id.
    pub id: i64,
    /// The chat it was made in.
    pub chat_id: i64,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// The event that closed it.
    pub closing_event_id: Option<i64>,
}

/// A thing that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Event {
    /// The platform's id: one sequence for the whole server.
    pub id: i64,
    /// What happened, in the platform's word.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// The chat it happened in.
    pub chat_id: Option<i64>,
    /// The message it is about.
    pub message_id: Option<i64>,
    /// Who acted, in the platform's word.
    pub actor: Option<String>,
    /// The contact it is about.
    pub contact_id: Option<i64>,
    /// The operator it is about.
    pub operator_id: Option<i64>,
    /// The ticket it has closed.
    pub ticket_id: Option<i64>,
    /// The state that it left its chat in.
    pub chat_state: Option<ChatState>,
    /// When it happened.
    pub created_at: Option<Timestamp>,
    /// Every value that has no column, as an object.
    pub extra: Json,
}

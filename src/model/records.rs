//! The rows of the mirror as a source gives them: what it has not said is `None`.

use serde::{Deserialize, Serialize};

use super::{Json, Listed};
use crate::clock::Timestamp;

/// Whose data a token opens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The account's id on its platform, as text.
    pub id: String,
    /// Its name, for people.
    pub name: Option<String>,
    /// The time zone it has chosen, such as `Europe/Kyiv`.
    pub time_zone: Option<String>,
}

/// A conversation with one contact.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    /// The platform's id.
    pub id: i64,
    /// Whom it is with.
    pub contact_id: Option<i64>,
    /// Its title.
    pub name: Option<String>,
    /// Its picture.
    pub image_url: Option<String>,
    /// The project it belongs to, on platforms that have several in an account.
    pub project_id: Option<i64>,
    /// When it began.
    pub created_at: Option<Timestamp>,
    /// When it last changed, by the platform's own rules.
    pub updated_at: Timestamp,
    /// Every value that has no column, as an object.
    pub extra: Json,
}

/// Whether a conversation is going on. It is told by the list that a chat stands in, not by the chat.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatState {
    /// Somebody is expected to answer.
    Open,
    /// Done with, until it is reopened.
    Closed,
}

/// A person on the other side.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The platform's id (of the messenger service's contact, on Smart Sender).
    pub id: i64,
    /// The id that the platform's contact pages take.
    pub original_id: Option<i64>,
    /// Name.
    pub name: Option<String>,
    /// Telephone.
    pub phone: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// The project it belongs to.
    pub project_id: Option<i64>,
    /// When it was first seen by the platform.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// Every value that has no column, as an object.
    pub extra: Json,
}

/// A messenger account of the company's: a bot, a page, a number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Channel {
    /// The platform's id.
    pub id: i64,
    /// The messenger, such as `telegram`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Its name in that messenger.
    pub name: Option<String>,
    /// Its title for people.
    pub title: Option<String>,
    /// Whether it is switched on.
    pub active: Option<bool>,
    /// Whether it is taken.
    pub occupied: Option<bool>,
    /// The number of referrers, as the platform counts them.
    pub referrer: Option<i64>,
    /// Its address on the web.
    pub link: Option<String>,
    /// Its address for the messenger's own program.
    pub app: Option<String>,
    /// The project it belongs to.
    pub project_id: Option<i64>,
    /// When it was set up.
    pub created_at: Option<Timestamp>,
    /// When it last changed.
    pub updated_at: Option<Timestamp>,
    /// Every value that has no column, as an object.
    pub extra: Json,
}

impl Channel {
    /// A channel of which nothing is known but that it exists.
    #[must_use]
    pub fn bare(id: i64) -> Self {
        Self {
            id,
            kind: None,
            name: None,
            title: None,
            active: None,
            occupied: None,
            referrer: None,
            link: None,
            app: None,
            project_id: None,
            created_at: None,
            updated_at: None,
            extra: Json::empty_object(),
        }
    }
}

/// A contact's way into a chat through one channel. The same gate id may stand in two chats.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Gate {
    /// The chat it leads to.
    pub chat_id: i64,
    /// The platform's id.
    pub id: i64,
    /// The channel it goes through.
    pub channel_id: Option<i64>,
    /// Whether the contact takes messages there.
    pub subscribed: Option<bool>,
    /// How many of the contact's messages nobody has read.
    pub unread_messages: Option<i64>,
    /// Every value that has no column, as an object.
    pub extra: Json,
}

/// A chat as a list shows it, with all that hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedChat {
    /// The chat.
    pub chat: Chat,
    /// Whom it is with.
    pub contact: Option<Contact>,
    /// All its gates.
    pub gates: Vec<Gate>,
    /// The channels of those gates.
    pub channels: Vec<Channel>,
}

impl Listed for ListedChat {
    fn id(&self) -> i64 {
        self.chat.id
    }

    fn moment(&self) -> Option<Timestamp> {
        Some(self.chat.updated_at)
    }
}

/// Which way a message went, seen from the company.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Direction {
    /// From the contact.
    Inbound,
    /// From an operator, a bot or the platform.
    Outbound,
}

/// One message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The platform's id.
    pub id: i64,
    /// The chat whose list it stands in.
    pub chat_id: i64,
    /// The gate it went through.
    pub gate_id: Option<i64>,
    /// The channel it went through.
    pub channel_id: Option<i64>,
    /// Which way it went.
    pub direction: Option<Direction>,
    /// The platform's content type, such as `picture`; of a deleted message, what it was.
    pub kind: Option<String>,
    /// What a person would read in it: its words, a caption, a place, a telephone.
    pub text: Option<String>,
    /// The platform's word for who sent it.
    pub sender_type: Option<String>,
    /// The sender's name as shown.
    pub sender_name: Option<String>,
    /// The sender's picture, as the platform gives it (it may be a relative path).
    pub sender_image_url: Option<String>,
    /// The operator who wrote it, where the platform tells.
    pub operator_id: Option<i64>,
    /// Whether only operators see it.
    pub internal: Option<bool>,
    /// The platform's word for how delivery went.
    pub state: Option<String>,
    /// What the messenger said of it.
    pub state_message: Option<String>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// When it reached the messenger.
    pub delivered_at: Option<Timestamp>,
    /// When it was read.
    pub seen_at: Option<Timestamp>,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted, by the source's word; or when it was certain that it is gone.
    pub deleted_at: Option<Timestamp>,
    /// The platform's content object, whole.
    pub content: Json,
    /// Every other value that has no column, as an object.
    pub extra: Json,
}

impl Message {
    /// Every moment that it tells of.
    pub fn moments(&self) -> impl Iterator<Item = Timestamp> {
        let moments = [
            self.created_at,
            self.delivered_at,
            self.seen_at,
            self.edited_at,
            self.deleted_at,
        ];
        moments.into_iter().flatten()
    }
}

/// A file, picture or recording in a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Attachment {
    /// The message it hangs on.
    pub message_id: i64,
    /// Its place in the message, from 0.
    pub position: i64,
    /// What it is, in the platform's word, such as `picture`.
    pub kind: Option<String>,
    /// Where it can be had.
    pub url: Option<String>,
    /// The words under it.
    pub caption: Option<String>,
    /// The platform's id of the file, where it has one.
    pub file_id: Option<String>,
    /// Every value that has no column, as an object.
    pub extra: Json,
}

/// A message as a list shows it, with all that hangs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedMessage {
    /// The message.
    pub message: Message,
    /// What hangs on it, in order.
    pub attachments: Vec<Attachment>,
    /// The gate it went through, as the message shows it: news only if the chat does not list that gate any more.
    pub gate: Option<Gate>,
    /// The channel of that gate.
    pub channel: Option<Channel>,
}

impl Listed for ListedMessage {
    fn id(&self) -> i64 {
        self.message.id
    }

    fn moment(&self) -> Option<Timestamp> {
        self.message.created_at
    }
}

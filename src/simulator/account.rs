//! The account as it truly is: what every answer is rendered from, and what a mirror must come to equal.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::content::Content;
use crate::clock::Timestamp;

/// Fields that no document mentions, served as they are.
pub type Extra = Map<String, Value>;

/// A whole simulated account.
///
/// Every time in it is a whole second, as the platform keeps no finer ones.
#[derive(Clone, Debug, PartialEq)]
pub struct Account {
    /// What `/me` says.
    pub project: Project,
    /// The connected messengers, by id.
    pub channels: BTreeMap<i64, Channel>,
    /// The people at the desk.
    pub operators: Vec<Operator>,
    /// The customers, by the id that `/contacts/…` takes.
    pub contacts: BTreeMap<i64, Contact>,
    /// The chats, by id.
    pub chats: BTreeMap<i64, Chat>,
    /// Whether what is invented for it has oddities: ids as strings, undocumented fields and the like.
    pub oddities: bool,
    /// The ids that were never given yet.
    pub next_ids: NextIds,
}

/// The account's own identity.
#[derive(Clone, Debug, PartialEq)]
pub struct Project {
    /// Its id.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// Address of its picture.
    pub photo: Option<String>,
    /// Name of its time zone.
    pub timezone: String,
    /// Its short name in addresses.
    pub identifier: String,
}

/// A messenger that is connected to the account.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// Its id.
    pub id: i64,
    /// Whether it works.
    pub active: bool,
    /// Whether it is taken.
    pub occupied: bool,
    /// `telegram`, `viber` and so on.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// Who brought it.
    pub referrer: i64,
    /// Its web address.
    pub link: String,
    /// Its address for the messenger's program.
    pub app: String,
    /// When it was connected.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// Undocumented fields.
    pub extra: Extra,
}

/// Somebody who answers customers.
#[derive(Clone, Debug, PartialEq)]
pub struct Operator {
    /// Their id.
    pub id: i64,
    /// First and last name.
    pub full_name: String,
    /// Address of their picture.
    pub image: Option<String>,
}

/// A customer.
#[derive(Clone, Debug, PartialEq)]
pub struct Contact {
    /// The messenger service's id: `contact.id` in a chat.
    pub id: i64,
    /// The platform's id: `contact.originalId` in a chat.
    pub original_id: i64,
    /// Their name.
    pub name: String,
    /// Their telephone number.
    pub phone: Option<String>,
    /// Their address.
    pub email: Option<String>,
    /// When they first wrote.
    pub created_at: Timestamp,
}

/// A chat with one customer and everything said in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Chat {
    /// Its id.
    pub id: i64,
    /// The customer's name as the chat shows it.
    pub name: String,
    /// Address of the customer's picture.
    pub image: Option<String>,
    /// Whose chat it is.
    pub contact: ContactIds,
    /// Undocumented fields beside the customer's ids.
    pub contact_extra: Extra,
    /// The ways to the customer, one a channel.
    pub gates: Vec<Gate>,
    /// Open or closed: never written in the chat, only in which list it stands.
    pub state: ChatState,
    /// The operator who took it: never shown, but `selector[operatorId]` asks for it.
    pub operator_id: Option<i64>,
    /// When it began.
    pub created_at: Timestamp,
    /// What the platform sorts by.
    pub updated_at: Timestamp,
    /// What was said, oldest first, in the order of (`created_at`, id).
    pub messages: Vec<Message>,
    /// Undocumented fields.
    pub extra: Extra,
    /// Whether its ids are served as strings.
    pub ids_as_text: bool,
}

/// The two ids of a customer that a chat carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ContactIds {
    /// The messenger service's.
    pub id: i64,
    /// The platform's.
    pub original_id: i64,
}

/// Open or closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ChatState {
    /// Somebody is to answer.
    Open,
    /// Done with, until the customer writes again.
    Closed,
}

/// A way to a customer: one messenger of theirs.
#[derive(Clone, Debug, PartialEq)]
pub struct Gate {
    /// Its id; unlike what one would think, it may stand in two chats.
    pub id: i64,
    /// Whether the customer lets the account write.
    pub subscribed: bool,
    /// How many messages nobody has read.
    pub unread_messages: i64,
    /// The channel it goes through.
    pub channel_id: i64,
    /// Undocumented fields.
    pub extra: Extra,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// Its id, one sequence for the whole account.
    pub id: i64,
    /// What it says.
    pub content: Content,
    /// Whether only operators see it.
    pub internal: bool,
    /// How its delivery went.
    pub state: Delivery,
    /// Who wrote it.
    pub sender: Sender,
    /// The gate it went through, which its chat need not list any more.
    pub gate: GateIds,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it reached the messenger.
    pub delivered_at: Option<Timestamp>,
    /// When it was read.
    pub seen_at: Option<Timestamp>,
    /// When it was last rewritten.
    pub edited_at: Option<Timestamp>,
    /// When the account got it: later than `created_at` for an imported one. Never served: it is for proofs only.
    pub arrived_at: Timestamp,
    /// Undocumented fields.
    pub extra: Extra,
    /// Whether its id is served as a string.
    pub ids_as_text: bool,
}

/// The gate of a message and the channel behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GateIds {
    /// The gate's id.
    pub id: i64,
    /// The channel's id.
    pub channel_id: i64,
}

/// How a delivery went.
#[derive(Clone, Debug, PartialEq)]
pub struct Delivery {
    /// `sent`, `failed` and so on.
    pub kind: String,
    /// Why it failed.
    pub message: Option<String>,
}

/// Who wrote a message.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    /// On whose behalf.
    pub kind: SenderKind,
    /// Address of their picture, often relative.
    pub image: Option<String>,
    /// Their name.
    pub full_name: String,
    /// Undocumented fields.
    pub extra: Extra,
}

/// On whose behalf a message was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SenderKind {
    /// The customer.
    Contact,
    /// A person at the desk.
    Operator,
    /// The account's bot.
    Project,
    /// A kind that no document mentions.
    Other(String),
}

/// The ids that were never given yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextIds {
    /// The next chat's.
    pub chat: i64,
    /// The next message's.
    pub message: i64,
    /// The next gate's.
    pub gate: i64,
    /// The next customer's, by the messenger service.
    pub contact: i64,
    /// The next customer's, by the platform.
    pub original_contact: i64,
}

impl Account {
    /// How many messages all chats hold together.
    #[must_use]
    pub fn message_count(&self) -> usize {
        self.chats.values().map(|chat| chat.messages.len()).sum()
    }

    /// Every message with its chat.
    pub fn messages(&self) -> impl Iterator<Item = (&Chat, &Message)> {
        self.chats
            .values()
            .flat_map(|chat| chat.messages.iter().map(move |message| (chat, message)))
    }
}

impl Chat {
    /// The message with this id.
    #[must_use]
    pub fn message(&self, id: i64) -> Option<&Message> {
        self.messages.iter().find(|message| message.id == id)
    }

    /// Puts `message` where its time and id belong.
    pub(super) fn insert(&mut self, message: Message) {
        let key = (message.created_at, message.id);
        let place = self
            .messages
            .partition_point(|other| (other.created_at, other.id) < key);
        self.messages.insert(place, message);
    }
}

impl ChatState {
    /// The word for it in `state=`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Closed => "closed",
        }
    }
}

impl SenderKind {
    /// The word for it on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Contact => "contact",
            Self::Operator => "operator",
            Self::Project => "project",
            Self::Other(kind) => kind,
        }
    }
}

//! Requests as the simulated platform reads them, and as it remembers them.

use super::account::ChatState;
use crate::clock::Timestamp;

/// The folder of the address under which everything is served.
pub(super) const BASE_PATH: &str = "/v1";

/// A request that was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// When it came.
    pub at: Timestamp,
    /// Its method.
    pub method: String,
    /// Its path with its query.
    pub target: String,
    /// The status of the answer; a fault may have kept the answer from arriving.
    pub status: u16,
    /// Whether it came while the account was locked.
    pub while_locked: bool,
    /// Whether it was the one too many that locked the account.
    pub over_limit: bool,
}

impl Request {
    /// Whether a well-behaved mirror would never have sent it.
    #[must_use]
    pub fn is_violation(&self) -> bool {
        self.method != "GET" || self.while_locked || self.over_limit
    }
}

/// A request as it is read from the socket.
#[derive(Clone, Debug)]
pub(super) struct Question {
    pub(super) method: String,
    /// The path with the query, as it came.
    pub(super) target: String,
    pub(super) route: Route,
    /// The parameters, decoded.
    pub(super) query: Vec<(String, String)>,
    pub(super) token: Option<String>,
}

impl Question {
    /// The value of a parameter.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut found = self.query.iter().filter(|(key, _)| key == name);
        found.next_back().map(|(_, value)| value.as_str())
    }

    /// The page it asks for; the first one if it does not say.
    pub(super) fn page(&self) -> Option<usize> {
        self.parameter("page").unwrap_or("1").parse().ok()
    }
}

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Route {
    Me,
    Chats,
    Chat(i64),
    Messages(i64),
    Contacts,
    Contact(i64),
    ContactMessages(i64),
    Channels,
    Operators,
    Nowhere,
}

impl Route {
    /// Reads a path.
    pub(super) fn of(path: &str) -> Self {
        let Some(path) = path.strip_prefix(BASE_PATH) else {
            return Self::Nowhere;
        };
        let parts: Vec<&str> = path.trim_matches('/').split('/').collect();
        let id = parts.get(1).and_then(|part| part.parse().ok());
        match (parts.as_slice(), id) {
            (["me"], _) => Self::Me,
            (["chats"], _) => Self::Chats,
            (["channels"], _) => Self::Channels,
            (["contacts"], _) => Self::Contacts,
            (["operators"], _) => Self::Operators,
            (["chats", _], Some(id)) => Self::Chat(id),
            (["chats", _, "messages"], Some(id)) => Self::Messages(id),
            (["contacts", _], Some(id)) => Self::Contact(id),
            (["contacts", _, "messages"], Some(id)) => Self::ContactMessages(id),
            _ => Self::Nowhere,
        }
    }
}

/// Which requests a hook or a fault is meant for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// All.
    Anything,
    /// `/me`.
    Me,
    /// Any list of chats.
    Chats,
    /// The list of chats without `state`.
    ChatsWithoutState,
    /// The list of chats with this `state`.
    ChatsInState(ChatState),
    /// One chat by its id.
    Chat(i64),
    /// The messages of any chat.
    Messages,
    /// The messages of this chat.
    MessagesOf(i64),
    /// Any request for this path, from the slash after the base path on.
    Path(&'static str),
}

impl Target {
    pub(super) fn matches(self, question: &Question) -> bool {
        let chats = question.route == Route::Chats;
        let state = question.parameter("state");
        match self {
            Self::Anything => true,
            Self::Me => question.route == Route::Me,
            Self::Chats => chats,
            Self::ChatsWithoutState => chats && state.is_none(),
            Self::ChatsInState(wanted) => chats && state == Some(wanted.as_str()),
            Self::Chat(id) => question.route == Route::Chat(id),
            Self::Messages => matches!(question.route, Route::Messages(_)),
            Self::MessagesOf(id) => question.route == Route::Messages(id),
            Self::Path(path) => {
                let asked = question.target.split('?').next().unwrap_or_default();
                asked.strip_prefix(BASE_PATH) == Some(path)
            }
        }
    }
}

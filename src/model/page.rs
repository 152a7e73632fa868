//! What one answer of a source brings, and which part of a list it shows.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::ChatState;
use crate::clock::Timestamp;

/// The largest part of a list that a source gives in one answer.
pub const MOST_PER_PAGE: u32 = 20;

/// Which of an account's chats a list holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ChatList {
    /// Asked for without a state: all of them, where that is the union of the other two.
    All,
    /// Those that are going on.
    Open,
    /// Those that are done with.
    Closed,
    /// Those with messages that nobody has read.
    Unread,
}

impl ChatList {
    /// The state that is asked for by name, if one is.
    #[must_use]
    pub fn state(self) -> Option<&'static str> {
        match self {
            Self::All | Self::Unread => None,
            Self::Open => Some("open"),
            Self::Closed => Some("closed"),
        }
    }

    /// The state of the chats in it, if they have one.
    #[must_use]
    pub fn of_state(self) -> Option<ChatState> {
        match self {
            Self::All | Self::Unread => None,
            Self::Open => Some(ChatState::Open),
            Self::Closed => Some(ChatState::Closed),
        }
    }
}

impl fmt::Display for ChatList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self, self.state()) {
            (Self::Unread, _) => f.write_str("chats?selector=unread"),
            (_, None) => f.write_str("chats"),
            (_, Some(state)) => write!(f, "chats?state={state}"),
        }
    }
}

/// A part of a list, in the source's own terms: page `page` when each page has `limit` items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Window {
    /// Page number, from 1.
    pub page: u32,
    /// Items a page, 1 to [`MOST_PER_PAGE`].
    pub limit: u32,
}

impl Window {
    /// The first page, as large as it may be.
    pub const FIRST: Self = Self {
        page: 1,
        limit: MOST_PER_PAGE,
    };

    /// The one item at the head: the cheapest look, whose number of pages is the number of items.
    pub const COUNT: Self = Self { page: 1, limit: 1 };

    /// Position in the list of the window's first item, from 0.
    #[must_use]
    pub fn start(self) -> u64 {
        u64::from(self.page - 1) * u64::from(self.limit)
    }

    /// Position in the list just behind the window's last item.
    #[must_use]
    pub fn end(self) -> u64 {
        u64::from(self.page) * u64::from(self.limit)
    }
}

/// An item of a list, as far as a walk looks at it.
pub trait Listed {
    /// Its id.
    fn id(&self) -> i64;

    /// The time that its list may be ordered by.
    fn moment(&self) -> Option<Timestamp>;
}

/// One page of a list, decoded.
#[derive(Clone, Debug)]
pub struct Page<T> {
    /// What was asked for.
    pub window: Window,
    /// How many pages of this size the list has, by the source's word.
    pub pages: u32,
    /// The server's clock when it answered (`Date`, whole seconds).
    pub date: Timestamp,
    /// The items in the list's order; what could not be read stands in its place.
    pub items: Vec<Result<T, Reject>>,
    /// Values that no column is meant for.
    pub drift: Vec<Drift>,
}

impl<T> Page<T> {
    /// The exact length of the list, where this page tells it: when it shows the end, or when pages hold one item, whose number is the length.
    #[must_use]
    pub fn list_length(&self) -> Option<u64> {
        let shown = self.items.len() as u64;
        if shown == 0 {
            return (self.window.page == 1 && self.pages <= 1).then_some(0);
        }
        if self.window.limit == 1 {
            return Some(u64::from(self.pages));
        }
        (self.pages == self.window.page).then(|| self.window.start() + shown)
    }

    /// The items that could be read.
    #[must_use = "it only looks"]
    pub fn readable(&self) -> impl DoubleEndedIterator<Item = &T> {
        self.items.iter().filter_map(|item| item.as_ref().ok())
    }

    /// The items that could not.
    pub fn rejects(&self) -> impl Iterator<Item = &Reject> {
        self.items.iter().filter_map(|item| item.as_ref().err())
    }
}

/// An item that could not be read: kept whole, so that nothing is lost to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reject {
    /// The item's id, if at least that could be read.
    pub item_id: Option<i64>,
    /// The item as it came.
    pub raw: String,
    /// What is wrong with it, for a person.
    pub why: String,
}

/// A value that the source sent and no column is meant for; it is kept in `extra` or `content`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drift {
    /// Where it stood, such as `chat.gates[].channel.colour`.
    pub path: String,
    /// `null`, `boolean`, `number`, `string`, `array` or `object`.
    pub json_type: &'static str,
    /// The value, cut to a length that can be shown.
    pub example: String,
}

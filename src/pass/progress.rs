//! How a pass is getting on, for whoever watches.

use crate::clock::Timestamp;

/// What a pass is doing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// Not begun.
    #[default]
    Waiting,
    /// Reading lists of chats.
    Lists,
    /// Reading messages.
    Messages,
    /// Reading again what nothing is owed of.
    Audit,
}

/// How far a pass is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// What it is doing.
    pub phase: Phase,
    /// Rows of the list read.
    pub rows_listed: u64,
    /// About how many rows the list has.
    pub rows_in_list: u64,
    /// Chats read, or found unreadable.
    pub chats_read: u64,
    /// Chats to be read, those read included.
    pub chats_due: u64,
    /// Messages read.
    pub messages_read: u64,
    /// Requests made since the program started, or took up a new configuration.
    pub requests: u64,
    /// The source is locked until then.
    pub locked_until: Option<Timestamp>,
}

impl Progress {
    /// A pass begins: nothing is done of it yet.
    pub(crate) fn begin(&mut self) {
        *self = Self {
            requests: self.requests,
            ..Self::default()
        };
    }
}

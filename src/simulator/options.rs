//! Everything about the platform that no document settles, as switches.

use std::collections::BTreeSet;
use std::time::Duration;

use chrono_tz::Tz;

/// How the simulated platform behaves where the real one's documents are silent.
#[derive(Clone, Debug, PartialEq)]
pub struct Options {
    /// The order of chats in their lists.
    pub chat_order: ChatOrder,
    /// The order of chats that are equal in `chat_order`.
    pub ties: Ties,
    /// The order of messages in theirs.
    pub message_order: MessageOrder,
    /// How times are written.
    pub time_format: TimeFormat,
    /// The zone that they are written in.
    pub time_zone: Tz,
    /// What `cursor.pages` says of an empty list: 0 or 1.
    pub pages_when_empty: usize,
    /// What a page past the last one answers.
    pub past_the_end: PastTheEnd,
    /// The smallest `limitation` that is not refused.
    pub least_limitation: usize,
    /// How long an answer takes; on a simulated clock this is what moves it.
    pub latency: Duration,
    /// By chance it takes up to so much longer.
    pub jitter: Duration,
    /// How far the times that changes are given lie behind the clock of the answers: a change shows up late.
    pub lag: Duration,
    /// The only token that is let in.
    pub token: String,
    /// The limit in any sixty seconds; nothing: no limit.
    pub requests_per_minute: Option<usize>,
    /// Requests a minute that others make with the same token, evenly spread; locked out, they wait.
    pub others_per_minute: u32,
    /// How a locked account refuses.
    pub lock_answer: LockAnswer,
    /// Whether `/chats` without `state` holds open and closed chats, or only the open ones.
    pub chats_are_union: bool,
    /// What moves a chat's `updatedAt`.
    pub moved_by: BTreeSet<Cause>,
    /// Whether `/` and letters beyond ASCII are escaped, as PHP does by itself.
    pub escaped: bool,
    /// Whether the states that chats had before each change are kept, for proofs.
    pub keep_past: bool,
    /// The seed of everything random in the answers and changes.
    pub seed: u64,
}

/// Orders of a list of chats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChatOrder {
    /// Newest `updatedAt` first.
    NewestFirst,
    /// Oldest `updatedAt` first.
    OldestFirst,
    /// By id upwards.
    ById,
    /// By nothing that a client could see, but always the same.
    Shuffled,
}

/// Orders of chats that changed in the same second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ties {
    /// By id upwards, always.
    ById,
    /// By id upwards in one answer and downwards in the next, as a database may that was not told.
    Moving,
}

/// Orders of a list of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MessageOrder {
    /// Newest `createdAt` first, ties by id downwards.
    NewestFirst,
    /// Oldest `createdAt` first, ties by id upwards.
    OldestFirst,
}

/// Ways to write a time, always to the whole second.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeFormat {
    /// `2019-08-05 14:06:39`, zone unsaid.
    Plain,
    /// `2019-08-05T14:06:39+00:00`.
    Rfc3339,
    /// Seconds since 1970 as a number.
    EpochSeconds,
    /// Milliseconds since 1970 as a number.
    EpochMillis,
}

/// Answers to a page past the last one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PastTheEnd {
    /// Status 400.
    Refused,
    /// A page without items.
    Empty,
    /// The last page again.
    LastPage,
}

/// Ways in which a locked account refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockAnswer {
    /// The status: 423, or 429.
    pub status: u16,
    /// Whether a `Retry-After` header says what the text says.
    pub retry_after: bool,
    /// Whether calls made while locked count as further violations.
    pub calls_prolong: bool,
}

/// What may move a chat's `updatedAt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// A message comes into the chat: written, imported or brought by a merge.
    Message,
    /// The chat is closed or reopened.
    State,
    /// A message is rewritten.
    Edit,
    /// A message is deleted, either way.
    Deletion,
    /// A message is marked as seen.
    Seen,
    /// The chat's name or gates change.
    Details,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            chat_order: ChatOrder::NewestFirst,
            ties: Ties::ById,
            message_order: MessageOrder::NewestFirst,
            time_format: TimeFormat::Plain,
            time_zone: Tz::UTC,
            pages_when_empty: 0,
            past_the_end: PastTheEnd::Empty,
            least_limitation: 1,
            latency: Duration::ZERO,
            jitter: Duration::ZERO,
            lag: Duration::ZERO,
            token: "simulated-token".to_owned(),
            requests_per_minute: None,
            others_per_minute: 0,
            lock_answer: LockAnswer {
                status: 423,
                retry_after: false,
                calls_prolong: false,
            },
            chats_are_union: true,
            moved_by: BTreeSet::from([Cause::Message]),
            escaped: false,
            keep_past: false,
            seed: 1,
        }
    }
}

//! Answers that cross: of two lists that are asked for at the same time, the one that is written last may be the older. Where a message has
//! moved from one chat to the other between the two, writing it would take the message back.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Pages that are remembered: more than may be under way at once.
const REMEMBERED: usize = 1024;

/// A moment in the order in which a pass writes its pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(u64);

/// Whose pages a pass has written of late.
#[derive(Debug, Default)]
pub(super) struct Written(Mutex<Pages>);

#[derive(Debug, Default)]
struct Pages {
    count: u64,
    /// The chats of the last of them.
    chats: VecDeque<i64>,
}

impl Written {
    /// Now: what is written from here on may be newer than what is asked for now.
    pub(super) fn now(&self) -> Moment {
        Moment(self.pages().count)
    }

    /// A page of this chat is written.
    pub(super) fn note(&self, chat_id: i64) {
        let mut pages = self.pages();
        pages.count += 1;
        pages.chats.push_front(chat_id);
        pages.chats.truncate(REMEMBERED);
    }

    /// Whether a page of this chat was written since `moment`, or may have been.
    pub(super) fn has_since(&self, moment: Moment, chat_id: i64) -> bool {
        let pages = self.pages();
        let since = usize::try_from(pages.count - moment.0).unwrap_or(usize::MAX);
        since > REMEMBERED || pages.chats.iter().take(since).any(|chat| *chat == chat_id)
    }

    fn pages(&self) -> MutexGuard<'_, Pages> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_since_is_known() {
        let written = Written::default();
        written.note(1);
        let asked = written.now();
        assert!(!written.has_since(asked, 1));
        written.note(2);
        assert!(written.has_since(asked, 2) && !written.has_since(asked, 1));
        assert!(!written.has_since(written.now(), 2));
    }

    #[test]
    fn what_lies_too_far_back_may_have_been_written() {
        let written = Written::default();
        let asked = written.now();
        for _ in 0..=REMEMBERED {
            written.note(1);
        }
        assert!(written.has_since(asked, 2));
    }
}

//! Which chats a pass has read. Of a large account it may be every one of them: they take a bit or two bytes each.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use roaring::RoaringTreemap;

/// How often a pass has read each chat.
#[derive(Debug, Default)]
pub(super) struct Visits(Mutex<Counted>);

#[derive(Debug, Default)]
struct Counted {
    /// Chats that were read.
    read: RoaringTreemap,
    /// How often, of those that were read more than once.
    more: HashMap<i64, u32>,
}

impl Visits {
    /// The chat is read now.
    pub(super) fn note(&self, chat_id: i64) {
        let mut counted = self.counted();
        if !counted.read.insert(chat_id.cast_unsigned()) {
            *counted.more.entry(chat_id).or_insert(1) += 1;
        }
    }

    /// How often the chat was read.
    pub(super) fn of(&self, chat_id: i64) -> u32 {
        let counted = self.counted();
        if counted.read.contains(chat_id.cast_unsigned()) {
            counted.more.get(&chat_id).copied().unwrap_or(1)
        } else {
            0
        }
    }

    /// Whether the chat was read at all.
    pub(super) fn has(&self, chat_id: i64) -> bool {
        self.of(chat_id) > 0
    }

    /// As if the chat had not been read.
    pub(super) fn forget(&self, chat_id: i64) {
        let mut counted = self.counted();
        counted.read.remove(chat_id.cast_unsigned());
        counted.more.remove(&chat_id);
    }

    fn counted(&self) -> MutexGuard<'_, Counted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visits_are_counted_until_they_are_forgotten() {
        let visits = Visits::default();
        for chat in [0, 7, i64::MAX] {
            assert!(!visits.has(chat));
            for often in 1..4 {
                visits.note(chat);
                assert_eq!(visits.of(chat), often);
            }
        }
        visits.forget(7);
        assert_eq!([0, 7, i64::MAX].map(|chat| visits.of(chat)), [3, 0, 3]);
        visits.note(7);
        assert_eq!(visits.of(7), 1);
    }
}

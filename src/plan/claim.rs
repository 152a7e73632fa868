//! When a chat may be called covered, and what is owed of it until then.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Walk;
use crate::clock::Timestamp;

/// The platform's times are whole seconds: more may happen in the second that a time names.
pub const RESOLUTION: Duration = Duration::from_secs(1);

/// A change that shows up later than this is taken for an import with old times, not for a slow clock.
const MOST_SKEW: Duration = Duration::from_mins(2);

/// Why a chat's messages must be read (again). In order of rank: of two reasons the greater is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Owed {
    /// A full re-read was asked for; what was claimed stands.
    Reread,
    /// Messages are missing from its list: a second look decides whether they are deleted; what was claimed stands.
    Missing,
    /// Much is missing from its list, as from those of more than a few others: for a day it is looked at again before that is called deleted;
    /// what was claimed stands.
    Doubted,
    /// It was read in the very second of its last change.
    Unsettled,
    /// It changed.
    Changed,
    /// An item of it could not be read.
    Reject,
    /// It has more changes than the pages read explain.
    Unexplained,
    /// A message of it turned up in another chat.
    Moved,
    /// The source's number of messages differs from the stored one.
    Count,
    /// It was never read.
    New,
    /// The source does not know it any more; its messages may have moved to another chat.
    Vanished,
}

impl Owed {
    /// Whether the mirror cannot be called complete while this is owed.
    #[must_use]
    pub fn is_debt(self) -> bool {
        self > Self::Doubted
    }

    /// Whether only reading every page of the chat settles it.
    #[must_use]
    pub fn wants_whole(self) -> bool {
        !matches!(self, Self::Changed | Self::Unsettled)
    }
}

/// What is covered of a chat, and what is owed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChatSync {
    /// The chat.
    pub chat_id: i64,
    /// Why it must be read; nothing if it need not be.
    pub owed: Option<Owed>,
    /// Whether every page must be read.
    pub whole: bool,
    /// Not to be read before this moment of the server's clock.
    pub due_at: Option<Timestamp>,
    /// While a debt is owed: through when the chat is known to be whole.
    pub covered_through: Option<Timestamp>,
    /// The server's clock when the list stood as it is stored.
    pub claimed_at: Option<Timestamp>,
    /// How many messages the source had then.
    pub expected_count: Option<i64>,
    /// How many of them are stored.
    pub stored_count: Option<i64>,
    /// When the two were last found equal.
    pub proven_at: Option<Timestamp>,
    /// The server's clock when every one of its pages was last read.
    pub read_at: Option<Timestamp>,
    /// The server's clock when it was last found to have lost much of what it held.
    pub lost_at: Option<Timestamp>,
    /// A walk under way.
    pub walk: Option<Walk>,
    /// Passes in a row that could not read it.
    pub failures: i64,
    /// What went wrong the last time.
    pub last_error: Option<String>,
}

impl ChatSync {
    /// A chat met for the first time: its whole history is owed, whatever the watermark says.
    #[must_use]
    pub fn first_seen(chat_id: i64, complete_through: Option<Timestamp>) -> Self {
        Self {
            chat_id,
            owed: Some(Owed::New),
            whole: true,
            covered_through: complete_through,
            ..Self::default()
        }
    }

    /// Owes a reading for `why`. `complete_through`: through when everything not owed is known to be whole.
    pub fn owe(&mut self, why: Owed, complete_through: Option<Timestamp>) {
        let was_debt = self.owed.is_some_and(Owed::is_debt);
        if why.is_debt() && !was_debt {
            self.covered_through = complete_through;
        }
        self.whole |= why.wants_whole();
        self.due_at = None;
        if self.owed.is_none_or(|before| before < why) {
            self.owed = Some(why);
        }
    }

    /// Owes a whole reading for `why`, which holds nothing back, not before `due_at`. For a graver reason it may be read before, and not whole.
    pub fn put_off(&mut self, why: Owed, due_at: Timestamp) {
        if self.owed.is_none_or(|before| before < why) {
            self.owed = Some(why);
            self.due_at = Some(due_at);
        }
    }

    /// Owes a reading for `why` and for nothing that was owed before. A debt that was not paid keeps its moment.
    pub fn owe_instead(&mut self, why: Owed, complete_through: Option<Timestamp>) {
        let was_debt = self.owed.take().is_some_and(Owed::is_debt);
        let covered_through = if was_debt {
            self.covered_through
        } else {
            complete_through
        };
        self.owe(why, covered_through);
    }

    /// Records that the list at `claimed_at` is stored, all `count` messages of it.
    ///
    /// The claim is final only if the source's clock had left the second of the chat's last change by then;
    /// otherwise the chat is due once more as soon as it has.
    pub fn claim(
        &mut self,
        claimed_at: Timestamp,
        count: i64,
        updated_at: Timestamp,
        skew: Duration,
    ) {
        let due_at = due_again(updated_at, claimed_at, skew);
        *self = Self {
            chat_id: self.chat_id,
            owed: due_at.map(|_| Owed::Unsettled),
            whole: false,
            due_at,
            covered_through: due_at.map(|_| watermark(claimed_at, skew)),
            claimed_at: Some(claimed_at),
            expected_count: Some(count),
            stored_count: Some(count),
            proven_at: Some(claimed_at),
            read_at: self.read_at,
            lost_at: self.lost_at,
            walk: None,
            failures: 0,
            last_error: None,
        };
    }
}

/// Everything that changed up to this moment is sure to have been visible in an answer dated `date`.
#[must_use]
pub fn watermark(date: Timestamp, skew: Duration) -> Timestamp {
    date.minus(RESOLUTION + skew)
}

/// When a chat that changed at `updated_at` must be read again, if its reading began at `head_date`; nothing if it is settled.
#[must_use]
pub fn due_again(updated_at: Timestamp, head_date: Timestamp, skew: Duration) -> Option<Timestamp> {
    let settled_from = updated_at.second().plus(RESOLUTION + skew);
    (head_date < settled_from).then_some(settled_from)
}

/// Whether a chat's time of change is one of the `moments` that its messages tell of.
#[must_use]
pub fn is_explained(
    updated_at: Timestamp,
    mut moments: impl Iterator<Item = Timestamp>,
    skew: Duration,
) -> bool {
    let tolerance = RESOLUTION + skew;
    moments.any(|moment| {
        moment.since(updated_at) <= tolerance && updated_at.since(moment) <= tolerance
    })
}

/// Through when things were covered if a change that calls itself as old as `updated_at` shows up only now: not through it, unless it
/// is older than any skew, and so an import.
#[must_use]
pub fn covered_despite(through: Timestamp, updated_at: Timestamp, skew: Duration) -> Timestamp {
    let before = watermark(updated_at, skew);
    if through.since(before) > MOST_SKEW {
        through
    } else {
        through.min(before)
    }
}

/// The skew after a change was met that calls itself older than a look that did not show it.
#[must_use]
pub fn raised_skew(skew: Duration, updated_at: Timestamp, last_watermark: Timestamp) -> Duration {
    let last_look = last_watermark.plus(RESOLUTION + skew);
    let late = last_look.since(updated_at);
    if late > MOST_SKEW {
        skew
    } else {
        skew.max(late)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SKEW: Duration = Duration::from_secs(1);

    fn at(second: i64) -> Timestamp {
        Timestamp::from_millis(second * 1000).unwrap()
    }

    #[test]
    fn a_claim_in_the_second_of_the_change_is_due_again_when_it_has_passed() {
        let mut chat = ChatSync::first_seen(7, None);
        chat.claim(at(100), 3, at(100), SKEW);
        assert_eq!(chat.owed, Some(Owed::Unsettled));
        assert_eq!(chat.due_at, Some(at(102)));
        assert_eq!(chat.covered_through, Some(at(98)));
        chat.claim(at(102), 3, at(100), SKEW);
        assert_eq!(chat.owed, None);
    }

    #[test]
    fn a_debt_keeps_the_moment_from_before_it_was_owed() {
        let mut chat = ChatSync::first_seen(7, None);
        chat.claim(at(200), 3, at(100), SKEW);
        chat.owe(Owed::Changed, Some(at(300)));
        chat.owe(Owed::Count, Some(at(400)));
        assert_eq!(chat.covered_through, Some(at(300)));
        assert_eq!(chat.owed, Some(Owed::Count));
        assert!(chat.whole);
    }

    #[test]
    fn a_reread_is_no_debt_and_is_not_forgotten_for_one() {
        let mut chat = ChatSync::first_seen(7, None);
        chat.claim(at(200), 3, at(100), SKEW);
        chat.owe(Owed::Reread, Some(at(300)));
        assert!(!Owed::Reread.is_debt());
        chat.owe(Owed::Changed, Some(at(310)));
        assert_eq!((chat.owed, chat.whole), (Some(Owed::Changed), true));
        assert_eq!(chat.covered_through, Some(at(310)));
    }

    #[test]
    fn another_reason_does_not_move_an_unpaid_debt() {
        let mut chat = ChatSync::first_seen(7, None);
        chat.owe(Owed::Vanished, Some(at(300)));
        chat.owe_instead(Owed::Count, Some(at(400)));
        assert_eq!((chat.owed, chat.covered_through), (Some(Owed::Count), None));
    }

    #[test]
    fn the_watermark_lies_before_the_second_of_the_look() {
        assert_eq!(watermark(at(100), SKEW), at(98));
    }

    #[test]
    fn a_change_that_came_late_raises_the_skew_and_an_import_does_not() {
        let last = watermark(at(100), SKEW);
        assert_eq!(raised_skew(SKEW, at(100), last), SKEW);
        assert_eq!(raised_skew(SKEW, at(95), last), Duration::from_secs(5));
        assert_eq!(raised_skew(SKEW, at(-500), last), SKEW);
    }

    #[test]
    fn what_shows_up_late_was_not_covered_and_an_import_leaves_the_cover_as_it_was() {
        assert_eq!(covered_despite(at(100), at(105), SKEW), at(100));
        assert_eq!(covered_despite(at(100), at(90), SKEW), at(88));
        assert_eq!(covered_despite(at(100), at(-500), SKEW), at(100));
    }

    #[test]
    fn a_bump_is_explained_by_a_moment_near_it() {
        assert!(is_explained(at(100), [at(5), at(98)].into_iter(), SKEW));
        assert!(!is_explained(
            at(100),
            [at(5), at(97), at(103)].into_iter(),
            SKEW
        ));
    }
}

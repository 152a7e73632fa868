//! Messages that a closed walk did not meet: missing at first, deleted when a later pass misses them too. Where more than a few chats have
//! lost much of what they held within a day, nobody knows whether it is the platform's fault: then they must be missing for a day.

use std::collections::HashSet;
use std::time::Duration;

use super::reading::Books;
use crate::clock::Timestamp;
use crate::pass::lists::{BELIEVABLE_SHARE, FEW};
use crate::pass::{Pass, PassError};
use crate::plan::{ChatSync, Owed, RESOLUTION, Rule};
use crate::store::{MessageRow, Write};

/// Losses within this time are taken together; and what is doubted is called deleted when it was missing for as long.
const DOUBTED_FOR: Duration = Duration::from_hours(24);

/// A chat that is doubted is looked at again after this time, then after as long as it has been so: what the platform has hidden for a while
/// is found back within a while, and few requests are spent on what is gone.
const LOOK_AGAIN: Duration = Duration::from_hours(1);

/// What another look must decide of a chat's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecided {
    /// Nothing.
    Nothing,
    /// Whether those that are missing are deleted.
    Missing,
    /// The same, but an item that shows no id may be any of them: there is no hurry.
    Hidden,
    /// The same, and not before they have been missing for a day.
    Doubted {
        /// Since when the first of them are.
        since: Timestamp,
    },
}

impl Pass<'_> {
    /// What a closed walk did not meet is missing; what an earlier pass had missed already is deleted, unless it is doubted. `left`: messages that
    /// the chat still has.
    pub(super) async fn mark_missing(
        &self,
        books: &mut Books,
        chat: &mut ChatSync,
        (unmet, left): (&[i64], i64),
        here: &HashSet<i64>,
        now: Timestamp,
    ) -> Result<Undecided, PassError> {
        if unmet.is_empty() && !books.stored.has_missing {
            return Ok(Undecided::Nothing);
        }
        let mut newly = books.transaction.messages(unmet).await?;
        newly.retain(|row| row.message.chat_id == chat.chat_id);
        let mut missing = books.transaction.missing_messages(chat.chat_id).await?;
        missing.retain(|row| !here.contains(&row.message.id));
        let is_more = !newly.is_empty() && is_much(newly.len() + missing.len(), left);
        if is_more && !self.setting.accept_deletions {
            chat.lost_at = Some(now);
        }
        let doubted = self.doubts_loss(books, chat, is_more, now).await?;
        let missed_before = self.missed_before(now, doubted)?;
        let (gone, undecided): (Vec<_>, Vec<_>) = missing
            .into_iter()
            .partition(|row| row.missing_since < Some(missed_before));
        let before = undecided.iter().filter_map(|row| row.missing_since);
        let since = before.chain((!newly.is_empty()).then_some(now)).min();
        let rows = &mut books.batch.rows.messages;
        let missing = |after: &mut MessageRow| after.missing_since = Some(now);
        let deleted = |after: &mut MessageRow| after.message.deleted_at = Some(now);
        rows.extend(newly.into_iter().map(|row| changed(row, missing)));
        rows.extend(gone.into_iter().map(|row| changed(row, deleted)));
        Ok(match since {
            None => Undecided::Nothing,
            Some(since) if doubted => Undecided::Doubted { since },
            Some(_) => Undecided::Missing,
        })
    }

    /// Whether it is not believed what the chat has lost, because more than a few have lost much within a day. `is_more`: it has, just now.
    async fn doubts_loss(
        &self,
        books: &mut Books,
        chat: &ChatSync,
        is_more: bool,
        now: Timestamp,
    ) -> Result<bool, PassError> {
        let Some(lost_at) = chat.lost_at.filter(|at| now.since(*at) <= DOUBTED_FOR) else {
            return Ok(false);
        };
        let since = lost_at.minus(DOUBTED_FOR);
        let transaction = &mut books.transaction;
        let others = transaction
            .other_losses(chat.chat_id, since, FEW + 1)
            .await?;
        if is_more && others == FEW {
            tracing::warn!(
                "more than {FEW} chats have lost much of what they held within a day: what is missing there is not called deleted before it \
                 has been missing for a day; if it is really gone, run `chatmirror sync --accept-deletions`"
            );
            // The first of them were believed.
            transaction
                .doubt_believed(since, now.plus(DOUBTED_FOR))
                .await?;
        }
        Ok(others >= FEW)
    }

    /// What was missing before this moment is deleted if it is missing still.
    fn missed_before(&self, now: Timestamp, doubted: bool) -> Result<Timestamp, PassError> {
        if !self.keeps(Rule::SecondLookForDeletions) {
            return Ok(now);
        }
        let first_answer = *self.first_answer.lock().map_err(|_| PassError::Poisoned)?;
        let this_pass = first_answer.unwrap_or(now);
        Ok(if doubted {
            this_pass.min(now.minus(DOUBTED_FOR))
        } else {
            this_pass
        })
    }
}

impl Undecided {
    /// Owes the look that decides.
    pub(super) fn owe(self, chat: &mut ChatSync, now: Timestamp) {
        let (why, due_at) = match self {
            Self::Nothing => return,
            Self::Missing => (Owed::Missing, None),
            Self::Hidden => (Owed::Missing, Some(now.plus(LOOK_AGAIN))),
            Self::Doubted { since } => {
                let again = now.plus(now.since(since).max(LOOK_AGAIN));
                let decided = since.plus(DOUBTED_FOR + RESOLUTION);
                (Owed::Doubted, Some(again.min(decided)))
            }
        };
        chat.owe(why, None);
        // What is owed for a graver reason is due when that says.
        if chat.owed == Some(why) {
            chat.due_at = due_at;
        }
    }
}

/// Whether it is much that a chat has lost: most of its messages, or more than a few and more than can be believed to go at once.
fn is_much(lost: usize, left: i64) -> bool {
    let left = usize::try_from(left).unwrap_or(0);
    lost > left || (lost > FEW as usize && lost > (lost + left) / BELIEVABLE_SHARE as usize)
}

/// The row as it is to be stored.
fn changed(row: MessageRow, change: impl FnOnce(&mut MessageRow)) -> Write<MessageRow> {
    let mut after = row.clone();
    change(&mut after);
    Write {
        row: after,
        before: Some(row),
    }
}

//! Messages that a closed walk did not meet: missing at first, deleted when a later pass misses them too. Where most messages of many chats are
//! gone at once, nobody knows whether it is the platform's fault: none of them is marked until somebody has said so.

use std::collections::HashSet;
use std::sync::atomic::Ordering;

use super::reading::Books;
use crate::clock::Timestamp;
use crate::pass::lists::{BELIEVABLE_SHARE, FEW};
use crate::pass::{Pass, PassError};
use crate::plan::Rule;
use crate::store::{MessageRow, Write};

impl Pass<'_> {
    /// Whether a chat may have lost `lost` messages, with `left` that it still has: most of them only while few chats have, of those that this
    /// pass has read, and none does since the pass before met too many.
    pub(super) fn believes_loss(
        &self,
        chat_id: i64,
        lost: usize,
        left: i64,
    ) -> Result<bool, PassError> {
        let left = usize::try_from(left).unwrap_or(0);
        if lost <= left || self.setting.accept_deletions {
            return Ok(true);
        }
        let chats = self.chats_with_losses.fetch_add(1, Ordering::Relaxed) + 1;
        let read = self.chats_read.load(Ordering::Relaxed);
        let few = chats <= FEW as u64 || chats <= read / BELIEVABLE_SHARE as u64;
        let believed = few && !self.traits()?.doubts_losses;
        if !believed {
            tracing::warn!(
                chat.id = chat_id,
                lost,
                left,
                "most messages of this chat are gone, as in other chats: it stays as it is"
            );
        }
        Ok(believed)
    }

    /// Another chat has lost more than can be believed. From now on no such loss is, until none is met or somebody believes it.
    pub(super) async fn doubt_losses(&self) -> Result<(), PassError> {
        self.chats_doubted.fetch_add(1, Ordering::Relaxed);
        self.learn(|traits| traits.doubts_losses = true).await
    }

    /// Ends a pass that has met losses which are not believed.
    pub(in crate::pass) fn refuse_losses(&self) -> Result<(), PassError> {
        match self.chats_doubted.load(Ordering::Relaxed) {
            0 => Ok(()),
            chats => Err(PassError::TooMuchLost {
                chats,
                read: self.chats_read.load(Ordering::Relaxed),
            }),
        }
    }

    /// What a closed walk did not meet is missing; what an earlier pass had missed already is deleted. Says whether a
    /// message is missing that another pass must look for.
    pub(super) async fn mark_missing(
        &self,
        books: &mut Books,
        chat_id: i64,
        unmet: &[i64],
        here: &HashSet<i64>,
        now: Timestamp,
    ) -> Result<bool, PassError> {
        if unmet.is_empty() && !books.stored.has_missing {
            return Ok(false);
        }
        let mut newly = books.transaction.messages(unmet).await?;
        newly.retain(|row| row.message.chat_id == chat_id);
        let mut before_this_pass = *self.first_answer.lock().map_err(|_| PassError::Poisoned)?;
        if !self.keeps(Rule::SecondLookForDeletions) {
            before_this_pass = None;
        }
        let before_this_pass = before_this_pass.unwrap_or(now);
        let (gone, undecided): (Vec<_>, Vec<_>) = books
            .transaction
            .missing_messages(chat_id)
            .await?
            .into_iter()
            .filter(|row| !here.contains(&row.message.id))
            .partition(|row| row.missing_since < Some(before_this_pass));
        let missing = newly.into_iter().map(|row| Write {
            row: MessageRow {
                missing_since: Some(now),
                ..row.clone()
            },
            before: Some(row),
        });
        let count = books.batch.rows.messages.len();
        books.batch.rows.messages.extend(missing);
        let some_missing = books.batch.rows.messages.len() > count || !undecided.is_empty();
        let deleted = gone.into_iter().map(|row| {
            let mut after = row.clone();
            after.message.deleted_at = Some(now);
            Write {
                row: after,
                before: Some(row),
            }
        });
        books.batch.rows.messages.extend(deleted);
        Ok(some_missing)
    }
}

//! Messages that a closed walk did not meet: missing at first, deleted when a later pass misses them too. Where more than a few chats have
//! lost much of what they held within a day, nobody knows whether it is the platform's fault: then they must be missing for a day.

use std::collections::HashSet;
use std::time::Duration;

use super::reading::Books;
use crate::clock::Timestamp;
use crate::pass::gone::{FEW, is_beyond_belief};
use crate::pass::{Pass, PassError};
use crate::plan::{ChatSync, Owed, RESOLUTION, Rule};
use crate::store::{MessageRow, Transaction, Write};

/// Losses within this time are taken together; and what is doubted is called deleted when it was missing for as long.
const DOUBTED_FOR: Duration = Duration::from_hours(24);

/// A chat that is doubted is looked at again when it has been so for this time, for twice as long, and so on: what the platform has hidden for a
/// while is found back within a while, and what is gone is looked for six times.
const LOOK_AGAIN: Duration = Duration::from_hours(1);

/// The look that decides what is missing, if one must.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextLook {
    /// None: all is decided.
    Never,
    /// That of the next pass.
    Soon,
    /// A later one.
    PutOff {
        /// Why it is owed.
        why: Owed,
        /// Not before this.
        due_at: Timestamp,
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
    ) -> Result<NextLook, PassError> {
        if unmet.is_empty() && !books.stored.has_missing && chat.lost_at.is_none() {
            return Ok(NextLook::Never);
        }
        let transaction = &mut books.transaction;
        let mut newly = transaction.messages(unmet).await?;
        newly.retain(|row| row.message.chat_id == chat.chat_id);
        let mut missing = transaction.missing_messages(chat.chat_id).await?;
        missing.retain(|row| !here.contains(&row.message.id));
        let is_more = !newly.is_empty() && is_much(newly.len() + missing.len(), left);
        if is_more && !self.setting.accept_deletions {
            chat.lost_at = Some(now);
        }
        let newly_since = (!newly.is_empty()).then_some(now);
        let since = first_missing(&missing).or(newly_since);
        let doubted = self.doubts_loss(transaction, chat, since, now).await?;
        if doubted && is_more {
            self.begin_to_doubt(transaction, chat, now).await?;
        }
        let missed_before = self.missed_before(now, doubted)?;
        let (gone, undecided): (Vec<_>, Vec<_>) = missing
            .into_iter()
            .partition(|row| row.missing_since < Some(missed_before));
        let since = first_missing(&undecided).or(newly_since);
        let look = next_look(transaction, chat, here, since, doubted, now).await?;
        let rows = &mut books.batch.rows.messages;
        let missing = |after: &mut MessageRow| after.missing_since = Some(now);
        let deleted = |after: &mut MessageRow| after.message.deleted_at = Some(now);
        rows.extend(newly.into_iter().map(|row| Write::changed(row, missing)));
        rows.extend(gone.into_iter().map(|row| Write::changed(row, deleted)));
        Ok(look)
    }

    /// The look that a chat waits for which was read before it, and not whole.
    pub(super) async fn look_waited_for(
        &self,
        transaction: &mut Transaction,
        chat: &ChatSync,
        now: Timestamp,
    ) -> Result<NextLook, PassError> {
        let missing = transaction.missing_messages(chat.chat_id).await?;
        let since = first_missing(&missing);
        let doubted = self.doubts_loss(transaction, chat, since, now).await?;
        let here = HashSet::new();
        next_look(transaction, chat, &here, since, doubted, now).await
    }

    /// Whether it is not believed what the chat has lost, because more than a few chats have lost much within a day. `since`: what is undecided is
    /// missing since then.
    async fn doubts_loss(
        &self,
        transaction: &mut Transaction,
        chat: &ChatSync,
        since: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool, PassError> {
        let Some(lost_at) = chat.lost_at.filter(|at| now.since(*at) <= DOUBTED_FOR) else {
            return Ok(false);
        };
        let since = since.map_or(lost_at, |since| since.min(lost_at));
        let others = transaction
            .other_losses(chat.chat_id, since.minus(DOUBTED_FOR), FEW)
            .await?;
        Ok(others >= FEW)
    }

    /// One more chat has lost more than is believed. If it is the first of them, those that were believed before are looked at again.
    async fn begin_to_doubt(
        &self,
        transaction: &mut Transaction,
        chat: &ChatSync,
        now: Timestamp,
    ) -> Result<(), PassError> {
        let since = now.minus(DOUBTED_FOR);
        let others = transaction
            .other_losses(chat.chat_id, since, FEW + 1)
            .await?;
        if others > FEW {
            return Ok(());
        }
        tracing::warn!(
            "more than {FEW} chats have lost much of what they held within a day: what is missing there is not called deleted before it has \
             been missing for a day, unless somebody believes it: stop the daemon, and run `chatmirror sync --accept-deletions`"
        );
        Ok(transaction
            .doubt_believed(since, now.plus(DOUBTED_FOR))
            .await?)
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

impl NextLook {
    /// The look at a chat in which an item that shows no id may be any of the messages that are `missing`: there is no hurry.
    pub(super) fn behind_hidden(missing: &[MessageRow], now: Timestamp) -> Self {
        first_missing(missing).map_or(Self::Never, |since| Self::PutOff {
            why: Owed::Missing,
            due_at: now.plus(now.since(since).clamp(LOOK_AGAIN, DOUBTED_FOR)),
        })
    }

    /// Owes it.
    pub(super) fn owe(self, chat: &mut ChatSync) {
        match self {
            Self::Never => {}
            Self::Soon => chat.owe(Owed::Missing, None),
            Self::PutOff { why, due_at } => chat.put_off(why, due_at),
        }
    }
}

/// The look that must decide of a chat, of which something is undecided `since` then. `here`: messages of a page that is not written yet.
async fn next_look(
    transaction: &mut Transaction,
    chat: &ChatSync,
    here: &HashSet<i64>,
    since: Option<Timestamp>,
    doubted: bool,
    now: Timestamp,
) -> Result<NextLook, PassError> {
    let due_at = match (since, chat.lost_at) {
        (Some(_), _) if !doubted => return Ok(NextLook::Soon),
        (Some(since), _) => {
            let mut span = LOOK_AGAIN;
            while since.plus(span) <= now {
                span *= 2;
            }
            since.plus(span.min(DOUBTED_FOR + RESOLUTION))
        }
        (None, Some(lost_at)) if doubted => {
            let lately = lost_at.minus(DOUBTED_FOR);
            let believed = transaction.believed(chat.chat_id, lately).await?;
            if believed.iter().all(|id| here.contains(id)) {
                return Ok(NextLook::Never);
            }
            lost_at.plus(DOUBTED_FOR + RESOLUTION)
        }
        (None, _) => return Ok(NextLook::Never),
    };
    let why = Owed::Doubted;
    Ok(NextLook::PutOff { why, due_at })
}

/// Since when the first of these messages is missing.
fn first_missing(rows: &[MessageRow]) -> Option<Timestamp> {
    rows.iter().filter_map(|row| row.missing_since).min()
}

/// Whether it is much that a chat has lost: most of its messages, or more of them than can be believed to go at once.
fn is_much(lost: usize, left: i64) -> bool {
    let left = usize::try_from(left).unwrap_or(0);
    lost > left || is_beyond_belief(lost, lost + left)
}

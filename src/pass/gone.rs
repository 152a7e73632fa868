//! What the source no longer has: chats that are asked for by their id before they are called deleted, and slips of
//! the source that must not pass for deletions.

use super::messages::stream;
use super::{Pass, PassError};
use crate::clock::Timestamp;
use crate::model::Reject;
use crate::plan::{Owed, RESOLUTION, Rule};
use crate::store::{Batch, ChatRow, Checkpoint, Rows, Transaction, Write};

/// So many chats may go at once, or lose much of what they hold, without anybody being asked.
pub(super) const FEW: u32 = 5;

/// A share larger than one in this many is more than can be believed to be gone.
const BELIEVABLE_SHARE: usize = 10;

/// Whether it cannot be believed that so many are `gone` at once, `of` so many: more than a few, and more than a share.
pub(super) fn is_beyond_belief(gone: usize, of: usize) -> bool {
    gone > FEW as usize && gone > of / BELIEVABLE_SHARE
}

impl Pass<'_> {
    /// Asks for a chat that is not where it should be. Unknown to the source in two passes, it is deleted.
    pub(super) async fn ask_for_vanished(&self, chat_id: i64) -> Result<(), PassError> {
        // A peek decides nothing: the chat stays owed, and is asked for after the lists.
        if self.is_peeking() {
            return Ok(());
        }
        let answer = self.ask(async |client| client.chat(chat_id).await).await?;
        self.saw(answer.date)?;
        match answer.value {
            Some(Ok(listed)) if listed.chat.id == chat_id => {
                self.is_there(&listed, answer.date).await
            }
            Some(Err(reject)) => self.is_there_unreadable(chat_id, reject, answer.date).await,
            Some(Ok(_)) | None => self.is_not_there(chat_id, answer.date).await,
        }
    }

    /// It was only out of sight: it is read whole.
    async fn is_there(
        &self,
        listed: &crate::model::ListedChat,
        now: Timestamp,
    ) -> Result<(), PassError> {
        let chat_id = listed.chat.id;
        let mut transaction = self.setting.store.begin().await?;
        let comparison = transaction.compare_chats(&[listed], None, now).await?;
        let mut batch = self.batch(stream(chat_id), Some(chat_id), now);
        batch.rows = comparison.rows;
        batch.debts = transaction.chat_syncs(&[chat_id]).await?;
        let complete_through = self.stored_watermark().await?;
        for chat in &mut batch.debts {
            chat.walk = None;
            chat.owe_instead(Owed::Count, complete_through);
        }
        transaction.commit(batch).await?;
        // A chat that exists and stands in no list: perhaps the list without a state is not what it was taken for.
        self.learn(|traits| traits.union = None).await
    }

    /// It is there, and what is said of it cannot be read: its messages may be.
    async fn is_there_unreadable(
        &self,
        chat_id: i64,
        reject: Reject,
        now: Timestamp,
    ) -> Result<(), PassError> {
        let complete_through = self.stored_watermark().await?;
        let mut transaction = self.setting.store.begin().await?;
        let mut batch = self.batch(stream(chat_id), Some(chat_id), now);
        for row in transaction.chats(&[chat_id]).await? {
            if row.missing_since.is_some() {
                let there = Write::changed(row, |after| after.missing_since = None);
                batch.rows.chats.push(there);
            }
        }
        batch.rejects.push(reject);
        batch.debts = transaction.chat_syncs(&[chat_id]).await?;
        for chat in &mut batch.debts {
            chat.walk = None;
            chat.owe_instead(Owed::Count, complete_through);
        }
        Ok(transaction.commit(batch).await?)
    }

    async fn is_not_there(&self, chat_id: i64, now: Timestamp) -> Result<(), PassError> {
        let complete_through = self.stored_watermark().await?;
        let mut transaction = self.setting.store.begin().await?;
        let (Some(row), Some(mut chat)) = (
            transaction.chats(&[chat_id]).await?.pop(),
            transaction.chat_syncs(&[chat_id]).await?.pop(),
        ) else {
            return Ok(transaction.leave().await?);
        };
        let first_answer = *self.first_answer.lock().map_err(|_| PassError::Poisoned)?;
        let is_second_look = match row.missing_since {
            // Its messages may have moved to a chat that no look has shown since, or that was not read since; or to one that has vanished
            // after it, and from there on.
            Some(since) if Some(since) < first_answer => {
                let margin = RESOLUTION + self.skew();
                let mut last = since;
                while let Some(later) = transaction.last_vanished(last.plus(margin)).await?
                    && later > last
                {
                    last = later;
                }
                let read_since = last.plus(margin);
                complete_through >= Some(last) && !transaction.owes_since(read_since).await?
            }
            _ => false,
        };
        let mut rows = Rows::default();
        if is_second_look || !self.keeps(Rule::SecondLookForDeletions) {
            rows = deleted(&mut transaction, row, now).await?;
            chat.owed = None;
            chat.whole = false;
            chat.covered_through = None;
            chat.walk = None;
        } else {
            rows.chats.push(Write::changed(row, |after| {
                after.missing_since = after.missing_since.or(Some(now));
            }));
            rows.chats
                .retain(|write| write.before.as_ref() != Some(&write.row));
            // Its messages may have moved to a chat that this pass has read already: it is owed until the next pass.
            chat.owe(Owed::Vanished, complete_through);
            if !self.keeps(Rule::VanishedHoldsTheClaim) {
                chat.covered_through = Some(now);
            }
        }
        let checkpoint = Checkpoint::Chat(Box::new(chat));
        transaction
            .commit(Batch {
                rows,
                checkpoint,
                ..self.batch(stream(chat_id), Some(chat_id), now)
            })
            .await?;
        Ok(())
    }
}

/// A chat and its messages as they are to be stored when it is certain that the source has them no longer.
async fn deleted(
    transaction: &mut Transaction,
    row: ChatRow,
    now: Timestamp,
) -> Result<Rows, PassError> {
    let ids = transaction.listed_ids(row.chat.id).await?;
    let mut messages = transaction.messages(&ids).await?;
    // Nobody will look for these a second time.
    messages.extend(transaction.missing_messages(row.chat.id).await?);
    let messages = messages
        .into_iter()
        .map(|row| {
            Write::changed(row, |after| {
                after.missing_since = after.missing_since.or(Some(now));
                after.message.deleted_at = after.message.deleted_at.or(Some(now));
            })
        })
        .collect();
    let after = ChatRow {
        deleted_at: row.deleted_at.or(Some(now)),
        ..row.clone()
    };
    // It may have been asked for twice.
    let chats = (after != row).then_some(Write {
        row: after,
        before: Some(row),
    });
    Ok(Rows {
        chats: chats.into_iter().collect(),
        messages,
        ..Rows::default()
    })
}

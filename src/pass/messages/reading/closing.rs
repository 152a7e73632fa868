//! The end of a reading: whether the claim may move, and what is missing.

use std::collections::HashSet;

use super::{Books, Reading, Verdict};
use crate::clock::Timestamp;
use crate::model::{ListedMessage, Page};
use crate::pass::messages::missing::NextLook;
use crate::pass::messages::stream;
use crate::pass::{Pass, PassError};
use crate::plan::{ChatSync, Owed, Rule, Turn};
use crate::store::{Checkpoint, Unmet};

impl Pass<'_> {
    /// The end of a whole walk: if it is closed, the claim moves, and what it did not meet is missing.
    pub(super) async fn close_whole(
        &self,
        chat: &mut ChatSync,
        reading: &Reading,
        page: &Page<ListedMessage>,
        length: u64,
        mut books: Books,
    ) -> Result<Verdict, PassError> {
        let name = stream(chat.chat_id);
        let here: HashSet<i64> = books.batch.read.iter().copied().collect();
        let one_page = reading.walk.pages_read <= 1;
        let mut unmet = match (one_page, books.stored.listed) {
            (true, 0) => Vec::new(),
            (true, _) => books.transaction.listed_ids(chat.chat_id).await?,
            (false, _) => {
                books
                    .transaction
                    .unmet_messages(&name, chat.chat_id)
                    .await?
            }
        };
        unmet.retain(|id| !here.contains(id));
        let started_at = reading.walk.started_at.unwrap_or(page.date);
        let had_rejects = books.stored.has_rejects;
        let mut rejects = i64::try_from(books.batch.rejects.len()).unwrap_or(i64::MAX);
        if had_rejects {
            rejects += books
                .transaction
                .other_open_rejects(&name, started_at, &books.batch.rejects)
                .await?;
        }
        let unreadable = self.unreadable(&mut books, &name, started_at).await?;
        let before = unmet.len();
        unmet.retain(|id| !unreadable.contains(&Some(*id)));
        // They are stored as they once were, and counted as such.
        rejects -= i64::try_from(before - unmet.len()).unwrap_or(i64::MAX);
        let live = books.listed - i64::try_from(unmet.len()).unwrap_or(i64::MAX);
        let met = (live + rejects).cast_unsigned();
        if !one_page {
            books.batch.unmet = Unmet::Clear;
        }
        if !reading.is_closed(length, met) {
            chat.walk = None;
            books.batch.checkpoint = Checkpoint::Chat(Box::new(chat.clone()));
            books.transaction.commit(books.batch).await?;
            return Ok(Verdict::Again { why: Owed::Count });
        }
        let expected = (live + rejects).max(0);
        self.move_claim(chat, started_at, expected, books.updated_at);
        // An item that shows no id may be any of those that were not met: then none is missing.
        let may_be_hidden = unreadable.contains(&None);
        let next_look = if may_be_hidden {
            chat.stored_count = Some(books.listed);
            let missing = books.transaction.missing_messages(chat.chat_id).await?;
            NextLook::behind_hidden(&missing, page.date)
        } else {
            chat.stored_count = Some(live);
            self.mark_missing(&mut books, chat, (&unmet, live), &here, page.date)
                .await?
        };
        chat.read_at = Some(started_at);
        // A change since the walk began may lie in pages read before it, and wants its own explanation.
        if reading.is_taken_up() && chat.owed == Some(Owed::Unsettled) {
            chat.owe(Owed::Changed, None);
        }
        next_look.owe(chat);
        self.owe_reject(chat, reading).await?;
        books.batch.checkpoint = Checkpoint::Chat(Box::new(chat.clone()));
        if had_rejects {
            books.transaction.forget_rejects(&name, started_at).await?;
        }
        books.transaction.commit(books.batch).await?;
        Ok(Verdict::Claimed)
    }

    /// The ids, where they could be read, of the items that the walk could not read.
    async fn unreadable(
        &self,
        books: &mut Books,
        stream: &str,
        since: Timestamp,
    ) -> Result<HashSet<Option<i64>>, PassError> {
        let mut items: HashSet<Option<i64>> = HashSet::new();
        items.extend(books.batch.rejects.iter().map(|reject| reject.item_id));
        if books.stored.has_rejects {
            items.extend(books.transaction.rejected_items(stream, since).await?);
        }
        Ok(items)
    }

    /// The end of a reading of the news: the claim moves if the source has as many messages as are stored.
    pub(super) async fn close_news(
        &self,
        chat: &mut ChatSync,
        reading: &Reading,
        turn: Turn,
    ) -> Result<Verdict, PassError> {
        if self.keeps(Rule::ExplainedBump)
            && !reading.is_explained
            && (reading.found_news || chat.owed != Some(Owed::Unsettled))
        {
            return Ok(Verdict::Again {
                why: Owed::Unexplained,
            });
        }
        let length = match turn {
            Turn::End { length } => length,
            _ => self.count_messages(chat.chat_id).await?,
        };
        let counts = self.keeps(Rule::ExactCount);
        let mut transaction = self.setting.store.begin().await?;
        let live = transaction.listed_messages(chat.chat_id).await?;
        let rejects = transaction
            .open_rejects(&stream(chat.chat_id), None)
            .await?;
        let (Some(row), Some(started_at)) = (
            transaction.chats(&[chat.chat_id]).await?.pop(),
            reading.walk.started_at,
        ) else {
            transaction.leave().await?;
            return Ok(Verdict::Again { why: Owed::Count });
        };
        if counts && (live + rejects).cast_unsigned() != length {
            transaction.leave().await?;
            return Ok(Verdict::Again { why: Owed::Count });
        }
        self.move_claim(chat, started_at, live + rejects, row.chat.updated_at);
        chat.stored_count = Some(live);
        self.owe_reject(chat, reading).await?;
        let now = self.server_now().unwrap_or(started_at);
        self.look_waited_for(&mut transaction, chat, now)
            .await?
            .owe(chat);
        let mut batch = self.batch(stream(chat.chat_id), Some(chat.chat_id), now);
        batch.checkpoint = Checkpoint::Chat(Box::new(chat.clone()));
        transaction.commit(batch).await?;
        Ok(Verdict::Claimed)
    }

    pub(super) fn move_claim(
        &self,
        chat: &mut ChatSync,
        at: Timestamp,
        count: i64,
        updated_at: Timestamp,
    ) {
        chat.claim(at, count, updated_at, self.skew());
        if !self.keeps(Rule::Settled) {
            chat.owed = None;
            chat.due_at = None;
            chat.covered_through = None;
        }
    }

    /// An item that could not be read for the first time may have been a slip of the source: it is looked at once more.
    async fn owe_reject(&self, chat: &mut ChatSync, reading: &Reading) -> Result<(), PassError> {
        if reading.has_new_rejects {
            chat.owe(Owed::Reject, self.stored_watermark().await?);
        }
        Ok(())
    }
}

//! One reading of a chat: what each page adds, and whether it may now be said that nothing is missing.

mod closing;

use std::collections::HashSet;

use super::stream;
use crate::clock::Timestamp;
use crate::model::{ListedMessage, Page};
use crate::pass::crossing::Moment;
use crate::pass::{Pass, PassError};
use crate::plan::{self, ChatSync, ListOrder, Owed, Reach, Rule, Spacing, Turn, Walk};
use crate::store::{Batch, Checkpoint, Lookup, MessageComparison, Stored, Transaction, Unmet};

/// A reading under way.
pub(super) struct Reading {
    pub(super) walk: Walk,
    /// To the list's end, or only until it meets what is known.
    reach: Reach,
    pub(super) order: ListOrder,
    begun_in: BegunIn,
    /// Messages read so far, of a reading that is not whole.
    read: HashSet<i64>,
    /// Whether a message read tells of the time that the chat says it changed at.
    is_explained: bool,
    /// Whether the pages read differed from what was stored.
    found_news: bool,
    /// Whether an item was met that cannot be read and was never met before.
    has_new_rejects: bool,
}

/// Which pass read its first page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum BegunIn {
    ThisPass,
    /// What its pages showed may be older than the chat's last change.
    EarlierPass,
}

/// What came of a reading.
pub(super) enum Verdict {
    /// The claim has moved.
    Claimed,
    /// The chat must be read whole, again.
    Again {
        /// What was found out.
        why: Owed,
    },
    /// Others wait; the walk goes on in the next pass.
    Paused,
    /// The source does not know the chat.
    Vanished,
}

/// A page's place in the books, while its transaction is open.
pub(super) struct Books {
    pub(super) transaction: Transaction,
    comparison: MessageComparison,
    /// The chat as it was before the page.
    pub(super) stored: Stored,
    updated_at: Timestamp,
    /// Messages that the mirror counts as listed, this page's included.
    listed: i64,
    pub(super) batch: Batch,
}

impl Reading {
    pub(super) fn new(walk: Walk, reach: Reach, order: ListOrder) -> Self {
        Self {
            walk,
            reach,
            order,
            begun_in: BegunIn::ThisPass,
            read: HashSet::new(),
            is_explained: false,
            found_news: false,
            has_new_rejects: false,
        }
    }

    /// Goes on with a walk that an earlier pass began.
    pub(super) fn taken_up(mut walk: Walk, order: ListOrder) -> Self {
        walk.resume();
        Self {
            begun_in: BegunIn::EarlierPass,
            ..Self::new(walk, Reach::Whole, order)
        }
    }

    pub(super) fn is_taken_up(&self) -> bool {
        self.begun_in == BegunIn::EarlierPass
    }

    pub(super) fn is_whole(&self) -> bool {
        self.reach == Reach::Whole
    }

    /// Whether the pages read suffice: the list's end, or a message that is stored as it is.
    fn has_met_the_known(
        &mut self,
        turn: Turn,
        comparison: &MessageComparison,
        read: &[i64],
    ) -> bool {
        let at_end = matches!(turn, Turn::End { .. });
        // Pages overlap: what an earlier page of this reading has just stored proves nothing.
        let meets = comparison.known.iter().any(|id| !self.read.contains(id));
        self.read.extend(read);
        // Nor does a page that does not follow on the one before.
        at_end || (self.order == ListOrder::NewestFirst && meets && turn.joins())
    }

    /// Whether a walk that ended met every message that the list held at its first page. `met` includes unreadable ones.
    fn is_closed(&self, length: u64, met: u64) -> bool {
        let newest_first = self.order == ListOrder::NewestFirst;
        match (self.walk.spacing(), self.walk.counted) {
            (Spacing::Abutting, counted) => counted == Some(met),
            // What arrives at the head meanwhile is counted at the end and not met; the next look finds it.
            (Spacing::Overlapping, _) if newest_first => met <= length,
            (Spacing::Overlapping, _) => met == length,
        }
    }
}

impl Pass<'_> {
    /// Writes a page of messages that was asked for at `asked`; says what came of the reading, if it is over.
    pub(super) async fn store_messages(
        &self,
        chat: &mut ChatSync,
        reading: &mut Reading,
        page: &Page<ListedMessage>,
        turn: Turn,
        asked: Moment,
    ) -> Result<Option<Verdict>, PassError> {
        let Some(mut books) = self.open_books(chat, reading, page, asked).await? else {
            return Ok(Some(Verdict::Again { why: Owed::Moved }));
        };
        let one_page = page.pages <= 1 && reading.walk.pages_read == 1 && page.window.page == 1;
        if reading.is_whole() || one_page {
            return self.turn_whole(chat, reading, page, turn, books).await;
        }
        if turn == Turn::Lost {
            books.transaction.commit(books.batch).await?;
            return Ok(Some(Verdict::Again { why: Owed::Count }));
        }
        let suffices = reading.has_met_the_known(turn, &books.comparison, &books.batch.read);
        let stray = reading.order == ListOrder::OldestFirst
            && reading.walk.pages_read == 1
            && books.comparison.known.is_empty();
        if !suffices && !stray && reading.order == ListOrder::NewestFirst {
            // Stopped here, the next reading would meet this page as known and be content, with a gap below it.
            let whole = ChatSync {
                whole: true,
                ..chat.clone()
            };
            books.batch.checkpoint = Checkpoint::Chat(Box::new(whole));
        }
        books.transaction.commit(books.batch).await?;
        if stray {
            return Ok(Some(Verdict::Again { why: Owed::Count }));
        }
        if !suffices {
            return Ok(None);
        }
        self.close_news(chat, reading, turn).await.map(Some)
    }

    /// Compares the page and prepares its batch. Nothing, if it would take a message from a chat of which a newer page may have been
    /// written since this one was asked for.
    async fn open_books(
        &self,
        chat: &ChatSync,
        reading: &mut Reading,
        page: &Page<ListedMessage>,
        asked: Moment,
    ) -> Result<Option<Books>, PassError> {
        let skew = self.skew();
        let messages: Vec<&ListedMessage> = page.readable().collect();
        let rejects: Vec<_> = page.rejects().cloned().collect();
        let name = stream(chat.chat_id);
        let read: Vec<i64> = messages.iter().map(|listed| listed.message.id).collect();
        let lookup = Lookup {
            chat_id: chat.chat_id,
            stream: name.clone(),
            ids: read.clone(),
        };
        let (mut transaction, stored) = self.setting.store.begin_page(lookup).await?;
        let mut comparison = transaction
            .compare_messages(chat.chat_id, &stored, &messages, page.date)
            .await?;
        let mut left = comparison.left.iter();
        if left.any(|other| self.written.has_since(asked, *other)) {
            transaction.leave().await?;
            return Ok(None);
        }
        self.written.note(chat.chat_id);
        let updated_at = stored.updated_at.unwrap_or(page.date);
        reading.is_explained |= plan::is_explained(
            updated_at,
            messages.iter().flat_map(|listed| listed.message.moments()),
            skew,
        );
        reading.found_news |= !comparison.rows.messages.is_empty();
        reading.has_new_rejects |= transaction.unheard_rejects(&name, &rejects).await? > 0;
        let listed = stored.listed + comparison.gained;
        let left: Vec<i64> = comparison.left.iter().copied().collect();
        let mut debts = transaction.chat_syncs(&left).await?;
        for other in &mut debts {
            other.owe(Owed::Moved, stored.watermark);
        }
        let batch = Batch {
            rows: std::mem::take(&mut comparison.rows),
            debts,
            rejects,
            read,
            drift: page.drift.clone(),
            is_audit: chat.owed == Some(Owed::Reread),
            had_rejects: stored.has_rejects,
            ..self.batch(name, Some(chat.chat_id), page.date)
        };
        Ok(Some(Books {
            transaction,
            comparison,
            stored,
            updated_at,
            listed,
            batch,
        }))
    }

    /// A page of a whole walk: the position moves, or the walk is closed, or it is in vain.
    async fn turn_whole(
        &self,
        chat: &mut ChatSync,
        reading: &mut Reading,
        page: &Page<ListedMessage>,
        turn: Turn,
        mut books: Books,
    ) -> Result<Option<Verdict>, PassError> {
        let begins = reading.walk.pages_read <= 1 && turn.joins();
        let met = books.batch.read.clone();
        match turn {
            Turn::Next | Turn::Disjoint => {
                books.batch.unmet = if begins {
                    Unmet::Begin(met)
                } else {
                    Unmet::Met(met)
                };
                chat.walk = Some(reading.walk.clone());
                let mut checkpoint = chat.clone();
                if !self.keeps(Rule::ClaimWithTheLastPage) {
                    self.move_claim(&mut checkpoint, page.date, books.listed, books.updated_at);
                }
                let content = !self.keeps(Rule::WholeHistory)
                    && chat.owed == Some(Owed::New)
                    && self.stored_watermark().await?.is_some();
                if content {
                    self.move_claim(&mut checkpoint, page.date, books.listed, books.updated_at);
                }
                books.batch.checkpoint = Checkpoint::Chat(Box::new(checkpoint));
                books.transaction.commit(books.batch).await?;
                Ok(content.then_some(Verdict::Claimed))
            }
            Turn::Lost => {
                books.batch.unmet = Unmet::Clear;
                chat.walk = None;
                books.batch.checkpoint = Checkpoint::Chat(Box::new(chat.clone()));
                books.transaction.commit(books.batch).await?;
                Ok(Some(Verdict::Again { why: Owed::Count }))
            }
            Turn::End { length } => self
                .close_whole(chat, reading, page, length, books)
                .await
                .map(Some),
        }
    }
}

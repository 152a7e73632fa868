//! Reading one chat's messages: the news from the head, or the whole list; and when its claim may move.

mod missing;
mod reading;

use super::page::Found;
use super::{Pass, PassError};
use crate::model::{ListedMessage, MOST_PER_PAGE, Page, Window};
use crate::plan::{self, ChatSync, ListOrder, Owed, Reach, Spacing, Turn, Walk};
use crate::store::DueChat;

use reading::{Reading, Verdict};

/// Whole walks of one chat in one pass before it is left for the next.
const MOST_WALKS: u32 = 3;

/// With this many pages left, overlapping costs a page more at least, and so as much as an exact count: pages of 20 that overlap by
/// one message end at 20, 38, 54, 68, 80 and 95.
const TOO_MANY_TO_OVERLAP: u64 = 4;

/// Requests for one chat in one walk: more than any chat has pages.
const MOST_REQUESTS: u32 = 100_000;

impl Pass<'_> {
    /// Reads a chat until its claim has moved, or until it is certain that it must wait.
    pub(super) async fn read_chat(
        &self,
        due: DueChat,
        mut chat: ChatSync,
    ) -> Result<(), PassError> {
        if due.owed == Owed::Vanished {
            return self.ask_for_vanished(due.chat_id).await;
        }
        chat.whole |= due.owed.wants_whole();
        let listed = match self.traits()?.message_order {
            ListOrder::OldestFirst => self.setting.store.listed_messages(due.chat_id).await?,
            _ => 0,
        };
        for _ in 0..MOST_WALKS {
            let mut reading = self.begin_reading(&mut chat, listed.cast_unsigned())?;
            match self.walk_messages(&mut chat, &mut reading).await? {
                // A walk that an earlier pass began proves the past: what came since is read at once.
                Verdict::Claimed
                    if reading.is_taken_up() && chat.owed.is_some_and(Owed::is_debt) => {}
                Verdict::Claimed | Verdict::Paused => return Ok(()),
                Verdict::Vanished => return self.ask_for_vanished(due.chat_id).await,
                Verdict::Again { why } => {
                    tracing::debug!(chat.id = due.chat_id, ?why, "the chat must be read whole");
                    chat.owe(why, self.stored_watermark().await?);
                    chat.whole = true;
                    chat.walk = None;
                }
            }
        }
        self.leave_owed(chat).await
    }

    /// Takes up the chat's stored walk, or begins the one that is owed.
    fn begin_reading(&self, chat: &mut ChatSync, listed: u64) -> Result<Reading, PassError> {
        let order = self.traits()?.message_order;
        if let Some(walk) = chat.walk.take() {
            return Ok(Reading::taken_up(walk, order));
        }
        let from_head = Walk::from_start(Spacing::Overlapping);
        Ok(match order {
            _ if chat.whole => Reading::new(from_head, Reach::Whole, order),
            ListOrder::NewestFirst => Reading::new(from_head, Reach::Head, order),
            ListOrder::OldestFirst if listed > 0 => {
                let from_known = Walk::at(Spacing::Overlapping, plan::update_start(listed));
                Reading::new(from_known, Reach::Head, order)
            }
            _ => Reading::new(from_head, Reach::Whole, order),
        })
    }

    /// Reads page after page until something is certain.
    async fn walk_messages(
        &self,
        chat: &mut ChatSync,
        reading: &mut Reading,
    ) -> Result<Verdict, PassError> {
        for _ in 0..MOST_REQUESTS {
            let asked = self.written.now();
            let page = match self
                .message_page(chat.chat_id, reading.walk.window())
                .await?
            {
                Found::Page(page) => page,
                Found::NoList { .. } => return Ok(Verdict::Vanished),
                Found::NoPage => match reading.walk.past_the_end() {
                    Turn::Lost => return Ok(Verdict::Again { why: Owed::Count }),
                    _ => continue,
                },
            };
            self.learn_message_order(&page).await?;
            let turn = reading.walk.absorb(&page);
            if turn == Turn::Next {
                self.choose_spacing(chat.chat_id, reading, &page).await?;
            }
            let stored = self
                .store_messages(chat, reading, &page, turn, asked)
                .await?;
            if let Some(verdict) = stored {
                return Ok(verdict);
            }
            if reading.is_whole() && self.gives_way() {
                return Ok(Verdict::Paused);
            }
        }
        Ok(Verdict::Again { why: Owed::Count })
    }

    /// What is left of a long list is read with pages that abut, and closed by a count from before them, if nothing has moved since the
    /// first page.
    async fn choose_spacing(
        &self,
        chat_id: i64,
        reading: &mut Reading,
        page: &Page<ListedMessage>,
    ) -> Result<(), PassError> {
        let items = u64::from(page.pages) * u64::from(page.window.limit);
        let left = items.saturating_sub(page.window.end()) / u64::from(MOST_PER_PAGE);
        let overlapping = reading.walk.spacing() == Spacing::Overlapping;
        let ordered = reading.order == ListOrder::NewestFirst;
        // Only behind the first page: of rows met on more of them, some may be gone that the count would stand for.
        let begins = reading.walk.pages_read == 1;
        if begins
            && reading.is_whole()
            && overlapping
            && ordered
            && left >= TOO_MANY_TO_OVERLAP
            && let Some(last) = reading.walk.last_read()
        {
            let length = self.count_messages_behind(chat_id, last).await?;
            reading.walk.counted = length;
            if length.is_some() {
                reading.walk.abut();
            }
        }
        Ok(())
    }

    /// Fetches a page of the chat's list.
    pub(super) async fn message_page(
        &self,
        chat_id: i64,
        window: Window,
    ) -> Result<Found<ListedMessage>, PassError> {
        let found = self
            .fetch_page(&stream(chat_id), window, async |client, window| {
                client.messages(chat_id, window).await
            })
            .await?;
        if let Found::Page(page) = &found {
            let shown = page.items.len() as u64;
            self.setting
                .progress
                .send_modify(|progress| progress.messages_read += shown);
        }
        Ok(found)
    }

    /// The order of message lists only decides where reading begins: whether it sufficed, a count tells.
    async fn learn_message_order(&self, page: &Page<ListedMessage>) -> Result<(), PassError> {
        let mut evidence = plan::Evidence::default();
        for message in page.readable().map(|listed| &listed.message) {
            if let Some(created_at) = message.created_at {
                evidence.add(message.id, created_at);
            }
        }
        let seen = evidence.suggests();
        self.learn(|traits| {
            traits.message_order = match (traits.message_order, seen) {
                (known, ListOrder::Unknown) => known,
                (ListOrder::Unknown, seen) => seen,
                (known, seen) if known == seen => known,
                _ => ListOrder::Other,
            };
        })
        .await
    }

    /// The chat could not be closed in this pass: what was found out stays owed.
    async fn leave_owed(&self, chat: ChatSync) -> Result<(), PassError> {
        let now = self
            .server_now()
            .unwrap_or_else(|| self.setting.clock.now());
        let transaction = self.setting.store.begin().await?;
        let mut batch = self.batch(stream(chat.chat_id), Some(chat.chat_id), now);
        batch.debts.push(chat);
        transaction.commit(batch).await?;
        Ok(())
    }
}

/// The name of a chat's list of messages.
pub(super) fn stream(chat_id: i64) -> String {
    format!("messages/{chat_id}")
}

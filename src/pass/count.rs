//! How many items a list has, exactly: the source gives no total, but it can be made to tell.

use super::{Pass, PassError};
use crate::model::{ChatList, Listed, MOST_PER_PAGE, Page, Window};
use crate::source::SourceError;
use crate::source::smartsender::Client;

/// Looks at a last page that is no longer the last when it comes: lists grow.
const MOST_LOOKS: u32 = 5;

impl Pass<'_> {
    /// The exact number of chats in a list.
    pub(super) async fn count_chats(&self, list: ChatList) -> Result<u64, PassError> {
        self.count(async |client, window| client.chats(list, window).await)
            .await
    }

    /// The exact number of messages in a chat.
    pub(super) async fn count_messages(&self, chat_id: i64) -> Result<u64, PassError> {
        self.count(async |client, window| client.messages(chat_id, window).await)
            .await
    }

    /// The exact number of messages in a chat, if this one still stood at this position (from 1) when they were counted; nothing if
    /// it did not, or if one answer cannot tell both: that takes pages of one item.
    pub(super) async fn count_messages_behind(
        &self,
        chat_id: i64,
        (message, position): (i64, u64),
    ) -> Result<Option<u64>, PassError> {
        if self.traits()?.counts_by_one != Some(true) {
            return Ok(None);
        }
        let window = Window {
            page: u32::try_from(position).unwrap_or(u32::MAX),
            limit: 1,
        };
        let answer = self
            .ask(async |client| client.messages(chat_id, window).await)
            .await;
        match answer {
            Ok(page) => {
                self.saw(page.date)?;
                let mut shown = page.readable().map(Listed::id);
                let stands = page.items.len() == 1
                    && page.pages >= window.page
                    && shown.next() == Some(message);
                Ok(stands.then_some(u64::from(page.pages)))
            }
            // The list has become shorter than that.
            Err(PassError::Source(SourceError::Refused { .. } | SourceError::NotFound { .. })) => {
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// One request where pages of one item are given: their number is the number of items. Otherwise the last page tells.
    async fn count<T: Listed>(
        &self,
        page: impl AsyncFn(&Client, Window) -> Result<Page<T>, SourceError>,
    ) -> Result<u64, PassError> {
        if self.traits()?.counts_by_one != Some(false) {
            match self
                .ask(async |client| page(client, Window::COUNT).await)
                .await
            {
                Ok(answer) if answer.items.len() <= 1 => {
                    self.saw(answer.date)?;
                    self.learn(|traits| traits.counts_by_one = Some(true))
                        .await?;
                    if let Some(length) = answer.list_length() {
                        return Ok(length);
                    }
                }
                Ok(_) | Err(PassError::Source(SourceError::Refused { .. })) => {
                    self.learn(|traits| traits.counts_by_one = Some(false))
                        .await?;
                }
                Err(error) => return Err(error),
            }
        }
        self.count_by_last_page(page).await
    }

    async fn count_by_last_page<T: Listed>(
        &self,
        page: impl AsyncFn(&Client, Window) -> Result<Page<T>, SourceError>,
    ) -> Result<u64, PassError> {
        let mut window = Window::FIRST;
        for _ in 0..MOST_LOOKS {
            let answer = self.ask(async |client| page(client, window).await).await?;
            self.saw(answer.date)?;
            if let Some(length) = answer.list_length() {
                return Ok(length);
            }
            window = Window {
                page: answer.pages.max(1),
                limit: MOST_PER_PAGE,
            };
        }
        Err(PassError::Source(SourceError::Unreadable {
            why: "the number of pages does not fit the pages".to_owned(),
        }))
    }
}

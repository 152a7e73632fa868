//! The learned order, put to the test: a page from where walks no longer look, another one each time.

use super::walking::Until;
use crate::model::{ChatList, ListedChat, MOST_PER_PAGE, Window};
use crate::pass::page::Found;
use crate::pass::{Pass, PassError};
use crate::plan::{ListOrder, Spacing, Turn, Walk};

impl Pass<'_> {
    /// Reads one page of the list of chats from below the head: a chat there that is not stored as it stands, and does not
    /// call itself newer than the last look, changed without coming to the head. Then the order falls.
    pub(in crate::pass) async fn probe_order(&self) -> Result<(), PassError> {
        let traits = self.traits()?;
        let Some(watermark) = self.stored_watermark().await? else {
            return Ok(());
        };
        if traits.chat_order != ListOrder::NewestFirst {
            return Ok(());
        }
        let window = Window {
            page: traits.next_probe.max(2),
            limit: MOST_PER_PAGE,
        };
        let mut walk = Walk::at(Spacing::Abutting, window);
        let Found::Page(page) = self.chat_page(ChatList::All, window).await? else {
            return self.learn(|traits| traits.next_probe = 2).await;
        };
        let is_last = page.window.page >= page.pages;
        self.learn(|traits| traits.next_probe = if is_last { 2 } else { window.page + 1 })
            .await?;
        if walk.absorb(&page) == Turn::Lost {
            return Ok(());
        }
        let nearby = Until::Known { watermark };
        let comparison = self
            .store_chats(ChatList::All, &walk, &page, Turn::Next, nearby)
            .await?;
        // What changed since the last look may stand here by now: only what calls itself older has slipped by.
        let slipped = |listed: &ListedChat| {
            let chat = &listed.chat;
            let stored = comparison.stored.get(&chat.id);
            let moved = stored.is_none_or(|row| row.chat.updated_at != chat.updated_at);
            moved && chat.updated_at <= watermark
        };
        if walk.evidence.contradicts_newest_first() || page.readable().any(slipped) {
            self.distrust_order("a chat changed and did not come to the head")
                .await?;
        }
        Ok(())
    }
}

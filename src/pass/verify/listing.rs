//! A list read for the ids in it alone: nothing of it is stored.

use std::collections::BTreeMap;

use crate::clock::Timestamp;
use crate::model::{ChatList, Listed, Window};
use crate::pass::page::Found;
use crate::pass::{Pass, PassError};
use crate::plan::{Spacing, Turn, Walk};

/// Walks tried before it is given up to know what is in a list.
const MOST_WALKS: u32 = 3;

/// The ids in a list, each with the time by which it is told whether the mirror can know it.
pub(super) type Ids = BTreeMap<i64, Option<Timestamp>>;

impl Pass<'_> {
    /// The messages in a chat's list, with the times at which they were written; none if the chat is gone. Nothing if the
    /// pages do not fit together.
    pub(super) async fn message_ids(&self, chat_id: i64) -> Result<Option<Ids>, PassError> {
        self.ids(async |window| self.message_page(chat_id, window).await)
            .await
    }

    /// The chats in all lists, with the times of their last change. Nothing if the pages do not fit together.
    pub(super) async fn chat_ids(&self) -> Result<Option<Ids>, PassError> {
        let mut ids = Ids::new();
        let lists: &[ChatList] = match self.traits()?.union {
            Some(false) => &[ChatList::Open, ChatList::Closed],
            _ => &[ChatList::All],
        };
        for list in lists {
            let Some(more) = self
                .ids(async |window| self.chat_page(*list, window).await)
                .await?
            else {
                return Ok(None);
            };
            ids.extend(more);
        }
        Ok(Some(ids))
    }

    async fn ids<T: Listed>(
        &self,
        page: impl AsyncFn(Window) -> Result<Found<T>, PassError>,
    ) -> Result<Option<Ids>, PassError> {
        for _ in 0..MOST_WALKS {
            let mut walk = Walk::from_start(Spacing::Overlapping);
            let mut ids = Ids::new();
            loop {
                let turn = match page(walk.window()).await? {
                    Found::Page(page) => {
                        ids.extend(page.readable().map(|item| (item.id(), item.moment())));
                        walk.absorb(&page)
                    }
                    Found::NoPage => walk.past_the_end(),
                    Found::NoList { .. } => return Ok(Some(Ids::new())),
                };
                match turn {
                    Turn::Next | Turn::Disjoint => {}
                    Turn::End { .. } => return Ok(Some(ids)),
                    Turn::Lost => break,
                }
            }
        }
        Ok(None)
    }
}

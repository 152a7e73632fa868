//! The lists: channels, the chats of each, the messages of each chat. Pages overlap by one item, so that what moves up is not passed over.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use serde::{Deserialize, Serialize};

use super::{Walking, every_channel};
use crate::clock::Timestamp;
use crate::model::{ChatState, Delivery};
use crate::pass::PassError;
use crate::plan::Mode;
use crate::source::iqchannels::{Item, Listed};
use crate::store::{Place, Span};

/// Under this name the ledger keeps where reading has come to.
const STREAM: &str = "lists";

/// What has changed so shortly before a walk may not stand in its lists yet.
const MARGIN: Duration = Duration::from_mins(1);

/// A list that has moved up is looked at again from a page before, at most so often in a row.
const MOST_STEPS_BACK: u32 = 8;
const STEP_BACK: usize = 40;

/// Where a walk is.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Position {
    mode: Mode,
    began_at: Timestamp,
    /// The server's clock at the first answer.
    server_at: Option<Timestamp>,
    /// Whether chats could not be read before.
    partial: bool,
    channel: i64,
    state: ChatState,
    offset: usize,
}

/// A list of chats while it is walked.
#[derive(Default)]
struct Overlap {
    last: BTreeSet<i64>,
    steps_back: u32,
}

enum Next {
    Page,
    /// The list has moved up: this page begins behind what should follow the last one.
    StepBack,
    End,
}

impl Overlap {
    fn of(&mut self, items: &[Item], offset: usize) -> Next {
        let ids: BTreeSet<i64> = items.iter().map(|item| item.id).collect();
        let is_first = self.last.is_empty() && !ids.is_empty();
        let joins = is_first || offset == 0 || !ids.is_disjoint(&self.last);
        if !joins && self.steps_back < MOST_STEPS_BACK {
            self.steps_back += 1;
            return Next::StepBack;
        }
        if ids.is_subset(&self.last) {
            return Next::End;
        }
        self.steps_back = 0;
        self.last = ids;
        Next::Page
    }
}

impl Walking<'_> {
    /// Reads the lists, from where the last walk was interrupted if it was.
    pub(super) async fn walk(&self, mode: Mode) -> Result<(), PassError> {
        let stored = self.repair.store.reader().place(STREAM).await?;
        let watermark = stored.as_ref().and_then(|place| place.watermark);
        let left = stored.and_then(|place| place.position);
        let left: Option<Position> = left.and_then(|json| serde_json::from_str(&json).ok());
        // One that was to read less does not stand for one that is to read all.
        let left = left.filter(|left| left.mode == mode || mode == Mode::Incremental);
        let mut position = left.unwrap_or_else(|| self.beginning(mode));
        let through = watermark.filter(|_| position.mode == Mode::Incremental);
        let channels = self.channels(&mut position).await?;
        for channel in channels.range(position.channel..) {
            if *channel > position.channel {
                position.channel = *channel;
                position.state = ChatState::Open;
                position.offset = 0;
            }
            self.walk_channel(&mut position, through).await?;
        }
        let whole = !position.partial && self.chats_failed.load(Ordering::Relaxed) == 0;
        let reached = position.server_at.filter(|_| whole);
        let place = Place {
            stream: STREAM.to_owned(),
            position: None,
            watermark: reached.map(|at| at.minus(MARGIN)),
        };
        self.take(Delivery::default(), None, Some(place)).await
    }

    fn beginning(&self, mode: Mode) -> Position {
        Position {
            mode,
            began_at: self.repair.clock.now(),
            server_at: None,
            partial: false,
            channel: 0,
            state: ChatState::Open,
            offset: 0,
        }
    }

    /// The channels' ids.
    async fn channels(&self, position: &mut Position) -> Result<BTreeSet<i64>, PassError> {
        every_channel(async |offset| {
            let listed = self.ask(self.repair.client.channels(offset)).await?;
            position.server_at = position.server_at.or(listed.date);
            let ids = listed.items.iter().map(|item| item.id).collect();
            self.take(listed.delivery, None, None).await?;
            Ok(ids)
        })
        .await
    }

    /// Reads a channel's chats: the open ones, then the others.
    async fn walk_channel(
        &self,
        position: &mut Position,
        through: Option<Timestamp>,
    ) -> Result<(), PassError> {
        loop {
            self.walk_chats(position, through).await?;
            position.offset = 0;
            if position.state == ChatState::Closed {
                return Ok(());
            }
            position.state = ChatState::Closed;
        }
    }

    async fn walk_chats(
        &self,
        position: &mut Position,
        through: Option<Timestamp>,
    ) -> Result<(), PassError> {
        let mut overlap = Overlap::default();
        loop {
            let as_of = self.repair.store.reader().last_event().await?;
            let (channel, state) = (position.channel, position.state);
            let question = self
                .repair
                .client
                .chats(channel, state, position.offset, as_of);
            let Listed {
                items, delivery, ..
            } = self.ask(question).await?;
            let new = |item: &&Item| !overlap.last.contains(&item.id);
            let fresh: Vec<Item> = items.iter().filter(new).copied().collect();
            match overlap.of(&items, position.offset) {
                Next::End => return Ok(()),
                Next::StepBack => {
                    position.offset = position.offset.saturating_sub(STEP_BACK);
                    continue;
                }
                Next::Page => {}
            }
            let count = u64::try_from(fresh.len()).unwrap_or(u64::MAX);
            self.chats.fetch_add(count, Ordering::Relaxed);
            self.take(delivery, None, None).await?;
            self.read_chats(&fresh, position, through).await?;
            position.partial |= self.chats_failed.load(Ordering::Relaxed) > 0;
            position.offset += items.len() - 1;
            // A page of one item would be met again and again.
            position.offset += usize::from(items.len() == 1);
            let place = Place {
                stream: STREAM.to_owned(),
                position: serde_json::to_string(position).ok(),
                watermark: None,
            };
            self.take(Delivery::default(), None, Some(place)).await?;
        }
    }

    /// Reads the messages of those chats that are due, several at once.
    async fn read_chats(
        &self,
        items: &[Item],
        position: &Position,
        through: Option<Timestamp>,
    ) -> Result<(), PassError> {
        let has_changed = |item: &Item| {
            let times = item.at.zip(through);
            times.is_none_or(|(at, through)| at > through)
        };
        let due: Vec<i64> = items
            .iter()
            .filter(|item| has_changed(item))
            .map(|item| item.id)
            .collect();
        let reading = stream::iter(due).map(|chat| self.try_chat(chat, position, through));
        let mut reading = reading.buffer_unordered(self.repair.max_in_flight.max(1));
        while let Some(outcome) = reading.next().await {
            outcome?;
        }
        Ok(())
    }

    /// Reads a chat; one that cannot be read does not keep the others from it.
    async fn try_chat(
        &self,
        chat_id: i64,
        position: &Position,
        through: Option<Timestamp>,
    ) -> Result<(), PassError> {
        match self.read_chat(chat_id, position.began_at, through).await {
            Ok(()) => {
                self.chats_read.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) if error.spares_the_others() => {
                tracing::warn!(chat.id = chat_id, %error, "a chat could not be read");
                self.chats_failed.fetch_add(1, Ordering::Relaxed);
                Ok(())
            }
            Err(error) => Err(error),
        }
    }

    /// Reads a chat's messages, the latest first: all of them, or those that were written after `through`.
    async fn read_chat(
        &self,
        chat_id: i64,
        walk_began_at: Timestamp,
        through: Option<Timestamp>,
    ) -> Result<(), PassError> {
        let _permit = self
            .in_flight
            .acquire()
            .await
            .map_err(|_| PassError::Stopped)?;
        let reader = self.repair.store.reader();
        // What is written while the page is on its way is not missing in it.
        let mut to = reader.last_message(chat_id).await?;
        let mut least: Option<i64> = None;
        loop {
            let as_of = reader.last_event().await?;
            let listed = self
                .ask(self.repair.client.messages(chat_id, least, as_of))
                .await?;
            let older = listed
                .items
                .iter()
                .filter(|item| least.is_none_or(|least| item.id < least));
            let shown: BTreeSet<i64> = older.clone().map(|item| item.id).collect();
            let oldest = older.filter_map(|item| item.at).min();
            let from = shown.first().copied();
            // Of a chat that shows nothing at all, nothing is concluded.
            let span = (from.is_some() || least.is_some()).then(|| Span {
                chat_id,
                from: from.unwrap_or(0),
                to,
                shown,
                as_of,
                walk_began_at,
            });
            self.take(listed.delivery, span, None).await?;
            let Some(from) = from else {
                return Ok(());
            };
            least = Some(from);
            to = from - 1;
            let has_come = oldest
                .zip(through)
                .is_some_and(|(oldest, through)| oldest < through);
            if has_come {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn items(ids: &[i64]) -> Vec<Item> {
        ids.iter().map(|id| Item { id: *id, at: None }).collect()
    }

    #[test]
    fn a_list_that_has_moved_up_is_looked_at_again_from_before() {
        let mut overlap = Overlap::default();
        assert!(matches!(overlap.of(&items(&[1, 2, 3]), 0), Next::Page));
        assert!(matches!(overlap.of(&items(&[5, 6, 7]), 2), Next::StepBack));
        assert!(matches!(overlap.of(&items(&[3, 4, 5]), 0), Next::Page));
        assert!(matches!(overlap.of(&items(&[5, 6]), 2), Next::Page));
        // It has become shorter than where it is asked for.
        assert!(matches!(overlap.of(&items(&[]), 4), Next::StepBack));
        assert!(matches!(overlap.of(&items(&[6]), 3), Next::End));
    }

    #[test]
    fn a_list_without_items_and_one_that_never_joins_come_to_an_end() {
        assert!(matches!(Overlap::default().of(&items(&[]), 0), Next::End));
        let mut overlap = Overlap::default();
        assert!(matches!(overlap.of(&items(&[1]), 0), Next::Page));
        for _ in 0..MOST_STEPS_BACK {
            assert!(matches!(overlap.of(&items(&[]), 9), Next::StepBack));
        }
        assert!(matches!(overlap.of(&items(&[]), 9), Next::End));
    }
}

//! Open or closed: a chat does not say it, the lists it stands in do. And a chat that stands in none is gone.

use std::collections::{HashMap, HashSet};

use super::walking::Until;
use super::{Look, Met};
use crate::clock::Timestamp;
use crate::model::{ChatList, ChatState};
use crate::pass::gone::is_beyond_belief;
use crate::pass::{Pass, PassError};
use crate::plan::{ChatSync, Owed, Reach};
use crate::store::{Batch, ChatRow, Rows, Transaction, Write};

/// Chats that are called closed in one transaction, at most.
const AT_A_TIME: usize = 500;

impl Pass<'_> {
    /// Reads the open chats to the depth of the looks before: a chat met there and not here is closed.
    pub(in crate::pass) async fn look_at_states(
        &self,
        reach: Reach,
        looks: &[Look],
    ) -> Result<(), PassError> {
        let sure = match reach {
            Reach::Whole => {
                if looks.len() > 1 {
                    // The open list was read first, before the closed one: what left it since must be seen to have left.
                    self.setting
                        .store
                        .forget_walk(&ChatList::Open.to_string())
                        .await?;
                }
                let look = self.look_at_whole(ChatList::Open).await?;
                if look.closed {
                    self.close_unmet(look.started_at).await?;
                }
                look.closed
            }
            Reach::Head => {
                self.close_unmet_at_head(looks).await?;
                true
            }
        };
        self.learn(|traits| traits.unclosed_list = !sure).await
    }

    /// The chats that a whole walk of the open ones did not meet, and another walk did, are closed: what none met is gone. Nearly all chats of
    /// a large account may be: so many at a time.
    async fn close_unmet(&self, since: Timestamp) -> Result<(), PassError> {
        let open = ChatList::Open.to_string();
        let primary = self.primary_list()?.to_string();
        let most = AT_A_TIME.min(self.setting.chats_at_a_time);
        let most = u32::try_from(most).unwrap_or(u32::MAX);
        // Numbers begin with 0.
        let mut after = -1;
        loop {
            let mut transaction = self.setting.store.begin().await?;
            let closed = transaction
                .met_only_by(&primary, &open, after, most)
                .await?;
            let Some(last) = closed.last() else {
                return Ok(transaction.leave().await?);
            };
            after = *last;
            self.store_closed(transaction, closed, since).await?;
        }
    }

    /// The list that holds the chats which are not open.
    fn primary_list(&self) -> Result<ChatList, PassError> {
        Ok(match self.traits()?.union {
            Some(false) => ChatList::Closed,
            _ => ChatList::All,
        })
    }

    /// Of the chats met near the head, those are closed that the open list does not hold there.
    async fn close_unmet_at_head(&self, looks: &[Look]) -> Result<(), PassError> {
        let undecided: HashMap<i64, Timestamp> = looks
            .iter()
            .flat_map(|look| &look.met)
            .map(|met| (met.id, met.updated_at))
            .collect();
        let open = self
            .look_at_head(ChatList::Open, Until::Decided { chats: &undecided })
            .await?;
        let met: HashSet<i64> = open.met.iter().map(|met: &Met| met.id).collect();
        // Chats of one time may trade places over the seam between two pages: what shares it is left to a whole walk.
        let is_at_a_seam = |time: &Timestamp| open.pages > 1 && open.seams.contains(time);
        // They were looked for all the same: one of them may have been opened again.
        let are_closed: HashSet<i64> = looks
            .iter()
            .flat_map(|look| &look.met)
            .filter(|met| met.state_before == Some(ChatState::Closed))
            .map(|met| met.id)
            .collect();
        let closed: Vec<i64> = undecided
            .into_iter()
            .filter(|(id, time)| {
                !met.contains(id) && !are_closed.contains(id) && !is_at_a_seam(time)
            })
            .map(|(id, _)| id)
            .collect();
        for some in closed.chunks(AT_A_TIME) {
            let transaction = self.setting.store.begin().await?;
            self.store_closed(transaction, some.to_vec(), open.started_at)
                .await?;
        }
        Ok(())
    }

    /// Calls these chats closed, which were not met among the open ones since `since`, but for those that may be an item there which
    /// could not be read.
    async fn store_closed(
        &self,
        mut transaction: Transaction,
        chats: Vec<i64>,
        since: Timestamp,
    ) -> Result<(), PassError> {
        let now = self
            .server_now()
            .unwrap_or_else(|| self.setting.clock.now());
        let ids = readable(&mut transaction, chats, since).await?;
        let chats: Vec<Write<ChatRow>> = transaction
            .chats(&ids)
            .await?
            .into_iter()
            .filter(|row| row.state != Some(ChatState::Closed))
            .map(|row| Write::changed(row, |after| after.state = Some(ChatState::Closed)))
            .collect();
        if chats.is_empty() {
            return Ok(transaction.leave().await?);
        }
        transaction
            .commit(Batch {
                rows: Rows {
                    chats,
                    ..Rows::default()
                },
                ..self.batch(ChatList::Open.to_string(), None, now)
            })
            .await?;
        Ok(())
    }

    /// Chats that closed walks of all lists did not meet: they are missing, and owed a question by their id. Not those whose item there
    /// could not be read since `since`, when the walks began.
    pub(super) async fn absent_chats(
        &self,
        now: Timestamp,
        since: Timestamp,
    ) -> Result<(Rows, Vec<ChatSync>), PassError> {
        let complete_through = self.stored_watermark().await?;
        let primary = self.primary_list()?;
        let mut transaction = self.setting.store.begin().await?;
        let mut absent = transaction
            .met_by_neither(&primary.to_string(), &ChatList::Open.to_string())
            .await?;
        for list in [primary, ChatList::Open] {
            let rejected = transaction.rejected_items(&list.to_string(), since).await?;
            absent.retain(|id| !rejected.contains(&Some(*id)));
        }
        let stored = usize::try_from(transaction.listed_chats(None).await?).unwrap_or(usize::MAX);
        if is_beyond_belief(absent.len(), stored) && !self.setting.accept_deletions {
            transaction.leave().await?;
            // Whoever looks again must look: it may have been a slip of the source.
            self.setting.store.end_list_walks().await?;
            return Err(PassError::TooManyGone {
                gone: absent.len(),
                stored,
            });
        }
        let mut chats = Vec::new();
        for row in transaction.chats(&absent).await? {
            chats.push(Write::changed(row, |after| after.missing_since = Some(now)));
        }
        let mut debts = transaction.chat_syncs(&absent).await?;
        for chat in &mut debts {
            chat.owe(Owed::Vanished, complete_through);
        }
        transaction.leave().await?;
        Ok((
            Rows {
                chats,
                ..Rows::default()
            },
            debts,
        ))
    }
}

/// Of these chats those that cannot be an item of the list of open ones which could not be read.
async fn readable(
    transaction: &mut Transaction,
    mut chats: Vec<i64>,
    since: Timestamp,
) -> Result<Vec<i64>, PassError> {
    let stream = ChatList::Open.to_string();
    for id in transaction.rejected_items(&stream, since).await? {
        match id {
            Some(id) => chats.retain(|chat| *chat != id),
            None => chats.clear(),
        }
    }
    Ok(chats)
}

//! Reading the chats that are due: several side by side, each one's pages in order.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::atomic::Ordering;

use futures_util::{StreamExt, future, stream};

use super::{Pass, PassError, Phase};
use crate::plan::{ChatSync, Owed};
use crate::store::DueChat;

/// A chat may turn out to be owed again by what is found in another one; more often than this a pass does not go back to it.
const MOST_VISITS: u32 = 3;

/// Chats that are read side by side for each request that may be in flight, where nothing slows requests down.
const UNPACED_CHATS: usize = 8;

/// Chats in a row that cannot be read before the source is held to be out of order.
pub(super) const MOST_FAILURES_IN_A_ROW: u64 = 5;

/// Of so many chats one is that whose debt is the oldest.
const ONE_IN: usize = 4;

/// As many are picked by the age of their debt at a time: more than a pass reads under a budget before it looks for news again.
const MOST_BY_AGE: u32 = 64;

impl Pass<'_> {
    /// Reads every chat that is due, and those that become due by it.
    pub(super) async fn read_due_chats(&self) -> Result<(), PassError> {
        let mut done = 0;
        loop {
            let round = self.next_due().await?;
            if round.due.is_empty() {
                return Ok(());
            }
            self.setting.progress.send_modify(|progress| {
                progress.phase = Phase::Messages;
                progress.chats_due = done + round.all;
            });
            done += round.due.len() as u64;
            self.read_side_by_side(round.due).await?;
            // Told to stop before the first of them, none was read: they would be due for ever.
            if self.halt.is_cancelled() {
                return Err(PassError::Stopped);
            }
            if self.gives_way() {
                return Ok(());
            }
        }
    }

    /// Whether others wait, and what is left stays owed. What is new is what they wait for.
    pub(super) fn gives_way(&self) -> bool {
        self.setting.give_way.is_cancelled() && !self.is_peeking()
    }

    /// Reads these chats. When one of them meets what concerns them all, the others leave at their next request,
    /// and are waited for: a commit is never dropped halfway.
    pub(super) async fn read_side_by_side(&self, due: Vec<DueChat>) -> Result<(), PassError> {
        let side_by_side = self.chats_side_by_side();
        let reading = stream::iter(due.chunks(side_by_side))
            .then(|due| self.with_ledger(due))
            .flat_map(stream::iter)
            .take_while(|_| future::ready(!self.gives_way() && !self.halt.is_cancelled()))
            .map(|due| async { self.read_due_chat(due?).await })
            .buffer_unordered(side_by_side);
        let mut reading = pin!(reading);
        let mut outcome = Ok(());
        while let Some(read) = reading.next().await {
            if read.is_err() && outcome.is_ok() {
                self.halt.cancel();
                outcome = read;
            }
        }
        let settled = self.setting.store.settle().await;
        // What a chat met says more than that pages were given up because of it.
        outcome?;
        Ok(settled?)
    }

    /// How many chats are read side by side: as many as requests may be in flight. Where no budget slows them down, more: while
    /// some wait for answers the others' pages are written together. One at a time stays one at a time.
    pub(super) fn chats_side_by_side(&self) -> usize {
        let in_flight = self.setting.max_in_flight;
        let is_paced = self.setting.governor.room().a_minute.is_some();
        if is_paced || in_flight == 1 {
            in_flight
        } else {
            in_flight * UNPACED_CHATS
        }
    }

    /// The chats with what the ledger has of them; one that it no longer has is left out.
    async fn with_ledger(&self, due: &[DueChat]) -> Vec<Result<(DueChat, ChatSync), PassError>> {
        let rows = match self.setting.store.chat_syncs(due).await {
            Ok(rows) => rows,
            Err(error) => return vec![Err(error.into())],
        };
        let mut rows: HashMap<i64, ChatSync> =
            rows.into_iter().map(|row| (row.chat_id, row)).collect();
        let found = due
            .iter()
            .filter_map(|due| Some(Ok((*due, rows.remove(&due.chat_id)?))));
        found.collect()
    }

    /// The next ones of the chats that are due and were not read in this pass, or became owed again since.
    async fn next_due(&self) -> Result<Round, PassError> {
        let now = self
            .server_now()
            .unwrap_or_else(|| self.setting.clock.now());
        let reader = self.setting.store.reader();
        let mut round = Round::of(self.setting.chats_at_a_time);
        reader
            .each_due(now, |due| match self.visits.of(due.chat_id) {
                0 => round.add(due),
                visits if visits < MOST_VISITS && due.owed == Owed::Moved => round.add_again(due),
                _ => {}
            })
            .await?;
        if round.all == 0 {
            return Ok(round);
        }
        let mut waiting = reader.longest_due(now, MOST_BY_AGE).await?;
        let before_all = waiting.iter().take_while(|due| is_vanished(due)).count();
        let mut place = 0..;
        waiting.retain(|due| {
            let is_first = place.next() < Some(before_all);
            !self.visits.has(due.chat_id) && (is_first || !is_vanished(due))
        });
        Ok(round.in_turn(&waiting))
    }

    async fn read_due_chat(&self, (due, chat): (DueChat, ChatSync)) -> Result<(), PassError> {
        self.visits.note(due.chat_id);
        let failed_before = chat.failures > 0;
        match self.read_chat(due, chat).await {
            Ok(()) => {
                self.failures_in_a_row.store(0, Ordering::Relaxed);
                self.chats_read.fetch_add(1, Ordering::Relaxed);
                self.setting
                    .progress
                    .send_modify(|progress| progress.chats_read += 1);
                Ok(())
            }
            Err(error) if error.spares_the_others() => {
                self.chats_failed.fetch_add(1, Ordering::Relaxed);
                tracing::warn!(chat.id = due.chat_id, %error, "this chat stays owed");
                self.setting
                    .progress
                    .send_modify(|progress| progress.chats_read += 1);
                self.note_failure(due.chat_id, &error).await?;
                // What could not be read before says nothing of the source as a whole.
                if failed_before {
                    return Ok(());
                }
                let failures = self.failures_in_a_row.fetch_add(1, Ordering::Relaxed) + 1;
                if failures >= MOST_FAILURES_IN_A_ROW {
                    Err(error)
                } else {
                    Ok(())
                }
            }
            Err(error) => Err(error),
        }
    }

    async fn note_failure(&self, chat_id: i64, error: &PassError) -> Result<(), PassError> {
        let mut transaction = self.setting.store.begin().await?;
        let Some(mut chat) = transaction.chat_syncs(&[chat_id]).await?.pop() else {
            return Ok(transaction.leave().await?);
        };
        chat.failures += 1;
        chat.last_error = Some(error.to_string());
        let now = self
            .server_now()
            .unwrap_or_else(|| self.setting.clock.now());
        let mut batch = self.batch(format!("messages/{chat_id}"), Some(chat_id), now);
        batch.debts.push(chat);
        transaction.commit(batch).await?;
        Ok(())
    }
}

/// Chats that are read before it is looked again which are due.
#[derive(Debug)]
struct Round {
    /// So many at most.
    most: usize,
    due: Vec<DueChat>,
    /// Those that were read already: their turn comes again when all others have been read.
    again: Vec<DueChat>,
    /// Those that have vanished. The messages of one may have moved to another chat, and those that may hold them are read before it: all that
    /// have not waited longer than it.
    vanished: Vec<DueChat>,
    /// How many are due, with those of later rounds.
    all: u64,
}

impl Round {
    fn of(most: usize) -> Self {
        Self {
            most,
            due: Vec::new(),
            again: Vec::new(),
            vanished: Vec::new(),
            all: 0,
        }
    }

    fn add(&mut self, due: DueChat) {
        self.all += 1;
        let among = if is_vanished(&due) {
            &mut self.vanished
        } else {
            &mut self.due
        };
        if among.len() < self.most {
            among.push(due);
        }
    }

    fn add_again(&mut self, due: DueChat) {
        self.all += 1;
        if self.again.len() < self.most {
            self.again.push(due);
        }
    }

    /// In the order in which they are read. `waiting`: those that have waited longest and may be read.
    fn in_turn(mut self, waiting: &[DueChat]) -> Self {
        if self.due.is_empty() {
            self.due = std::mem::take(&mut self.again);
        }
        if self.due.is_empty() {
            self.due = std::mem::take(&mut self.vanished);
        }
        // Even where others are few, those that have waited longer than all of them have their turn.
        let before_all = waiting.iter().filter(|due| is_vanished(due));
        let due: Vec<DueChat> = self.due.iter().chain(before_all).copied().collect();
        self.due = in_turn(&due, waiting);
        self
    }
}

fn is_vanished(due: &DueChat) -> bool {
    due.owed == Owed::Vanished
}

/// The chats in the order in which they are read: as they come, the most urgent first; but each so manyth is the one that has been
/// `waiting` longest, so that none waits for ever where more changes than can be read.
fn in_turn(due: &[DueChat], waiting: &[DueChat]) -> Vec<DueChat> {
    let oldest: HashSet<i64> = waiting.iter().map(|due| due.chat_id).collect();
    let mut taken = HashSet::new();
    let mut waiting = waiting.iter();
    let mut order = Vec::with_capacity(due.len() + oldest.len());
    for next in due {
        if order.len() % ONE_IN == ONE_IN - 1
            && let Some(oldest) = waiting.find(|due| !taken.contains(&due.chat_id))
        {
            taken.insert(oldest.chat_id);
            order.push(*oldest);
        }
        if !oldest.contains(&next.chat_id) || taken.insert(next.chat_id) {
            order.push(*next);
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(ids: &[i64]) -> Vec<DueChat> {
        let due = ids.iter().map(|chat_id| DueChat {
            chat_id: *chat_id,
            owed: Owed::Changed,
        });
        due.collect()
    }

    #[track_caller]
    fn assert_order(all: &[i64], waiting: &[i64], expected: &[i64]) {
        let order = in_turn(&due(all), &due(waiting));
        let order: Vec<i64> = order.iter().map(|due| due.chat_id).collect();
        assert_eq!(order, expected);
    }

    #[test]
    fn one_chat_in_four_is_the_one_that_waits_longest() {
        let all: Vec<i64> = (0..11).collect();
        assert_order(&all, &[9, 2, 8], &[0, 1, 2, 9, 3, 4, 5, 8, 6, 7, 10]);
        assert_order(&all, &[], &all);
        assert_order(&[3], &[3], &[3]);
        // It stands behind the end of this round.
        assert_order(&all[..5], &[99], &[0, 1, 2, 99, 3, 4]);
    }

    /// Chats as they are due; a minus sign: it has vanished.
    fn chats(ids: &[i64]) -> Vec<DueChat> {
        let due = ids.iter().map(|id| DueChat {
            chat_id: id.abs(),
            owed: if *id < 0 {
                Owed::Vanished
            } else {
                Owed::Changed
            },
        });
        due.collect()
    }

    /// The order of a round of three at most.
    #[track_caller]
    fn assert_round(due: &[i64], again: &[i64], waiting: &[i64], expected: &[i64]) {
        let mut round = Round::of(3);
        for due in chats(due) {
            round.add(due);
        }
        for due in chats(again) {
            round.add_again(due);
        }
        let round = round.in_turn(&chats(waiting));
        assert_eq!(round.all, (due.len() + again.len()) as u64);
        let order: Vec<i64> = round.due.iter().map(|due| due.chat_id).collect();
        assert_eq!(order, expected);
    }

    #[test]
    fn a_round_holds_so_many() {
        assert_round(&[5, 4, 3, 2, 1], &[], &[], &[5, 4, 3]);
        assert_round(&[-5, -4, -3, -2], &[], &[], &[5, 4, 3]);
        assert_round(&[], &[5, 4, 3, 2], &[], &[5, 4, 3]);
    }

    #[test]
    fn who_was_read_or_has_vanished_comes_behind_the_others() {
        assert_round(&[1, -2, -3], &[4], &[1], &[1]);
        assert_round(&[-2, -3], &[4], &[], &[4]);
        assert_round(&[-2, -3], &[], &[], &[2, 3]);
    }

    #[test]
    fn but_not_who_has_waited_longer_than_all() {
        assert_round(&[1, -2, -3], &[], &[-3, 1], &[1, 3]);
        assert_round(&[1, 2, 3, 4, -8, -9], &[], &[-9, -8, 1], &[1, 2, 3, 9, 8]);
        assert_round(&[-2, -3], &[], &[-3], &[2, 3]);
    }
}

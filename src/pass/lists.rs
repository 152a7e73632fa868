//! Reading lists of chats: from the head down to what is known, or to the end; and what follows for each chat.

mod peek;
mod probe;
mod states;
mod union;
mod walking;

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;

use super::traits::{Backfill, Traits};
use super::{Pass, PassError};
use crate::clock::Timestamp;
use crate::model::{ChatList, ChatState, MOST_PER_PAGE, Window};
use crate::plan::{self, ListOrder, Reach, Rule, Spacing, Walk};
use crate::source::SourceError;
use crate::store::{Batch, Checkpoint, Rows};

pub(super) use peek::Peeks;
use walking::Until;

/// Whole walks tried before a pass gives up closing a list.
const MOST_WALKS: u32 = 3;

/// Whole walks that may be put together where chats trade places at every request.
const MOST_GATHERED: u32 = 12;

const DO_NOT_FIT: &str = "the pages of the list do not fit together";

/// A chat as a look met it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Met {
    id: i64,
    updated_at: Timestamp,
    state_before: Option<ChatState>,
}

/// What a look at a list of chats found.
#[derive(Clone, Debug)]
pub(super) struct Look {
    reach: Reach,
    /// The server's clock at the first page.
    started_at: Timestamp,
    /// Chats in the list's order; only of a look that stays near the head.
    met: Vec<Met>,
    /// The times of change at which its pages ended; only of a look that stays near the head.
    seams: Vec<Timestamp>,
    pages: u32,
    /// Whether it is certain that every chat was met which the list held at its first page.
    closed: bool,
}

/// What the counts say of a whole walk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Closing {
    /// Every chat was met.
    Closed,
    /// The list's length stood still, and chats in it were not met.
    Slipped,
    /// Chats came and went meanwhile.
    Busy,
}

impl Pass<'_> {
    /// Reads a list as far as asked, stores what is new there, and owes what changed.
    pub(super) async fn look_at_list(
        &self,
        list: ChatList,
        reach: Reach,
    ) -> Result<Look, PassError> {
        match reach {
            Reach::Whole => self.look_at_whole(list).await,
            Reach::Head => {
                let watermark = self.stored_watermark().await?.ok_or(PassError::PlanAgain {
                    why: "there is no watermark to walk down to",
                })?;
                self.look_at_head(list, Until::Known { watermark }).await
            }
        }
    }

    /// Walks from the head; if that took more than one page, looks at the head again for what jumped there meanwhile.
    async fn look_at_head(&self, list: ChatList, until: Until<'_>) -> Result<Look, PassError> {
        let walk = Walk::from_start(self.spacing());
        let Some(mut look) = self.walk_chats(list, walk, until).await? else {
            return Err(self.distrust_order(DO_NOT_FIT).await?);
        };
        self.look_again(list, &mut look).await?;
        Ok(look)
    }

    /// The closing look of a walk that took more than one page.
    async fn look_again(&self, list: ChatList, look: &mut Look) -> Result<(), PassError> {
        if look.pages <= 1 || !self.keeps(Rule::ClosingLook) {
            return Ok(());
        }
        let until = Until::Older {
            than: plan::watermark(look.started_at, self.traits()?.skew()),
            of_whole_walk: look.reach == Reach::Whole,
        };
        let walk = Walk::from_start(Spacing::Overlapping);
        let Some(again) = self.walk_chats(list, walk, until).await? else {
            return Err(self.distrust_order(DO_NOT_FIT).await?);
        };
        if ties_moved(&look.met, &again.met) {
            let why = "chats with one time of change stand in another order than before";
            return Err(self.distrust_order(why).await?);
        }
        look.met.extend(again.met);
        Ok(())
    }

    /// Walks to the end until it is certain that no chat was missed, a few times at most.
    async fn look_at_whole(&self, list: ChatList) -> Result<Look, PassError> {
        let stream = list.to_string();
        let mut stored = self.setting.store.reader().checkpoint(&stream).await?.walk;
        // A walk of one page is quicker read anew than proven to be still true.
        stored = stored.filter(|walk| walk.pages_read > 1);
        let mut tries = 1;
        loop {
            let mut walk = stored
                .take()
                .unwrap_or_else(|| Walk::from_start(self.spacing()));
            walk.resume();
            let until = Until::End { gathering: false };
            let Some(mut look) = self.walk_chats(list, walk, until).await? else {
                return self.gather(list).await;
            };
            let ended = self.setting.store.reader().checkpoint(&stream).await?.walk;
            if let Some(ended) = &ended {
                self.learn_order(list, ended).await?;
            }
            if look.pages > 1 && self.traits()?.chat_order == ListOrder::NewestFirst {
                self.look_again(list, &mut look).await?;
            }
            let closing = if look.pages <= 1 {
                Closing::Closed
            } else {
                self.closing(&stream, ended.as_ref()).await?
            };
            look.closed = closing == Closing::Closed;
            if closing == Closing::Slipped && tries > 1 {
                return self.gather(list).await;
            }
            if look.closed || tries == MOST_WALKS {
                return Ok(look);
            }
            tracing::info!(list = %stream, tries, "the list changed while it was read; reading it again");
            tries += 1;
            if closing == Closing::Busy {
                // One that was thought to fit on a page was not counted, and without that it would never close.
                let mut again = Walk::from_start(self.spacing());
                again.counted = Some(self.count_chats(list).await?);
                stored = Some(again);
            }
        }
    }

    /// Reads a list whose pages do not fit together, because chats in it trade places at every request: again and again,
    /// cut at other places each time, until all these walks together have met as many chats as it has.
    async fn gather(&self, list: ChatList) -> Result<Look, PassError> {
        let stream = list.to_string();
        tracing::info!(list = %stream, "its pages do not fit together; reading it until every chat was met");
        if self.traits()?.chat_order == ListOrder::NewestFirst {
            return Err(self.distrust_order(DO_NOT_FIT).await?);
        }
        let mut first: Option<Look> = None;
        for fewer in 0..MOST_GATHERED {
            let mut walk = Walk::at(
                Spacing::Abutting,
                Window {
                    page: 1,
                    limit: MOST_PER_PAGE - fewer,
                },
            );
            // Together they prove what had been there when the first of them began, whichever of them is stored last.
            walk.started_at = first.as_ref().map(|look| look.started_at);
            walk.counted = Some(self.count_chats(list).await?);
            let until = Until::End {
                gathering: first.is_some(),
            };
            let Some(look) = self.walk_chats(list, walk, until).await? else {
                return Err(PassError::Source(SourceError::Unreadable {
                    why: format!("the pages of {list} do not fit together"),
                }));
            };
            let gathered = first.get_or_insert(look);
            let ended = self.setting.store.reader().checkpoint(&stream).await?.walk;
            let closing = self.closing(&stream, ended.as_ref()).await?;
            gathered.closed = closing == Closing::Closed;
            if closing != Closing::Slipped {
                break;
            }
        }
        first.ok_or(PassError::Poisoned)
    }

    /// Whether the list had as many chats before the walk as after it, and as many as were met. Where the latest changes
    /// come first, what came meanwhile is met by the closing look, and the end alone tells how many must have been met.
    async fn closing(&self, stream: &str, walk: Option<&Walk>) -> Result<Closing, PassError> {
        let Some(walk) = walk else {
            return Ok(Closing::Busy);
        };
        let mut transaction = self.setting.store.begin().await?;
        let unmet = transaction.count_unmet(stream).await?;
        let stored = transaction.listed_chats(None).await?;
        let rejects = transaction.open_rejects(stream, walk.started_at).await?;
        transaction.leave().await?;
        let met = (stored + rejects - unmet).cast_unsigned();
        let ended = walk.ended.unwrap_or(u64::MAX);
        let newest_first = self.traits()?.chat_order == ListOrder::NewestFirst;
        // A list of one page was shown at once.
        let stood_still = walk.pages_read == 1 || walk.counted == walk.ended;
        Ok(match met.cmp(&ended) {
            std::cmp::Ordering::Less if newest_first || stood_still => Closing::Slipped,
            std::cmp::Ordering::Equal if newest_first || stood_still => Closing::Closed,
            std::cmp::Ordering::Greater if newest_first => Closing::Closed,
            _ => Closing::Busy,
        })
    }

    /// What a whole walk proves of the order of the list of chats.
    async fn learn_order(&self, list: ChatList, walk: &Walk) -> Result<(), PassError> {
        if list == ChatList::Open || self.order_fell.load(Ordering::Relaxed) {
            return Ok(());
        }
        let proven = walk.evidence.of_whole_walk();
        let evidence = walk.evidence.clone();
        self.learn(|traits| {
            // A short list proves nothing, and refutes only what contradicts it.
            if proven != ListOrder::Unknown {
                traits.chat_order = proven;
                traits.chat_evidence = Some(evidence);
            }
        })
        .await
    }

    /// The order is not what it was taken for: from now on lists are walked whole, until a walk proves an order again. Gives
    /// what to end the reading with.
    async fn distrust_order(&self, why: &'static str) -> Result<PassError, PassError> {
        self.order_fell.store(true, Ordering::Relaxed);
        tracing::warn!(why, "the order of the list of chats is not to be relied on");
        self.learn(Traits::distrust_order).await?;
        Ok(PassError::PlanAgain { why })
    }

    /// Ends the reading of lists: whatever had changed by its first look is stored or owed, so the watermark moves there.
    pub(super) async fn lists_are_done(&self, looks: &[Look]) -> Result<(), PassError> {
        let closed = looks.iter().all(|look| look.closed) && !self.traits()?.unclosed_list;
        let started_at = looks.iter().map(|look| look.started_at).min();
        if !closed {
            tracing::warn!(
                "the lists did not stand still long enough to be sure of them; the watermark stays"
            );
            // The next pass reads them anew: taken up, walks that have ended would ask nothing and prove no more.
            self.setting.store.end_list_walks().await?;
            return self.learn(|traits| traits.unclosed_list = true).await;
        }
        // Nothing was asked if all walks had ended before the pass that made them was stopped.
        let now = self
            .server_now()
            .unwrap_or_else(|| self.setting.clock.now());
        // What is missed now is looked for a second time by another pass, not by this one's first question.
        self.first_answer
            .lock()
            .map_err(|_| PassError::Poisoned)?
            .get_or_insert(now);
        let whole = looks.iter().all(|look| look.reach == Reach::Whole);
        let (rows, debts) = if whole {
            self.absent_chats(now, started_at.unwrap_or(now)).await?
        } else {
            (Rows::default(), Vec::new())
        };
        let watermark = if self.keeps(Rule::WatermarkFromTheDate) {
            started_at.map(|date| plan::watermark(date, self.skew()))
        } else {
            looks
                .iter()
                .flat_map(|look| &look.met)
                .map(|met| met.updated_at)
                .max()
                .or(started_at)
        };
        let mut transaction = self.setting.store.begin().await?;
        transaction.end_list_walks().await?;
        if let (true, Some(since)) = (whole, started_at) {
            for list in [ChatList::All, ChatList::Open, ChatList::Closed] {
                let stream = list.to_string();
                transaction.forget_rejects(&stream, since).await?;
            }
        }
        transaction
            .commit(Batch {
                rows,
                debts,
                checkpoint: Checkpoint::List {
                    stream: ChatList::All.to_string(),
                    walk: None,
                    watermark,
                },
                ..self.batch(ChatList::All.to_string(), None, now)
            })
            .await?;
        // Whichever pass has read the lists to their end, each chat was owed a reading when the backfill began.
        if whole && self.traits()?.backfill == Some(Backfill::Listing) {
            self.learn(|traits| traits.backfill = Some(Backfill::Reading))
                .await?;
        }
        Ok(())
    }

    /// Through when the lists are known to have been seen: until this pass's own are done, by a pass before it.
    pub(super) async fn stored_watermark(&self) -> Result<Option<Timestamp>, PassError> {
        Ok(self
            .setting
            .store
            .reader()
            .checkpoint(&ChatList::All.to_string())
            .await?
            .watermark)
    }

    pub(super) fn skew(&self) -> std::time::Duration {
        self.traits()
            .map(|traits| traits.skew())
            .unwrap_or_default()
    }

    /// How the pages of a list of chats lie.
    pub(super) fn spacing(&self) -> Spacing {
        if self.keeps(Rule::SeamOverlap) {
            Spacing::Overlapping
        } else {
            Spacing::Abutting
        }
    }

    /// A batch that changes nothing yet.
    pub(super) fn batch(&self, stream: String, chat_id: Option<i64>, at: Timestamp) -> Batch {
        Batch::new(self.run_id, stream, chat_id, at)
    }
}

/// Whether chats that share a time of change, and have not changed between two looks, stand in another order in the second.
fn ties_moved(first: &[Met], second: &[Met]) -> bool {
    let places: HashMap<(i64, Timestamp), usize> = first
        .iter()
        .enumerate()
        .rev()
        .map(|(place, met)| ((met.id, met.updated_at), place))
        .collect();
    // Pages overlap, so that a chat may be met twice in one look.
    let mut seen = HashSet::new();
    let again: Vec<(Timestamp, usize)> = second
        .iter()
        .filter(|met| seen.insert(met.id))
        .filter_map(|met| Some((met.updated_at, *places.get(&(met.id, met.updated_at))?)))
        .collect();
    again
        .windows(2)
        .any(|pair| pair[0].0 == pair[1].0 && pair[0].1 > pair[1].1)
}

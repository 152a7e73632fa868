//! One walk through a list of chats: page by page, each in a transaction with the position after it.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::peek::newly_listed;
use super::{Look, Met};
use crate::clock::Timestamp;
use crate::model::{ChatList, ChatState, ListedChat, MOST_PER_PAGE, Page, Window};
use crate::pass::page::Found;
use crate::pass::{Pass, PassError, Phase};
use crate::plan::{self, ChatSync, ListOrder, Owed, Reach, Rule, Spacing, Turn, Walk};
use crate::source::SourceError;
use crate::store::{Batch, ChatComparison, Checkpoint, Unmet};

/// Beginnings of one walk before the list is called unreadable.
const MOST_BEGINNINGS: u32 = 3;

/// Pages of one walk: more than any account has, so that no source can keep a walk going for ever.
const MOST_PAGES: u32 = 1_000_000;

/// Where a walk ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Until<'a> {
    /// At the end of the list.
    End {
        /// Whether it adds to what the walks before it have met.
        gathering: bool,
    },
    /// Behind a page whose last chat is stored as it is and not newer than the watermark.
    Known {
        /// Through when the list was seen before.
        watermark: Timestamp,
    },
    /// Behind a page whose last chat is older.
    Older {
        /// Than this.
        than: Timestamp,
        /// Whether it ends a whole walk, which has met what is met now.
        of_whole_walk: bool,
    },
    /// Behind a page whose last chat is older, or behind so many pages.
    Peeked {
        /// Than this.
        than: Option<Timestamp>,
        /// At most.
        pages: u32,
    },
    /// When every one of these chats has been met, or is sure not to be in the list.
    Decided {
        /// Chats and their times of change.
        chats: &'a HashMap<i64, Timestamp>,
    },
}

impl Until<'_> {
    /// Whether news would have to wait long for it.
    fn takes_long(self) -> bool {
        matches!(
            self,
            Self::End { .. }
                | Self::Older {
                    of_whole_walk: true,
                    ..
                }
        )
    }
}

impl Pass<'_> {
    /// Walks through a list of chats. Nothing, if its pages do not fit together however often it begins.
    pub(super) async fn walk_chats(
        &self,
        list: ChatList,
        mut walk: Walk,
        until: Until<'_>,
    ) -> Result<Option<Look>, PassError> {
        let whole = matches!(until, Until::End { .. });
        let mut met: Vec<Met> = Vec::new();
        let mut seams: Vec<Timestamp> = Vec::new();
        let mut beginnings = 1;
        while walk.ended.is_none() && walk.pages_read < MOST_PAGES {
            if whole && walk.pages_read == 0 {
                self.count_before(list, &mut walk).await?;
            }
            let turn = match self.chat_page(list, walk.window()).await? {
                Found::NoPage => walk.past_the_end(),
                Found::NoList { date } => {
                    return Err(PassError::Source(SourceError::NotFound { date }));
                }
                Found::Page(page) => {
                    let turn = walk.absorb(&page);
                    let comparison = self.store_chats(list, &walk, &page, turn, until).await?;
                    self.doubt_order(list, &walk, whole).await?;
                    // What does not follow on the page before may have skipped what was looked for, and is met again behind it.
                    if !whole && turn.joins() {
                        met.extend(page.readable().map(|listed| Met::of(listed, &comparison)));
                        seams.extend(page.readable().last().map(|listed| listed.chat.updated_at));
                    }
                    if turn.joins() && is_reached(until, &walk, &page, &comparison, &met) {
                        break;
                    }
                    if self.has_time_for_peeks(list, until)? {
                        Box::pin(self.peek_if_due(list)).await?;
                    }
                    turn
                }
            };
            if turn == Turn::Lost {
                if beginnings == MOST_BEGINNINGS {
                    return Ok(None);
                }
                beginnings += 1;
                walk = Walk::from_start(self.spacing());
                met.clear();
                seams.clear();
            }
        }
        Ok(Some(Look {
            reach: if whole { Reach::Whole } else { Reach::Head },
            started_at: walk
                .started_at
                .or(self.server_now())
                .ok_or(PassError::Poisoned)?,
            met,
            seams,
            pages: walk.pages_read,
            closed: !whole,
        }))
    }

    /// Whether a walk may be interrupted for news. Beside the open ones only where the latest changes come first, and not in the closing look: what
    /// a peek is the first to show there must be met by that look, or it passes for closed.
    fn has_time_for_peeks(&self, list: ChatList, until: Until<'_>) -> Result<bool, PassError> {
        if !until.takes_long() || list != ChatList::Open {
            return Ok(until.takes_long());
        }
        let closing = matches!(until, Until::Older { .. });
        Ok(!closing && self.traits()?.chat_order == ListOrder::NewestFirst)
    }

    /// Fetches a page of a list of chats.
    pub(in crate::pass) async fn chat_page(
        &self,
        list: ChatList,
        window: Window,
    ) -> Result<Found<ListedChat>, PassError> {
        let found = self
            .fetch_page(&list.to_string(), window, async |client, window| {
                client.chats(list, window).await
            })
            .await?;
        if let Found::Page(page) = &found {
            self.setting.progress.send_modify(|progress| {
                progress.phase = Phase::Lists;
                progress.rows_listed = window.end();
                progress.rows_in_list = u64::from(page.pages) * u64::from(window.limit);
            });
        }
        Ok(found)
    }

    /// Writes a page of chats: the rows that differ, what they owe, and where the walk is.
    pub(super) async fn store_chats(
        &self,
        list: ChatList,
        walk: &Walk,
        page: &Page<ListedChat>,
        turn: Turn,
        until: Until<'_>,
    ) -> Result<ChatComparison, PassError> {
        let whole = matches!(until, Until::End { .. });
        let watermark = self.stored_watermark().await?;
        let listed: Vec<&ListedChat> = page.readable().collect();
        let ids: Vec<i64> = listed.iter().map(|listed| listed.chat.id).collect();
        let state = (list == ChatList::Open).then_some(ChatState::Open);
        let mut transaction = self.setting.store.begin().await?;
        let mut comparison = transaction.compare_chats(&listed, state, page.date).await?;
        let newly_listed = newly_listed(&comparison);
        let ledger = transaction.chat_syncs(&ids).await?;
        let before = ledger.clone();
        let mut debts = debts(&listed, &comparison, ledger, watermark, self.skew());
        if self.setting.settled_only {
            let due_again = |at| plan::due_again(at, page.date, self.skew());
            leave_unsettled(&mut debts, &before, &listed, due_again);
        }
        if watermark.is_some() {
            self.chats_changed
                .fetch_add(debts.len() as u64, Ordering::Relaxed);
        }
        let begins = walk.pages_read == 1 && turn.joins();
        let batch = Batch {
            rows: std::mem::take(&mut comparison.rows),
            debts,
            rejects: page.rejects().cloned().collect(),
            read: ids.clone(),
            drift: page.drift.clone(),
            unmet: match until {
                Until::Peeked { .. } => self.still_to_meet(newly_listed),
                Until::End { gathering: false } if begins => Unmet::Begin(ids),
                Until::End { .. }
                | Until::Older {
                    of_whole_walk: true,
                    ..
                } => Unmet::Met(ids),
                _ => Unmet::Untracked,
            },
            checkpoint: if whole {
                let walk = (turn != Turn::Lost).then(|| walk.clone());
                Checkpoint::List {
                    stream: list.to_string(),
                    walk,
                    watermark: None,
                }
            } else {
                Checkpoint::Standing
            },
            ..self.batch(list.to_string(), None, page.date)
        };
        transaction.commit(batch).await?;
        // Only now: what is learned is written by itself.
        self.mind_skew(&listed, &comparison, watermark).await?;
        Ok(comparison)
    }

    /// A page that contradicts the learned order ends the trust in it.
    async fn doubt_order(&self, list: ChatList, walk: &Walk, whole: bool) -> Result<(), PassError> {
        let trusted =
            self.traits()?.chat_order == ListOrder::NewestFirst && self.keeps(Rule::ProvenOrder);
        let in_question = matches!(list, ChatList::All | ChatList::Closed);
        if trusted && in_question && walk.evidence.contradicts_newest_first() {
            let why = "a chat stands below one that changed before it";
            let plan_again = self.distrust_order(why).await?;
            // A walk to the end needs no order: it goes on, and closes by counts.
            if !whole {
                return Err(plan_again);
            }
        }
        Ok(())
    }

    /// A list whose order is of no use is closed by its length from before the walk: what leaves it and what comes to it behind the walk
    /// would cancel out in a count that is taken later. One that is known to fit on a page is shown at once, and need not be counted.
    async fn count_before(&self, list: ChatList, walk: &mut Walk) -> Result<(), PassError> {
        let by_count = walk.spacing() == Spacing::Abutting
            || self.traits()?.chat_order != ListOrder::NewestFirst;
        if !by_count || walk.counted.is_some() {
            return Ok(());
        }
        let mut transaction = self.setting.store.begin().await?;
        let known = transaction.listed_chats(list.of_state()).await?;
        transaction.leave().await?;
        if known == 0 || known > i64::from(MOST_PER_PAGE) {
            walk.counted = Some(self.count_chats(list).await?);
        }
        Ok(())
    }

    /// A change that calls itself older than the last look, which did not show it, came late: margins grow.
    async fn mind_skew(
        &self,
        listed: &[&ListedChat],
        comparison: &ChatComparison,
        watermark: Option<Timestamp>,
    ) -> Result<(), PassError> {
        let Some(watermark) = watermark else {
            return Ok(());
        };
        let before = self.skew();
        let skew = listed
            .iter()
            .map(|listed| &listed.chat)
            .filter(|chat| {
                comparison
                    .stored
                    .get(&chat.id)
                    .is_none_or(|row| row.chat.updated_at != chat.updated_at)
            })
            .fold(before, |skew, chat| {
                plan::raised_skew(skew, chat.updated_at, watermark)
            });
        if skew > before {
            tracing::info!(
                skew_s = skew.as_secs(),
                "changes become visible late; margins grow"
            );
            self.learn(|traits| traits.skew_seconds = skew.as_secs())
                .await?;
        }
        Ok(())
    }
}

impl Met {
    fn of(listed: &ListedChat, comparison: &ChatComparison) -> Self {
        let chat = &listed.chat;
        Self {
            id: chat.id,
            updated_at: chat.updated_at,
            state_before: comparison.stored.get(&chat.id).and_then(|row| row.state),
        }
    }
}

/// What the chats of a page owe: a new one its history, a changed one a look, one that was missing all of it.
fn debts(
    listed: &[&ListedChat],
    comparison: &ChatComparison,
    ledger: Vec<ChatSync>,
    complete_through: Option<Timestamp>,
    skew: Duration,
) -> Vec<ChatSync> {
    let mut ledger: HashMap<i64, ChatSync> = ledger
        .into_iter()
        .map(|chat| (chat.chat_id, chat))
        .collect();
    let mut owing = Vec::new();
    for chat in listed.iter().map(|listed| &listed.chat) {
        // What shows up late was not covered by what was claimed meanwhile.
        let complete_through =
            complete_through.map(|through| plan::covered_despite(through, chat.updated_at, skew));
        let Some(mut owes) = ledger.remove(&chat.id) else {
            if !owing.iter().any(|owes: &ChatSync| owes.chat_id == chat.id) {
                owing.push(ChatSync::first_seen(chat.id, complete_through));
            }
            continue;
        };
        let Some(stored) = comparison.stored.get(&chat.id) else {
            continue;
        };
        let was_missing = stored.missing_since.is_some();
        if was_missing {
            owes.walk = None;
            owes.whole = true;
            owes.owe_instead(Owed::Changed, complete_through);
            owing.push(owes);
        } else if stored.chat.updated_at != chat.updated_at {
            owes.owe(Owed::Changed, complete_through);
            owing.push(owes);
        }
    }
    owing
}

/// Lets chats that have only just changed wait until one reading is enough. A chat that waits already does not begin to wait anew.
fn leave_unsettled(
    debts: &mut [ChatSync],
    before: &[ChatSync],
    listed: &[&ListedChat],
    due_again: impl Fn(Timestamp) -> Option<Timestamp>,
) {
    let changed = |owes: &&mut ChatSync| owes.owed == Some(Owed::Changed) && !owes.whole;
    for owes in debts.iter_mut().filter(changed) {
        let waits = before
            .iter()
            .find(|chat| chat.chat_id == owes.chat_id && chat.owed == Some(Owed::Changed));
        owes.due_at = match waits {
            Some(chat) => chat.due_at,
            None => listed
                .iter()
                .find(|listed| listed.chat.id == owes.chat_id)
                .and_then(|listed| due_again(listed.chat.updated_at)),
        };
    }
}

fn is_reached(
    until: Until<'_>,
    walk: &Walk,
    page: &Page<ListedChat>,
    comparison: &ChatComparison,
    met: &[Met],
) -> bool {
    let Some(Ok(last)) = page.items.last() else {
        return false;
    };
    let last = &last.chat;
    match until {
        Until::End { .. } => false,
        Until::Peeked { than, pages } => {
            walk.pages_read >= pages || than.is_some_and(|than| last.updated_at < than)
        }
        Until::Known { watermark } => {
            comparison.known.contains(&last.id) && last.updated_at <= watermark
        }
        Until::Older { than, .. } => last.updated_at < than,
        Until::Decided { chats } => {
            let met: HashSet<i64> = met.iter().map(|met| met.id).collect();
            chats
                .iter()
                .all(|(id, updated_at)| met.contains(id) || *updated_at > last.updated_at)
        }
    }
}

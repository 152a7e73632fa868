//! Peeks: walking a list to its end takes long, and what is new is not kept waiting for it. A peek reads the head of the list,
//! and the messages of the chats that have changed there. It claims nothing and decides nothing: the walk goes on as if it
//! had not been, and whatever a peek has missed the walk and its closing look still find.

use std::collections::HashSet;
use std::time::Duration;

use super::Look;
use super::walking::Until;
use crate::clock::Timestamp;
use crate::model::ChatList;
use crate::pass::{Pass, PassError};
use crate::plan::{self, ListOrder, Owed, Walk};
use crate::source::SourceError;
use crate::store::{ChatComparison, DueChat, Unmet};

/// Pages of the head in one peek: what stands further down is left to the walk.
const MOST_PAGES: u32 = 5;

/// Pages of the list of unread chats in one peek: what is new may stand anywhere in it.
const MOST_UNREAD_PAGES: u32 = 200;

/// Where the peeks of a pass stand.
#[derive(Debug)]
pub(in crate::pass) struct Peeks {
    /// When the last one ended, or the pass began, on our clock.
    last_at: Timestamp,
    /// How long it took: the walk beside it gets as much time at least.
    took: Duration,
    /// Through when the last one has seen the head.
    seen_through: Option<Timestamp>,
    /// The list whose walk waits meanwhile, while a peek is under way.
    beside: Option<ChatList>,
    /// Whether the source refuses the list that this one asks for.
    refused: bool,
}

impl Peeks {
    /// The peeks of a pass that begins at `now`, on our clock.
    pub(in crate::pass) fn new(now: Timestamp) -> Self {
        Self {
            last_at: now,
            took: Duration::ZERO,
            seen_through: None,
            beside: None,
            refused: false,
        }
    }
}

impl Pass<'_> {
    /// Whether what is read now is read by a peek.
    pub(in crate::pass) fn is_peeking(&self) -> bool {
        self.peeking_beside().is_some()
    }

    /// The list whose walk waits for a peek that is under way.
    pub(super) fn peeking_beside(&self) -> Option<ChatList> {
        self.peeks.lock().ok().and_then(|peeks| peeks.beside)
    }

    /// Looks for news beside the walk of `list`, if it is time to.
    pub(super) async fn peek_if_due(&self, list: ChatList) -> Result<(), PassError> {
        let Some(every) = self.setting.look_every else {
            return Ok(());
        };
        let now = self.setting.clock.now();
        let since = {
            let mut peeks = self.peeks.lock().map_err(|_| PassError::Poisoned)?;
            let is_due = now >= peeks.last_at.plus(every.max(peeks.took));
            if peeks.beside.is_some() || peeks.refused || !is_due {
                return Ok(());
            }
            peeks.beside = Some(list);
            peeks.seen_through
        };
        let peeked = self.peek(since).await;
        let mut peeks = self.peeks.lock().map_err(|_| PassError::Poisoned)?;
        peeks.beside = None;
        peeks.last_at = self.setting.clock.now();
        peeks.took = peeks.last_at.since(now);
        peeks.seen_through = peeked?;
        Ok(())
    }

    /// Reads what has changed since `since`; says through when it has seen.
    async fn peek(&self, since: Option<Timestamp>) -> Result<Option<Timestamp>, PassError> {
        let since = match (since, self.stored_watermark().await?) {
            (Some(since), _) => since,
            (None, Some(watermark)) => watermark,
            // The first walk there is: news is what came since it began.
            (None, None) => match *self.first_answer.lock().map_err(|_| PassError::Poisoned)? {
                Some(date) => plan::watermark(date, self.skew()),
                None => return Ok(None),
            },
        };
        let (list, than, pages) = match self.traits()?.chat_order {
            // Where the latest changes need not come first, the unread ones are the shorter list.
            ListOrder::Other | ListOrder::OldestFirst => {
                (ChatList::Unread, None, MOST_UNREAD_PAGES)
            }
            _ => (ChatList::All, Some(since), MOST_PAGES),
        };
        let until = Until::Peeked { than, pages };
        let walk = Walk::from_start(self.spacing());
        let look = match self.walk_chats(list, walk, until).await {
            Err(PassError::Source(SourceError::Refused { .. } | SourceError::NotFound { .. })) => {
                self.peeks.lock().map_err(|_| PassError::Poisoned)?.refused = true;
                return Ok(Some(since));
            }
            look => look?,
        };
        let Some(look) = look else {
            return Ok(Some(since));
        };
        self.read_news(&look, since).await?;
        Ok(Some(plan::watermark(look.started_at, self.skew())))
    }

    /// Reads the chats that changed since `since`, and those that are to be read again because they had just changed.
    async fn read_news(&self, look: &Look, since: Timestamp) -> Result<(), PassError> {
        let fresh: HashSet<i64> = look
            .met
            .iter()
            .filter(|met| met.updated_at >= since)
            .map(|met| met.id)
            .collect();
        let now = self.server_now().unwrap_or(look.started_at);
        let is_news = |due: &DueChat| match due.owed {
            Owed::New | Owed::Changed => fresh.contains(&due.chat_id),
            Owed::Unsettled => true,
            _ => false,
        };
        let mut due = Vec::new();
        let reader = self.setting.store.reader();
        reader
            .each_due(now, |next| due.extend(Some(next).filter(is_news)))
            .await?;
        let read: Vec<i64> = due.iter().map(|due| due.chat_id).collect();
        self.read_side_by_side(due).await?;
        // If they change again they are read again, in the same pass.
        for chat_id in read {
            self.visits.forget(chat_id);
        }
        Ok(())
    }

    /// What a peek is the first to show, the walk beside it has not met: it may not count as met there.
    pub(super) fn still_to_meet(&self, newly_listed: Vec<i64>) -> Unmet {
        match self.peeking_beside() {
            Some(list) if !newly_listed.is_empty() => Unmet::Late {
                walk: list.to_string(),
                ids: newly_listed,
            },
            _ => Unmet::Untracked,
        }
    }
}

/// Chats that the mirror did not count as listed before the page.
pub(super) fn newly_listed(comparison: &ChatComparison) -> Vec<i64> {
    let newly = comparison.rows.chats.iter().filter(|write| {
        let before = write.before.as_ref();
        before.is_none_or(|before| before.missing_since.is_some())
    });
    newly.map(|write| write.row.chat.id).collect()
}

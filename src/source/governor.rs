//! The request budget: one pace for everything that asks the source, and a full stop while it is locked.

mod book;
mod room;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::sync::Notify;

use crate::clock::{Clock, Timestamp};

use book::{Book, MOST_HALVINGS, Wait};
pub use room::Share;

/// How many requests may go at once after a rest, so that a short pass need not wait.
const BURST: u32 = 5;

/// The longest sleep before looking again whether the door was locked meanwhile.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// The documented lock: a minute, and a minute more for each that follows, at most twelve.
const RUNG: Duration = Duration::from_mins(1);
const TOP_RUNG: u32 = 12;

/// The source takes no requests yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Locked {
    /// When it does again, on our clock.
    pub until: Timestamp,
}

/// What outlives the process, so that a restart neither asks while locked nor starts with a fresh budget.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GovernorState {
    /// Until when the source is locked, if it was.
    pub locked_until: Option<Timestamp>,
    /// Locks since the last request that was served.
    pub locks_in_a_row: u32,
    /// Requests a minute at present; 0 means the ceiling.
    pub pace: u32,
    /// How many times the last lock came within an hour of the one before it.
    #[serde(default)]
    pub relapses: u32,
    /// The ceiling that it was kept under; 0 if that was not kept.
    #[serde(default)]
    pub ceiling: u32,
    /// When it was kept.
    #[serde(default)]
    pub kept_at: Option<Timestamp>,
    /// Requests of the last minute.
    #[serde(default)]
    pub sent: u32,
    /// When the last of them ended.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
    /// Whether requests may have been sent since: it was kept at the beginning of a pass whose end was never kept.
    #[serde(default)]
    pub in_use: bool,
    /// What others leave of the ceiling, if a lock has shown that they use the same token.
    #[serde(default)]
    pub share: Option<Share>,
}

impl GovernorState {
    /// Under this name the mirror's ledger keeps it, so that a restart neither asks a locked source nor begins afresh.
    pub const NAME: &str = "source.lock";

    /// How many requests a minute may be used at `now` of a ceiling that others need a part of; nothing if none do.
    #[must_use]
    pub fn left_by_others(&self, ceiling: u32, now: Timestamp) -> Option<u32> {
        let share = self.share_of(ceiling)?.at(now);
        let left = u32::try_from(u64::from(ceiling) * share / 1000).ok()?;
        (left < ceiling).then_some(left.max(1))
    }

    /// The share of this ceiling: as many requests as were seen to be free under the one that it was kept under.
    fn share_of(&self, ceiling: u32) -> Option<Share> {
        match self.ceiling {
            0 => self.share,
            kept => Some(self.share?.of_another(kept, ceiling)),
        }
    }

    /// The pace under this ceiling: one that a lock had lowered recovers from where it was.
    fn pace_under(&self, ceiling: u32, now: Timestamp) -> u32 {
        let whole = self
            .left_by_others(self.ceiling, now)
            .unwrap_or(self.ceiling);
        if self.pace == 0 || (self.ceiling > 0 && self.pace >= whole) {
            return ceiling;
        }
        self.pace.min(ceiling)
    }
}

/// What the budget allows at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Room {
    /// Requests a minute; nothing: as many as one likes.
    pub a_minute: Option<u32>,
    /// Requests of the last minute.
    pub used: u32,
}

/// Lets requests through, one at a time, in the order in which they asked. Clones share one budget.
#[derive(Clone, Debug)]
pub struct Governor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    clock: Clock,
    /// Held while waiting, so that callers are served in order. The book is never held across a wait.
    turn: tokio::sync::Mutex<()>,
    /// Wakes the one whose turn it is when a request ends or a lock comes.
    news: Notify,
    book: Mutex<Book>,
}

/// Leave to send one request. To be held until its answer is in or it is given up: until then it may arrive at the source at
/// any moment, and the source counts its minute from then.
#[derive(Debug)]
#[must_use = "a request without one is not counted"]
pub struct Slot(Governor);

impl Drop for Slot {
    fn drop(&mut self) {
        let now = self.0.0.clock.now();
        self.0.book().end(now);
        self.0.0.news.notify_one();
    }
}

impl Governor {
    /// A governor that lets at most `requests_per_minute` requests arrive in any minute; 0 for no pacing.
    #[must_use]
    pub fn new(requests_per_minute: u32, clock: Clock) -> Self {
        let book = Book::new(requests_per_minute, clock.now());
        Self(Arc::new(Inner {
            clock,
            turn: tokio::sync::Mutex::default(),
            news: Notify::new(),
            book: Mutex::new(book),
        }))
    }

    /// Waits for the caller's turn to send one request, which it then must do at once.
    ///
    /// # Errors
    ///
    /// [`Locked`], without waiting out the lock, if the source takes no requests.
    pub async fn admit(&self) -> Result<Slot, Locked> {
        if let Some(until) = self.locked_until() {
            return Err(Locked { until });
        }
        let _turn = self.0.turn.lock().await;
        loop {
            let now = self.0.clock.now();
            let wait = self.book().let_through(now)?;
            match wait {
                Wait::Nothing => return Ok(Slot(self.clone())),
                Wait::For(span) => self.0.clock.sleep(span.min(LOOK_AGAIN)).await,
                Wait::ForAnEnd => self.0.news.notified().await,
            }
        }
    }

    /// Stops all requests until `until`, halves the pace of those after it, and learns what others leave.
    ///
    /// Answers that come in while the source is already locked tell of the same lock and count once.
    pub fn lock(&self, until: Timestamp) {
        let now = self.0.clock.now();
        self.book().lock(now, until);
        self.0.news.notify_one();
    }

    /// How long a lock lasts that starts now and whose length the source did not tell: by its
    /// documentation 60 s, and 60 s more for each in a row, at most 720 s.
    #[must_use]
    pub fn next_lock(&self) -> Duration {
        let mut book = self.book();
        let now = self.0.clock.now();
        let new = u32::from(book.locked_at(now).is_none());
        let rung = book.locks_in_a_row.saturating_add(new);
        RUNG * rung.clamp(1, TOP_RUNG)
    }

    /// Notes that a request was served: the next lock is the first of its row again.
    pub fn served(&self) {
        let mut book = self.book();
        let now = self.0.clock.now();
        if book.locked_at(now).is_none() {
            book.locks_in_a_row = 0;
        }
    }

    /// Until when the source is locked, if it is.
    #[must_use]
    pub fn locked_until(&self) -> Option<Timestamp> {
        let now = self.0.clock.now();
        self.book().locked_at(now)
    }

    /// What the budget allows at present.
    #[must_use]
    pub fn room(&self) -> Room {
        let mut book = self.book();
        let now = self.0.clock.now();
        book.settle(now);
        Room {
            a_minute: (book.ceiling > 0).then(|| book.pace_at(now)),
            used: book.counted(),
        }
    }

    /// What the caller keeps for [`Governor::restore`].
    #[must_use]
    pub fn state(&self) -> GovernorState {
        let mut book = self.book();
        let now = self.0.clock.now();
        book.settle(now);
        let under_way = (book.under_way > 0).then_some(now);
        GovernorState {
            locked_until: book.locked_until,
            locks_in_a_row: book.locks_in_a_row,
            pace: book.pace_at(now),
            relapses: book.relapses,
            ceiling: book.ceiling,
            kept_at: Some(now),
            sent: book.counted(),
            sent_at: under_way.or(book.ended.back().copied()),
            in_use: false,
            share: book.share.filter(|share| share.at(now) < 1000),
        }
    }

    /// What is kept where `sent` requests may have been sent until now, and nothing else is known: half of the ceiling at most.
    #[must_use]
    pub fn after(&self, sent: u32) -> GovernorState {
        GovernorState {
            sent: sent.min(self.book().ceiling / 2),
            sent_at: Some(self.0.clock.now()),
            ..GovernorState::default()
        }
    }

    /// Takes in what became of one request that `other` sent, which had gone on from this one's state.
    pub fn take_in(&self, other: &Self) {
        if let Some(until) = other.locked_until() {
            self.lock(until);
        }
        let mut book = self.book();
        book.arrived(self.0.clock.now());
    }

    /// Goes on from `state`. Its requests count as sent at the moment of the last of them: too
    /// careful for a minute, never too bold. Of a process that died in the middle of a pass nobody knows what it
    /// has asked: all that it might.
    pub fn restore(&self, state: &GovernorState) {
        let mut book = self.book();
        let now = self.0.clock.now();
        let ceiling = book.ceiling;
        book.locked_until = state.locked_until;
        book.locks_in_a_row = state.locks_in_a_row;
        book.pace = state.pace_under(ceiling, now);
        book.relapses = state.relapses.min(MOST_HALVINGS);
        book.share = state.share_of(ceiling);
        book.ended.clear();
        if state.in_use {
            book.ended
                .extend(std::iter::repeat_n(now, ceiling as usize));
        } else if let Some(sent_at) = state.sent_at {
            let sent = std::iter::repeat_n(sent_at, state.sent.min(ceiling) as usize);
            book.ended.extend(sent);
        }
        // The clock may have been set back since.
        book.seen = state.kept_at.unwrap_or(now);
        book.settle(now);
        book.pace_at = book.locked_until.map_or(now, |until| until.max(now));
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while it is held; if something did, plain numbers are still good.
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! The request budget: one pace for everything that asks the source, and a full stop while it is locked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::{Clock, Timestamp};

/// The span that the ceiling is counted over, and a second more: the requests' way to the server is
/// not always equally long, and the server counts arrivals.
const WINDOW: Duration = Duration::from_secs(61);

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
    /// Requests of the last minute.
    #[serde(default)]
    pub sent: u32,
    /// When the last of them was sent.
    #[serde(default)]
    pub sent_at: Option<Timestamp>,
    /// Whether requests may have been sent since: it was kept at the beginning of a pass whose end was never kept.
    #[serde(default)]
    pub in_use: bool,
}

impl GovernorState {
    /// Under this name the mirror's ledger keeps it, so that a restart neither asks a locked source nor begins afresh.
    pub const NAME: &str = "source.lock";
}

/// Lets requests through, one at a time, in the order in which they asked. Clones share one budget.
#[derive(Clone, Debug)]
pub struct Governor(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Requests a minute; 0 for no pacing.
    ceiling: u32,
    clock: Clock,
    /// Held while waiting, so that callers are served in order. The book is never held across a wait.
    turn: tokio::sync::Mutex<()>,
    book: Mutex<Book>,
}

#[derive(Debug)]
struct Book {
    /// The last `ceiling` requests.
    sent: VecDeque<Timestamp>,
    /// How far the requests let through are ahead of an even pace, as of `owed_at`.
    owed: Duration,
    owed_at: Timestamp,
    locked_until: Option<Timestamp>,
    locks_in_a_row: u32,
    /// Requests a minute as of `pace_at`, from when on it recovers.
    pace: u32,
    pace_at: Timestamp,
}

impl Governor {
    /// A governor that lets at most `requests_per_minute` requests through in any minute; 0 for no pacing.
    #[must_use]
    pub fn new(requests_per_minute: u32, clock: Clock) -> Self {
        let now = clock.now();
        let book = Book {
            sent: VecDeque::new(),
            owed: Duration::ZERO,
            owed_at: now,
            locked_until: None,
            locks_in_a_row: 0,
            pace: requests_per_minute,
            pace_at: now,
        };
        Self(Arc::new(Inner {
            ceiling: requests_per_minute,
            clock,
            turn: tokio::sync::Mutex::default(),
            book: Mutex::new(book),
        }))
    }

    /// Waits for the caller's turn to send one request, which it then must do at once.
    ///
    /// # Errors
    ///
    /// [`Locked`], without waiting out the lock, if the source takes no requests.
    pub async fn admit(&self) -> Result<(), Locked> {
        if let Some(until) = self.locked_until() {
            return Err(Locked { until });
        }
        let _turn = self.0.turn.lock().await;
        loop {
            let now = self.0.clock.now();
            let wait = self.book().let_through(now, self.0.ceiling)?;
            if wait.is_zero() {
                return Ok(());
            }
            self.0.clock.sleep(wait.min(LOOK_AGAIN)).await;
        }
    }

    /// Stops all requests until `until`, and halves the pace of those after it.
    ///
    /// Answers that come in while the source is already locked tell of the same lock and count once.
    pub fn lock(&self, until: Timestamp) {
        let now = self.0.clock.now();
        let ceiling = self.0.ceiling;
        let mut book = self.book();
        if book.locked_at(now).is_none() {
            book.pace = (book.pace_at(now, ceiling) / 2).max(1).min(ceiling);
            book.locks_in_a_row = book.locks_in_a_row.saturating_add(1);
        }
        let until = book.locked_until.map_or(until, |known| known.max(until));
        book.locked_until = Some(until);
        book.pace_at = until;
    }

    /// How long a lock lasts that starts now and whose length the source did not tell: by its
    /// documentation 60 s, and 60 s more for each in a row, at most 720 s.
    #[must_use]
    pub fn next_lock(&self) -> Duration {
        let now = self.0.clock.now();
        let book = self.book();
        let already = u32::from(book.locked_at(now).is_none());
        let rung = book.locks_in_a_row.saturating_add(already);
        RUNG * rung.clamp(1, TOP_RUNG)
    }

    /// Notes that a request was served: the next lock is the first of its row again.
    pub fn served(&self) {
        let now = self.0.clock.now();
        let mut book = self.book();
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

    /// What the caller keeps for [`Governor::restore`].
    #[must_use]
    pub fn state(&self) -> GovernorState {
        let now = self.0.clock.now();
        let book = self.book();
        let recent = book.sent.iter().filter(|sent| sent.plus(WINDOW) > now);
        GovernorState {
            locked_until: book.locked_until,
            locks_in_a_row: book.locks_in_a_row,
            pace: book.pace_at(now, self.0.ceiling),
            sent: u32::try_from(recent.count()).unwrap_or(u32::MAX),
            sent_at: book.sent.back().copied(),
            in_use: false,
        }
    }

    /// Goes on from `state`. Its requests count as sent at the moment of the last of them: too
    /// careful for a minute, never too bold. Of a process that died in the middle of a pass nobody knows what it
    /// has asked: all that it might.
    pub fn restore(&self, state: &GovernorState) {
        let now = self.0.clock.now();
        let ceiling = self.0.ceiling;
        let mut book = self.book();
        book.locked_until = state.locked_until;
        book.locks_in_a_row = state.locks_in_a_row;
        book.pace = match state.pace {
            0 => ceiling,
            pace => pace.min(ceiling),
        };
        book.pace_at = state.locked_until.map_or(now, |until| until.max(now));
        book.sent.clear();
        if state.in_use {
            book.sent.extend(std::iter::repeat_n(now, ceiling as usize));
        } else if let Some(sent_at) = state.sent_at {
            let sent = std::iter::repeat_n(sent_at, state.sent.min(ceiling) as usize);
            book.sent.extend(sent);
        }
    }

    fn book(&self) -> MutexGuard<'_, Book> {
        // Nothing panics while it is held; if something did, plain numbers are still good.
        self.0.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Book {
    /// Writes one request down and returns zero, or returns how long it must wait.
    fn let_through(&mut self, now: Timestamp, ceiling: u32) -> Result<Duration, Locked> {
        if let Some(until) = self.locked_at(now) {
            return Err(Locked { until });
        }
        if ceiling == 0 {
            return Ok(Duration::ZERO);
        }
        self.settle(now);
        let spacing = Duration::from_mins(1) / self.pace_at(now, ceiling).max(1);
        let ahead = spacing * (BURST.min(ceiling) - 1);
        let wait = self
            .owed
            .saturating_sub(ahead)
            .max(self.window_wait(now, ceiling));
        if !wait.is_zero() {
            // The clock counts milliseconds: a shorter sleep would not move it.
            return Ok(wait.max(Duration::from_millis(1)));
        }
        self.owed += spacing;
        self.sent.push_back(now);
        while self.sent.len() > ceiling as usize {
            self.sent.pop_front();
        }
        Ok(Duration::ZERO)
    }

    /// Brings the book to `now`. A clock that was set back must not make anybody wait out the difference.
    fn settle(&mut self, now: Timestamp) {
        self.owed = self.owed.saturating_sub(now.since(self.owed_at));
        self.owed_at = now;
        if self.sent.back().is_some_and(|last| *last > now) {
            for sent in &mut self.sent {
                *sent = (*sent).min(now);
            }
        }
    }

    fn window_wait(&self, now: Timestamp, ceiling: u32) -> Duration {
        if self.sent.len() < ceiling as usize {
            return Duration::ZERO;
        }
        let oldest = self.sent.front();
        oldest.map_or(Duration::ZERO, |oldest| oldest.plus(WINDOW).since(now))
    }

    /// The pace with what it has recovered: 5 % of the ceiling a minute.
    fn pace_at(&self, now: Timestamp, ceiling: u32) -> u32 {
        let seconds = now.since(self.pace_at).as_secs().min(3600);
        let recovered = u64::from(ceiling) * seconds / 1200;
        let pace = u64::from(self.pace) + recovered;
        u32::try_from(pace).unwrap_or(u32::MAX).min(ceiling)
    }

    fn locked_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.locked_until.filter(|until| *until > now)
    }
}

#[cfg(test)]
mod tests;

//! The governor's book: what may have arrived at the source within its minute, how fast more may go, what is locked.

use std::collections::VecDeque;
use std::time::Duration;

use super::room::Share;
use super::{BURST, Locked};
use crate::clock::Timestamp;

/// The span that the source counts over, and a little more: clocks differ, and ours shows whole milliseconds.
pub(super) const WINDOW: Duration = Duration::from_millis(60_050);

/// A lock within this time of another is one of a row, whatever was served between them.
const AGAIN: Duration = Duration::from_hours(1);

/// After so many of them the pace comes back no more slowly, and is itself again after as many hours.
pub(super) const MOST_HALVINGS: u32 = 5;

/// A clock that goes back by less is not one that was set: callers read it a little before they have the book.
const STEP: Duration = Duration::from_secs(1);

/// What a request must wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wait {
    /// Nothing: it has been let through and is in the book.
    Nothing,
    /// So long.
    For(Duration),
    /// The end of one that is under way.
    ForAnEnd,
}

#[derive(Debug)]
pub(super) struct Book {
    /// Requests a minute that are never exceeded.
    pub(super) ceiling: u32,
    /// Requests under way: each arrives at some moment before its end.
    pub(super) under_way: u32,
    /// When those of the last minute ended, oldest first.
    pub(super) ended: VecDeque<Timestamp>,
    /// How far the requests let through are ahead of an even pace, as of `owed_at`.
    pub(super) owed: Duration,
    pub(super) owed_at: Timestamp,
    pub(super) locked_until: Option<Timestamp>,
    pub(super) locks_in_a_row: u32,
    /// Requests a minute as of `pace_at`, from when on it recovers.
    pub(super) pace: u32,
    pub(super) pace_at: Timestamp,
    /// How many times the last lock came within an hour of the one before it: others take nearly all, and are locked by what little
    /// the mirror adds.
    pub(super) relapses: u32,
    /// What others leave, if they were noticed.
    pub(super) share: Option<Share>,
    /// The latest moment at which anybody looked into the book.
    pub(super) seen: Timestamp,
}

impl Book {
    pub(super) fn new(ceiling: u32, now: Timestamp) -> Self {
        Self {
            ceiling,
            under_way: 0,
            ended: VecDeque::new(),
            owed: Duration::ZERO,
            owed_at: now,
            locked_until: None,
            locks_in_a_row: 0,
            pace: ceiling,
            pace_at: now,
            relapses: 0,
            share: None,
            seen: now,
        }
    }

    /// Writes one request down, or says what it must wait for.
    pub(super) fn let_through(&mut self, now: Timestamp) -> Result<Wait, Locked> {
        if let Some(until) = self.locked_at(now) {
            return Err(Locked { until });
        }
        if self.ceiling == 0 {
            return Ok(Wait::Nothing);
        }
        self.settle(now);
        let spacing = Duration::from_mins(1) / self.pace_at(now).max(1);
        let ahead = spacing * (BURST.min(self.ceiling) - 1);
        let Some(window) = self.window_wait(now) else {
            return Ok(Wait::ForAnEnd);
        };
        let wait = self.owed.saturating_sub(ahead).max(window);
        if !wait.is_zero() {
            // The clock counts milliseconds: a shorter sleep would not move it.
            return Ok(Wait::For(wait.max(Duration::from_millis(1))));
        }
        self.owed += spacing;
        self.under_way += 1;
        Ok(Wait::Nothing)
    }

    /// A request has ended: it arrived by now, or never will.
    pub(super) fn end(&mut self, now: Timestamp) {
        self.under_way = self.under_way.saturating_sub(1);
        self.arrived(now);
    }

    /// One that arrived by now, or never will, whoever let it through.
    pub(super) fn arrived(&mut self, now: Timestamp) {
        if self.ceiling > 0 {
            // What ended before a clock was set back must not stand before this one.
            self.settle(now);
            self.ended.push_back(now);
        }
    }

    /// A lock has come. Answers that come in while the source is already locked tell of the same one.
    pub(super) fn lock(&mut self, now: Timestamp, until: Timestamp) {
        if self.locked_at(now).is_none() {
            // The one that was refused is among those under way.
            let sent = self.counted().saturating_sub(1);
            let again = self
                .locked_until
                .is_some_and(|last| now.since(last) < AGAIN);
            self.relapses = if again {
                self.relapses.saturating_add(1).min(MOST_HALVINGS)
            } else {
                0
            };
            self.pace = (self.pace_at(now) / 2).max(1).min(self.ceiling);
            self.share = Share::shown(self.share, sent, self.ceiling, now);
            self.locks_in_a_row = self.locks_in_a_row.saturating_add(1);
        }
        let until = self.locked_until.map_or(until, |known| known.max(until));
        self.locked_until = Some(until);
        self.pace_at = until;
    }

    /// Requests that the source may count as of its last minute.
    pub(super) fn counted(&self) -> u32 {
        let ended = u32::try_from(self.ended.len()).unwrap_or(u32::MAX);
        self.under_way.saturating_add(ended)
    }

    /// Brings the book to `now`. A clock that was set back must not make anybody wait out the difference.
    pub(super) fn settle(&mut self, now: Timestamp) {
        self.follow(now);
        self.owed = self.owed.saturating_sub(now.since(self.owed_at));
        self.owed_at = now;
        while self
            .ended
            .front()
            .is_some_and(|end| end.plus(WINDOW) <= now)
        {
            self.ended.pop_front();
        }
        if self.ended.back().is_some_and(|last| *last > now) {
            for end in &mut self.ended {
                *end = (*end).min(now);
            }
        }
    }

    /// Moments told by a clock that has been set back since are as much too late. How much that is nobody knows exactly: what has
    /// passed since anybody looked comes off it, so a lock is kept a little too long, never too short.
    fn follow(&mut self, now: Timestamp) {
        let step = self.seen.since(now);
        if step >= STEP {
            let until = self.locked_until.map(|until| until.minus(step));
            self.locked_until = until;
            self.pace_at = self.pace_at.minus(step);
            if let Some(share) = &mut self.share {
                share.seen_at = share.seen_at.minus(step);
            }
            self.seen = now;
        }
        self.seen = self.seen.max(now);
    }

    /// How long until the source counts few enough; nothing if that depends on when those under way end.
    fn window_wait(&self, now: Timestamp) -> Option<Duration> {
        let allowed = self.allowed_at(now);
        let Some(too_many) = self.counted().checked_sub(allowed) else {
            return Some(Duration::ZERO);
        };
        let last = self.ended.get(too_many as usize)?;
        Some(last.plus(WINDOW).since(now))
    }

    /// Requests that are allowed in any minute: the ceiling, less what others need.
    pub(super) fn allowed_at(&self, now: Timestamp) -> u32 {
        let share = self.share.map_or(1000, |share| share.at(now));
        let allowed = u64::from(self.ceiling) * share / 1000;
        u32::try_from(allowed).unwrap_or(u32::MAX).max(1)
    }

    /// The pace with what it has recovered, 5 % of the ceiling a minute and half as much after each relapse, as far as others leave
    /// room for it.
    pub(super) fn pace_at(&self, now: Timestamp) -> u32 {
        let seconds = now.since(self.pace_at).as_secs().min(24 * 3600);
        let whole = 1200 << self.relapses_at(now);
        let recovered = u64::from(self.ceiling) * seconds / whole;
        let pace = u64::from(self.pace) + recovered;
        u32::try_from(pace)
            .unwrap_or(u32::MAX)
            .min(self.ceiling)
            .min(self.allowed_at(now))
    }

    /// Relapses that still count: one less for each hour since the last lock has ended.
    fn relapses_at(&self, now: Timestamp) -> u32 {
        let calm = self
            .locked_until
            .map_or(0, |until| now.since(until).as_secs() / 3600);
        self.relapses
            .saturating_sub(u32::try_from(calm).unwrap_or(u32::MAX))
    }

    pub(super) fn locked_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        self.settle(now);
        self.locked_until.filter(|until| *until > now)
    }
}

//! The limit on requests and the lock behind it, which grows with every violation.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Timestamp;

const WINDOW: Duration = Duration::from_mins(1);
const STEP: Duration = Duration::from_mins(1);
const LONGEST: Duration = Duration::from_mins(12);

/// Counts requests and locks the account when there are too many.
#[derive(Debug, Default)]
pub(super) struct Limiter {
    admitted: VecDeque<Timestamp>,
    locked_until: Option<Timestamp>,
    last_lock: Duration,
    /// When others ask next.
    next_of_others: Option<Timestamp>,
    /// Locks so far, whoever caused them.
    pub(super) locks: u64,
}

/// What the limiter says to a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It may go on.
    Admitted,
    /// It is the one too many: the account is locked from now on, for this long.
    Locks(Duration),
    /// It came while the account was locked, which it stays for this long.
    WhileLocked(Duration),
}

impl Limiter {
    /// Judges a request at `now` under a limit of so many in any sixty seconds.
    pub(super) fn judge(&mut self, now: Timestamp, limit: usize, calls_prolong: bool) -> Verdict {
        if let Some(until) = self.locked_until.filter(|until| now < *until) {
            let left = if calls_prolong {
                self.lock(now)
            } else {
                until.since(now)
            };
            return Verdict::WhileLocked(left);
        }
        self.count(now, limit)
    }

    /// Lets others make their requests up to `now`, so many a minute.
    pub(super) fn others(&mut self, now: Timestamp, limit: usize, per_minute: u32) {
        if per_minute == 0 {
            return;
        }
        let mut next = self.next_of_others.unwrap_or(now);
        while next <= now {
            if self.locked_until.is_none_or(|until| until <= next) {
                self.count(next, limit);
            }
            next = next.plus(WINDOW / per_minute);
        }
        self.next_of_others = Some(next);
    }

    /// Counts a request to an account that is not locked.
    fn count(&mut self, now: Timestamp, limit: usize) -> Verdict {
        self.locked_until = None;
        while self
            .admitted
            .front()
            .is_some_and(|first| first.plus(WINDOW) <= now)
        {
            self.admitted.pop_front();
        }
        if self.admitted.len() >= limit {
            return Verdict::Locks(self.lock(now));
        }
        self.admitted.push_back(now);
        Verdict::Admitted
    }

    fn lock(&mut self, now: Timestamp) -> Duration {
        self.last_lock = (self.last_lock + STEP).min(LONGEST);
        self.locked_until = Some(now.plus(self.last_lock));
        self.admitted.clear();
        self.locks += 1;
        self.last_lock
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn second(n: i64) -> Timestamp {
        Timestamp::from_millis(n * 1000).unwrap()
    }

    #[test]
    fn the_window_slides() {
        let mut limiter = Limiter::default();
        assert_eq!(limiter.judge(second(0), 2, false), Verdict::Admitted);
        assert_eq!(limiter.judge(second(30), 2, false), Verdict::Admitted);
        assert_eq!(limiter.judge(second(60), 2, false), Verdict::Admitted);
        let verdict = limiter.judge(second(89), 2, false);
        assert_eq!(verdict, Verdict::Locks(Duration::from_mins(1)));
    }

    #[test]
    fn others_use_the_same_limit_and_wait_out_its_locks() {
        let mut limiter = Limiter::default();
        limiter.others(second(0), 4, 2);
        limiter.others(second(59), 4, 2);
        assert_eq!(limiter.judge(second(59), 4, false), Verdict::Admitted);
        assert_eq!(limiter.judge(second(59), 4, false), Verdict::Admitted);
        let lock = Verdict::Locks(Duration::from_mins(1));
        assert_eq!(limiter.judge(second(59), 4, false), lock);
        limiter.others(second(119), 4, 2);
        assert_eq!(limiter.locks, 1);
        // Of those that they wanted to make meanwhile none was made.
        for _ in 0..4 {
            assert_eq!(limiter.judge(second(119), 4, false), Verdict::Admitted);
        }
    }

    #[test]
    fn the_lock_grows_by_a_minute_up_to_twelve() {
        let mut limiter = Limiter::default();
        let mut now = second(0);
        for violation in 1..=15_u64 {
            assert_eq!(limiter.judge(now, 1, false), Verdict::Admitted);
            let lock = Duration::from_secs(60 * violation.min(12));
            assert_eq!(limiter.judge(now, 1, false), Verdict::Locks(lock));
            let almost = now.plus(lock.saturating_sub(Duration::from_secs(1)));
            let left = Verdict::WhileLocked(Duration::from_secs(1));
            assert_eq!(limiter.judge(almost, 1, false), left);
            now = now.plus(lock);
        }
    }

    #[test]
    fn calls_while_locked_prolong_the_lock_only_if_told_so() {
        let mut limiter = Limiter::default();
        limiter.judge(second(0), 0, true);
        let verdict = limiter.judge(second(10), 0, true);
        assert_eq!(verdict, Verdict::WhileLocked(Duration::from_mins(2)));
    }
}

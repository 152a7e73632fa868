//! When to look at the heads next: a lag bought with requests that would go unused.

use std::collections::VecDeque;
use std::time::Duration;

use crate::clock::Timestamp;

/// Between two looks at a busy account whose budget has room.
pub const EAGER: Duration = Duration::from_secs(3);

/// Requests of one look: the head of the list, and of the open chats.
const LOOK: u32 = 2;

/// An account is busy while this many chats change in a minute, by the moving average: for a little over a
/// minute after a single change.
const BUSY: f64 = 0.25;

/// How far back the moving average looks.
const MEMORY: Duration = Duration::from_mins(2);

const MINUTE: Duration = Duration::from_mins(1);

/// How lively the account is, and how often it was looked at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Pulse {
    /// Chats that changed in a minute, lately.
    changes: f64,
    /// When the looks of the last minute began.
    looks: VecDeque<Timestamp>,
    /// Through when changes were counted.
    counted_at: Option<Timestamp>,
}

/// The budget as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Purse {
    /// Requests a minute that may be sent; nothing: as many as one likes.
    pub allowed: Option<u32>,
    /// Requests of the last minute.
    pub used: u32,
}

/// The next look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextLook {
    /// When it is due.
    pub at: Timestamp,
    /// Whether requests are so scarce that a chat is better read once, when it has settled, than at once and again.
    pub settled_only: bool,
}

impl Pulse {
    /// A look begins.
    pub fn looks(&mut self, at: Timestamp) {
        self.looks.push_back(at);
        while self
            .looks
            .front()
            .is_some_and(|look| look.plus(MINUTE) <= at)
        {
            self.looks.pop_front();
        }
    }

    /// The look that began at `at` found so many chats changed.
    pub fn found(&mut self, at: Timestamp, changed: u64) {
        let minutes = |span: Duration| span.as_secs_f64() / MINUTE.as_secs_f64();
        let span = self.counted_at.map_or(MEMORY, |before| at.since(before));
        let span = span.max(Duration::from_millis(1));
        let kept = (-minutes(span) / minutes(MEMORY)).exp();
        let changed = f64::from(u32::try_from(changed).unwrap_or(u32::MAX));
        self.changes = self.changes * kept + (1.0 - kept) * changed / minutes(span);
        self.counted_at = Some(at);
    }

    /// The look after the last one. It is never later than `ring`, the schedule's next time; earlier than that only if the account is
    /// busy, and by so much as the purse has room: what looks cost comes out of what nothing else needs, but at least an eighth of all.
    #[must_use]
    pub fn next_look(&self, purse: Purse, ring: Timestamp) -> NextLook {
        let settled_only = purse.allowed.is_some_and(|allowed| {
            // More than three quarters are used.
            u64::from(purse.used) * 4 > u64::from(allowed) * 3
        });
        let last = self.looks.back().filter(|_| self.changes >= BUSY);
        let at = last.map_or(ring, |last| last.plus(self.interval(purse)).min(ring));
        NextLook { at, settled_only }
    }

    fn interval(&self, purse: Purse) -> Duration {
        let Some(allowed) = purse.allowed else {
            return EAGER;
        };
        let looks = u32::try_from(self.looks.len()).unwrap_or(u32::MAX);
        let others = purse.used.saturating_sub(looks.saturating_mul(LOOK));
        // A tenth is left for what comes at once.
        let left = (allowed - allowed / 10).saturating_sub(others);
        let left = left.max(allowed / 8).max(1);
        EAGER.max(MINUTE * LOOK / left)
    }
}

impl Purse {
    /// Requests that may be spent on what nobody waits for within `span`: half of what is left, so that the customer's other
    /// programs find some too. `unlimited`: what is allowed in a minute where there is no limit.
    #[must_use]
    pub fn spare(self, span: Duration, unlimited: u32) -> u64 {
        let left = self.allowed.unwrap_or(unlimited).saturating_sub(self.used);
        u64::from(left) * span.as_secs() / 120
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
            .unwrap()
            .plus(Duration::from_secs(seconds))
    }

    fn purse(allowed: u32, used: u32) -> Purse {
        Purse {
            allowed: Some(allowed),
            used,
        }
    }

    /// An account that was looked at every `step` seconds for five minutes, and found with so many changes each time.
    fn watched(step: u64, changed: u64) -> (Pulse, Timestamp) {
        let mut pulse = Pulse::default();
        let mut now = at(0);
        for look in 0..=300 / step {
            now = at(look * step);
            pulse.looks(now);
            pulse.found(now, changed);
        }
        (pulse, now)
    }

    fn seconds_to_next(pulse: &Pulse, now: Timestamp, budget: Purse) -> u64 {
        let ring = now.plus(Duration::from_secs(20));
        pulse.next_look(budget, ring).at.since(now).as_secs()
    }

    #[test]
    fn a_quiet_account_is_looked_at_by_the_schedule() {
        let (pulse, now) = watched(20, 0);
        assert_eq!(seconds_to_next(&pulse, now, purse(180, 6)), 20);
        assert_eq!(Pulse::default().next_look(purse(180, 0), at(7)).at, at(7));
    }

    #[test]
    fn a_busy_one_every_few_seconds() {
        let (pulse, now) = watched(3, 3);
        assert_eq!(seconds_to_next(&pulse, now, purse(180, 120)), 3);
        let unlimited = Purse {
            allowed: None,
            used: 0,
        };
        assert_eq!(seconds_to_next(&pulse, now, unlimited), 3);
    }

    #[test]
    fn one_change_makes_it_busy_for_about_a_minute() {
        let (mut pulse, mut now) = watched(20, 0);
        now = now.plus(Duration::from_secs(20));
        pulse.looks(now);
        pulse.found(now, 1);
        let mut eager = 0;
        while seconds_to_next(&pulse, now, purse(180, 40)) < 20 {
            now = now.plus(EAGER);
            pulse.looks(now);
            pulse.found(now, 0);
            eager += 1;
        }
        assert!((15..40).contains(&eager), "{eager} looks");
    }

    #[test]
    fn never_later_than_the_schedule_says() {
        let (pulse, now) = watched(3, 3);
        let ring = now.plus(Duration::from_secs(1));
        assert_eq!(pulse.next_look(purse(180, 180), ring).at, ring);
    }

    #[test]
    fn scarce_requests_stretch_the_interval_and_do_not_starve_it() {
        let (pulse, now) = watched(3, 3);
        let mut before = 0;
        for used in [100, 150, 170, 180] {
            let seconds = seconds_to_next(&pulse, now, purse(180, used));
            assert!(seconds >= before, "{used} used: {seconds} s");
            before = seconds;
        }
        assert_eq!(before, 5, "an eighth of 180 a minute");
        assert_eq!(seconds_to_next(&pulse, now, purse(60, 100)), 17);
        assert_eq!(seconds_to_next(&pulse, now, purse(1, 1)), 20);
    }

    #[test]
    fn chats_are_read_unsettled_only_while_there_is_room() {
        let (pulse, now) = watched(3, 3);
        assert!(!pulse.next_look(purse(180, 135), now).settled_only);
        assert!(pulse.next_look(purse(180, 136), now).settled_only);
    }

    #[test]
    fn the_average_is_what_it_is_called() {
        for step in [1, 3, 20] {
            let (pulse, _) = watched(step, step);
            assert!((50.0..65.0).contains(&pulse.changes), "{pulse:?}");
        }
    }

    #[test]
    fn half_of_what_is_left_is_spare() {
        let span = Duration::from_secs(20);
        assert_eq!(purse(120, 6).spare(span, 600), 19);
        assert_eq!(purse(120, 200).spare(span, 600), 0);
        let unlimited = Purse {
            allowed: None,
            used: 0,
        };
        assert_eq!(unlimited.spare(span, 600), 100);
    }
}

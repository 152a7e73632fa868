//! The rate at which requests may be made at present, and how long things take at it.

use std::fmt::Write;
use std::time::Duration;

use super::exit::Failure;
use super::output::moment;
use crate::clock::Timestamp;
use crate::source::GovernorState;
use crate::store::Reader;

/// What the budget of requests allows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rate {
    /// Requests a minute by the configuration; 0: as many as it likes.
    pub(super) configured: u32,
    /// What is left of them where others use the token too.
    pub(super) left_by_others: Option<u32>,
    /// Until when the source takes none.
    pub(super) locked_until: Option<Timestamp>,
}

impl Rate {
    /// By what the mirror has kept of its budget.
    pub(super) async fn of(
        reader: &Reader,
        configured: u32,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let state: Option<GovernorState> = reader.learned(GovernorState::NAME).await?;
        let left = state
            .as_ref()
            .and_then(|state| state.left_by_others(configured, now));
        let locked = state.and_then(|state| state.locked_until);
        Ok(Self {
            left_by_others: left,
            locked_until: locked.filter(|until| *until > now),
            ..Self::configured(configured)
        })
    }

    /// By the configuration alone.
    pub(super) fn configured(configured: u32) -> Self {
        Self {
            configured,
            left_by_others: None,
            locked_until: None,
        }
    }

    /// Requests a minute at present; nothing: as many as it likes.
    pub(super) fn a_minute(self) -> Option<u32> {
        let now = self.left_by_others.unwrap_or(self.configured);
        (now > 0).then_some(now)
    }

    /// How many minutes so many requests take; nothing if nothing holds them back.
    pub(super) fn minutes(self, requests: u64) -> Option<u64> {
        self.a_minute()
            .map(|a_minute| requests.div_ceil(u64::from(a_minute)))
    }

    /// When so many requests are done that begin at `now`, or when the lock ends.
    pub(super) fn end(self, requests: u64, now: Timestamp) -> Option<Timestamp> {
        let begins = self.locked_until.unwrap_or(now);
        let minutes = self.minutes(requests)?;
        Some(begins.plus(Duration::from_mins(minutes)))
    }

    /// How many days so many requests take when half of the budget goes into them, as it may into re-reading.
    pub(super) fn days(self, requests: u64) -> Option<u64> {
        let a_day = u64::from(self.a_minute()?) / 2 * 60 * 24;
        (a_day > 0).then(|| requests / a_day + 1)
    }

    pub(super) fn told(self) -> String {
        let mut text = match (self.configured, self.locked_until) {
            (_, Some(until)) => {
                let until = moment(until);
                format!("budget    the source takes no requests until {until} UTC\n")
            }
            (0, None) => "budget    no limit on requests is configured\n".to_owned(),
            (ceiling, None) => format!("budget    at most {ceiling} requests a minute\n"),
        };
        if let Some(left) = self.left_by_others {
            let _ = writeln!(
                text,
                "          others use the token too: at most {left} a minute for now, to leave them room"
            );
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_others_leave_and_a_lock_make_everything_later() {
        let now: Timestamp = "2026-03-01 12:00:00.000".parse().unwrap();
        let mut rate = Rate::configured(120);
        assert_eq!(rate.minutes(4000), Some(34));
        assert_eq!(rate.end(4000, now), Some(now.plus(Duration::from_mins(34))));
        assert_eq!(rate.days(100_000), Some(2));
        rate.left_by_others = Some(40);
        rate.locked_until = Some(now.plus(Duration::from_mins(5)));
        assert_eq!(rate.minutes(4000), Some(100));
        assert_eq!(
            rate.end(4000, now),
            Some(now.plus(Duration::from_mins(105)))
        );
        assert_eq!(rate.days(100_000), Some(4));
        assert_eq!(Rate::configured(0).end(4000, now), None);
    }
}

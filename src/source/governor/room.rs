//! The room that others leave: how much of the ceiling may be used where the source's limit is shared.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Timestamp;

/// How much of the room that was seen the mirror uses: in hundredths of it.
const USED: u64 = 85;

/// A lock that came after less than this part of the ceiling tells nothing of it: others had taken nearly all, and may have
/// been locked without the mirror. No share falls below it either.
const LEAST: u64 = 1000 / 8;

/// A share grows by this many thousandths of itself in the first day, and with the square of the time: what was left free
/// is reached again after a little more than a day, and everything, where the others have gone, after a few.
const GROWTH: u64 = 160;

const DAY: Duration = Duration::from_hours(24);

/// The part of the ceiling that may be used, as a lock has shown it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Share {
    /// Thousandths of the ceiling, at `seen_at`.
    pub thousandths: u64,
    /// When the lock came.
    pub seen_at: Timestamp,
}

impl Share {
    /// What a lock shows that came at `now` after `sent` requests in a minute. `before`: what earlier locks have shown.
    pub(super) fn shown(
        before: Option<Self>,
        sent: u32,
        ceiling: u32,
        now: Timestamp,
    ) -> Option<Self> {
        let room = u64::from(sent) * 1000 / u64::from(ceiling.max(1));
        if room < LEAST {
            return before;
        }
        let known = before.map_or(1000, |share| share.at(now));
        // One lock may come by chance: it takes no more than half.
        let thousandths = (room * USED / 100).clamp(known / 2, known).max(LEAST);
        Some(Self {
            thousandths,
            seen_at: now,
        })
    }

    /// Thousandths of the ceiling at `now`.
    pub(super) fn at(self, now: Timestamp) -> u64 {
        let day = DAY.as_secs();
        let since = now.since(self.seen_at).as_secs().min(100 * day);
        let grown = self.thousandths * GROWTH * since / day * since / day / 1000;
        (self.thousandths + grown).min(1000)
    }

    /// As many requests, as a share of another ceiling.
    pub(super) fn of_another(self, ceiling: u32, other: u32) -> Self {
        let requests = self.thousandths * u64::from(ceiling);
        Self {
            thousandths: (requests / u64::from(other.max(1))).clamp(LEAST, 1000),
            ..self
        }
    }
}

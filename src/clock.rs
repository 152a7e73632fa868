//! Time as a value: what a moment is, and where the present one comes from.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, to the millisecond. Its text, in the database as on the screen, is `YYYY-MM-DD HH:MM:SS.SSS`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const TEXT_FORMAT: &str = "%Y-%m-%d %H:%M:%S%.3f";

/// The years that four digits can write: outside them the text would no longer sort as the moments do.
const WRITABLE: std::ops::RangeInclusive<i64> = -62_167_219_200_000..=253_402_300_799_999;

impl Timestamp {
    /// The moment `millis` milliseconds after 1970 began, or nothing outside the years 0 to 9999.
    #[must_use]
    pub fn from_millis(millis: i64) -> Option<Self> {
        WRITABLE.contains(&millis).then_some(Self(millis))
    }

    /// Milliseconds since 1970 began.
    #[must_use]
    pub fn millis(self) -> i64 {
        self.0
    }

    /// The local machine's present moment.
    #[must_use]
    #[expect(
        clippy::disallowed_methods,
        reason = "this is where the time comes from"
    )]
    pub fn now() -> Self {
        Self(Utc::now().timestamp_millis())
    }

    /// This moment and `span` more; stays at the end of time instead of passing it.
    #[must_use]
    pub fn plus(self, span: Duration) -> Self {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(span).min(*WRITABLE.end()))
    }

    /// This moment less `span`; stays at the beginning of time instead of passing it.
    #[must_use]
    pub fn minus(self, span: Duration) -> Self {
        let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(span).max(*WRITABLE.start()))
    }

    /// How long after `earlier` this is; nothing if it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0 - earlier.0).unwrap_or(0))
    }

    /// The second that this moment lies in: the resolution of the platforms' own times.
    #[must_use]
    pub fn second(self) -> Self {
        Self(self.0.div_euclid(1000) * 1000)
    }
}

impl From<DateTime<Utc>> for Timestamp {
    fn from(moment: DateTime<Utc>) -> Self {
        Self(
            moment
                .timestamp_millis()
                .clamp(*WRITABLE.start(), *WRITABLE.end()),
        )
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let moment = DateTime::from_timestamp_millis(self.0).unwrap_or_default();
        write!(f, "{}", moment.format(TEXT_FORMAT))
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = chrono::ParseError;

    /// Reads the text that [`Display`](fmt::Display) writes.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        NaiveDateTime::parse_from_str(text, TEXT_FORMAT).map(|moment| moment.and_utc().into())
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Where the present moment comes from, and how waiting is done.
///
/// The simulated clock stands still until somebody waits on it or moves it, so that a history of an
/// account can be run through without waiting and with seconds that tie on purpose.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's own clock.
    #[default]
    System,
    /// A clock that only [`Clock::sleep`] and [`Clock::advance`] move. Clones share it.
    Simulated(Arc<AtomicI64>),
}

impl Clock {
    /// A simulated clock that shows `start`.
    #[must_use]
    pub fn simulated(start: Timestamp) -> Self {
        Self::Simulated(Arc::new(AtomicI64::new(start.0)))
    }

    /// The present moment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::Simulated(millis) => Timestamp(millis.load(Ordering::SeqCst)),
        }
    }

    /// Waits until `span` has passed; on a simulated clock by letting it pass.
    pub async fn sleep(&self, span: Duration) {
        match self {
            Self::System => tokio::time::sleep(span).await,
            Self::Simulated(_) => {
                self.advance(span);
                tokio::task::yield_now().await;
            }
        }
    }

    /// Lets `span` pass on a simulated clock; the machine's own clock takes no orders.
    pub fn advance(&self, span: Duration) {
        if let Self::Simulated(millis) = self {
            let span = i64::try_from(span.as_millis()).unwrap_or(i64::MAX);
            millis.fetch_add(span, Ordering::SeqCst);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let moment = Timestamp::from_millis(1_574_717_402_005).unwrap();
        assert_eq!(moment.to_string(), "2019-11-25 21:30:02.005");
        assert_eq!(moment.to_string().parse(), Ok(moment));
        assert_eq!(moment.second().to_string(), "2019-11-25 21:30:02.000");
    }

    #[test]
    fn moments_before_1970_keep_their_second() {
        let moment = Timestamp::from_millis(-1).unwrap();
        assert_eq!(moment.second().to_string(), "1969-12-31 23:59:59.000");
    }

    #[test]
    fn years_that_four_digits_cannot_write_are_refused() {
        assert_eq!(Timestamp::from_millis(i64::MAX), None);
        assert_eq!(Timestamp::from_millis(253_402_300_800_000), None);
    }

    #[tokio::test]
    async fn a_simulated_clock_moves_only_when_told() {
        let start = Timestamp::from_millis(0).unwrap();
        let clock = Clock::simulated(start);
        clock.sleep(Duration::from_secs(2)).await;
        assert_eq!(clock.clone().now(), start.plus(Duration::from_secs(2)));
    }
}

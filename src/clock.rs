//! Time as a value: what a moment is, and where the present one comes from.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use chrono::{DateTime, Datelike, NaiveDate, NaiveDateTime, Timelike, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment in UTC, to the millisecond. Its text, in the database as on the screen, is `YYYY-MM-DD HH:MM:SS.SSS`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

const TEXT_FORMAT: &str = "%Y-%m-%d %H:%M:%S%.3f";

/// The years that four digits can write: outside them the text would no longer sort as the moments do. Not the year 0: many readers of the
/// file know none, Python among them.
const WRITABLE: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

impl Timestamp {
    /// The moment `millis` milliseconds after 1970 began, or nothing outside the years 1 to 9999.
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
        // Digit for digit: a format text would be read anew for each of a page's hundred times.
        let mut text = *b"0000-00-00 00:00:00.000";
        let mut put = |end: usize, mut number: u32| {
            for digit in text[..end].iter_mut().rev() {
                if number == 0 {
                    break;
                }
                *digit += u8::try_from(number % 10).unwrap_or_default();
                number /= 10;
            }
        };
        put(4, moment.year().unsigned_abs());
        put(7, moment.month());
        put(10, moment.day());
        put(13, moment.hour());
        put(16, moment.minute());
        put(19, moment.second());
        put(23, moment.timestamp_subsec_millis());
        f.write_str(str::from_utf8(&text).unwrap_or_default())
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
        if let Some((second, millis)) = text.split_at_checked(19)
            && let (Some(moment), Some(millis)) = (civil_second(second), fraction(millis))
        {
            let moment: Self = moment.and_utc().into();
            return Ok(Self(moment.0 + millis));
        }
        // The library says what is wrong with it.
        NaiveDateTime::parse_from_str(text, TEXT_FORMAT).map(|moment| moment.and_utc().into())
    }
}

/// Reads `YYYY-MM-DD HH:MM:SS`, or with `T` for the space, and nothing else: the form in which nearly all times come, read
/// without a format text.
#[must_use]
pub fn civil_second(text: &str) -> Option<NaiveDateTime> {
    let bytes = text.as_bytes();
    let marks = [bytes.get(4)?, bytes.get(7)?, bytes.get(13)?, bytes.get(16)?];
    if bytes.len() != 19 || marks != [&b'-', &b'-', &b':', &b':'] || !b" T".contains(&bytes[10]) {
        return None;
    }
    let number = |from: usize, to: usize| digits(&bytes[from..to]);
    let date = NaiveDate::from_ymd_opt(number(0, 4)?.cast_signed(), number(5, 7)?, number(8, 10)?)?;
    date.and_hms_opt(number(11, 13)?, number(14, 16)?, number(17, 19)?)
}

/// Reads `.SSS` as milliseconds.
fn fraction(text: &str) -> Option<i64> {
    let millis = text.strip_prefix('.').filter(|millis| millis.len() == 3)?;
    digits(millis.as_bytes()).map(i64::from)
}

fn digits(bytes: &[u8]) -> Option<u32> {
    bytes.iter().try_fold(0, |number, byte| {
        byte.is_ascii_digit()
            .then(|| number * 10 + u32::from(byte - b'0'))
    })
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

    proptest::proptest! {
        #[test]
        fn text_is_what_the_library_writes_and_reads(millis in WRITABLE) {
            let moment = Timestamp::from_millis(millis).unwrap();
            let text = moment.to_string();
            let library = DateTime::from_timestamp_millis(millis).unwrap();
            proptest::prop_assert_eq!(&text, &library.format(TEXT_FORMAT).to_string());
            proptest::prop_assert_eq!(text.parse(), Ok(moment));
            let second = civil_second(&text[..19]).unwrap();
            proptest::prop_assert_eq!(second.and_utc().timestamp(), library.timestamp());
        }
    }

    #[test]
    fn only_the_one_form_is_read_as_a_civil_second() {
        assert!(civil_second("2019-11-25T21:30:02").is_some());
        for text in [
            "2019-11-25 21:30:60",
            "2019-02-29 21:30:02",
            "2019-11-25 21:30:0",
            "2019-11-25 21:30:02Z",
            "2019-11-25_21:30:02",
            "2019/11/25 21:30:02",
            "+019-11-25 21:30:02",
            "2019-11-25 21:30:0٣",
            "",
        ] {
            assert_eq!(civil_second(text), None, "{text}");
        }
    }

    #[test]
    fn a_text_that_is_no_time_is_refused() {
        for text in [
            "",
            "2019-11-25",
            "2019-11-25 21:30:02.0005",
            "2019-13-25 21:30:02.000",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }

    #[tokio::test]
    async fn a_simulated_clock_moves_only_when_told() {
        let start = Timestamp::from_millis(0).unwrap();
        let clock = Clock::simulated(start);
        clock.sleep(Duration::from_secs(2)).await;
        assert_eq!(clock.clone().now(), start.plus(Duration::from_secs(2)));
    }
}

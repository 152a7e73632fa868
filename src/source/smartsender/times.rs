//! The forms in which the platform writes a moment.

use chrono::{DateTime, NaiveDateTime, TimeDelta, TimeZone};
use chrono_tz::Tz;
use serde_json::Value;

use crate::clock::{self, Timestamp};

/// From this number on an epoch is in milliseconds: as seconds it would be the year 5138.
const LEAST_MILLIS: i64 = 100_000_000_000;

/// A moment as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment {
    /// The moment; nothing if the value says that there is none.
    pub at: Option<Timestamp>,
    /// Whether it says all that the value said; false where digits finer than a millisecond were cut
    /// or the value names a time that the zone's clocks skipped.
    pub exact: bool,
}

/// Reads a moment: `YYYY-MM-DD HH:MM:SS` in `zone` (`T` for the space and a fraction are taken too),
/// RFC 3339 with any offset, or whole seconds or milliseconds since 1970 as a number or in digits.
/// Null, the empty text and a database's all-zero date say that there is none.
///
/// A local time that comes twice (clocks set back) is taken as the earlier; one that never comes
/// (clocks set forward) is moved forward by as much as the clocks were. Nothing if it is no time at all.
pub(super) fn read(value: &Value, zone: Tz) -> Option<Moment> {
    match value {
        Value::Null => Some(Moment::NONE),
        Value::Number(number) => epoch(number.as_i64()?),
        Value::String(text) => read_text(text.trim(), zone),
        _ => None,
    }
}

impl Moment {
    const NONE: Self = Self {
        at: None,
        exact: true,
    };
}

fn epoch(number: i64) -> Option<Moment> {
    let millis = match number {
        ..0 => return None,
        0..LEAST_MILLIS => number * 1000,
        _ => number,
    };
    let at = Some(Timestamp::from_millis(millis)?);
    Some(Moment { at, exact: true })
}

fn read_text(text: &str, zone: Tz) -> Option<Moment> {
    if text.is_empty() || is_zero_date(text) {
        return Some(Moment::NONE);
    }
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return epoch(text.parse().ok()?);
    }
    if let Some(local) = clock::civil_second(text) {
        return in_zone(local, zone);
    }
    if let Some(moment) = with_offset(text) {
        return moment_of(&moment, true);
    }
    let local = ["%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M:%S%.f"]
        .iter()
        .find_map(|form| NaiveDateTime::parse_from_str(text, form).ok())?;
    in_zone(local, zone)
}

fn in_zone(local: NaiveDateTime, zone: Tz) -> Option<Moment> {
    match zone.from_local_datetime(&local).earliest() {
        Some(moment) => moment_of(&moment, true),
        None => moment_of(&after_gap(local, zone)?, false),
    }
}

/// A database's date of nothing: no digit of it is other than 0.
fn is_zero_date(text: &str) -> bool {
    text.starts_with("0000-00-00") && text.chars().all(|char| "0-: T.Z".contains(char))
}

/// RFC 3339, and the offset without its colon that PHP's older ISO form has.
fn with_offset(text: &str) -> Option<DateTime<chrono::FixedOffset>> {
    DateTime::parse_from_rfc3339(text)
        .or_else(|_| DateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f%z"))
        .ok()
}

/// The moment of a local time that the clocks skipped, by the offset that held before the gap.
fn after_gap(local: NaiveDateTime, zone: Tz) -> Option<DateTime<chrono::Utc>> {
    // The longest gap so far was a day (Samoa, 2011); offsets move by quarters of an hour.
    let before = (1..=120).find_map(|quarters| {
        let earlier = local.checked_sub_signed(TimeDelta::minutes(15 * quarters))?;
        Some((earlier, zone.from_local_datetime(&earlier).latest()?))
    });
    let (earlier, moment) = before?;
    moment.to_utc().checked_add_signed(local - earlier)
}

fn moment_of<Z: TimeZone>(moment: &DateTime<Z>, is_there: bool) -> Option<Moment> {
    let at = Some(Timestamp::from_millis(moment.timestamp_millis())?);
    let nanos = moment.timestamp_subsec_nanos();
    // A second 60 is a second of its own, and the column has only the one after it.
    let exact = is_there && nanos < 1_000_000_000 && nanos.is_multiple_of(1_000_000);
    Some(Moment { at, exact })
}

#[cfg(test)]
mod tests {
    use chrono_tz::{America::New_York, Europe::Kyiv, Pacific::Apia, UTC};
    use serde_json::json;

    use super::*;

    #[test]
    fn every_form() {
        let noon = "2019-08-05 14:06:39.000";
        let cases = [
            (json!("2019-08-05 14:06:39"), UTC, noon),
            (json!("2019-08-05T14:06:39"), UTC, noon),
            (json!("2019-08-05 17:06:39"), Kyiv, noon),
            (json!("2019-08-05 10:06:39"), New_York, noon),
            (
                json!("2019-08-05 14:06:39.250"),
                UTC,
                "2019-08-05 14:06:39.250",
            ),
            (json!("2019-08-05T14:06:39Z"), Kyiv, noon),
            (json!("2019-08-05T17:06:39+03:00"), New_York, noon),
            (json!("2019-08-05T17:06:39+0300"), New_York, noon),
            (json!("2019-08-05T14:06:39.000000Z"), Kyiv, noon),
            (json!(1_565_013_999), Kyiv, noon),
            (json!("1565013999"), Kyiv, noon),
            (json!(1_565_013_999_000_i64), Kyiv, noon),
            (json!("1565013999250"), Kyiv, "2019-08-05 14:06:39.250"),
            (json!(99_999_999_999_i64), UTC, "5138-11-16 09:46:39.000"),
            (json!(100_000_000_000_i64), UTC, "1973-03-03 09:46:40.000"),
            // Winter and summer time of one zone.
            (
                json!("2020-02-01 16:12:21"),
                Kyiv,
                "2020-02-01 14:12:21.000",
            ),
            // 03:30 came twice: the earlier, still summer time.
            (
                json!("2019-10-27 03:30:00"),
                Kyiv,
                "2019-10-27 00:30:00.000",
            ),
        ];
        for (value, zone, text) in cases {
            let moment = read(&value, zone).unwrap_or_else(|| panic!("{value} is no time"));
            assert!(moment.exact, "{value}");
            assert_eq!(moment.at.unwrap().to_string(), text, "{value} in {zone}");
        }
    }

    #[test]
    fn what_the_column_cannot_say_is_not_exact() {
        let cases = [
            (
                json!("2019-08-05 14:06:39.123456"),
                UTC,
                "2019-08-05 14:06:39.123",
            ),
            // The clocks went from 03:00 to 04:00: this is 04:30 in Kyiv.
            (
                json!("2019-03-31 03:30:00"),
                Kyiv,
                "2019-03-31 01:30:00.000",
            ),
            // A leap second.
            (
                json!("2016-12-31T23:59:60Z"),
                UTC,
                "2017-01-01 00:00:00.000",
            ),
            // A whole day that was skipped: this is noon of the 31st in Apia.
            (
                json!("2011-12-30 12:00:00"),
                Apia,
                "2011-12-30 22:00:00.000",
            ),
        ];
        for (value, zone, text) in cases {
            let moment = read(&value, zone).unwrap();
            assert!(!moment.exact, "{value}");
            assert_eq!(moment.at.unwrap().to_string(), text, "{value} in {zone}");
        }
    }

    #[test]
    fn no_moment_and_no_time() {
        for value in [json!(null), json!(""), json!("0000-00-00 00:00:00")] {
            assert_eq!(read(&value, Kyiv), Some(Moment::NONE), "{value}");
        }
        let nonsense = [
            json!("yesterday"),
            json!("0000-00-00 and more"),
            json!("0000-00-00 12:00:00"),
            // The ends of the calendar, behind which there is nothing to reckon with.
            json!("-262143-01-01 00:00:00"),
            json!("+262142-12-31 23:59:59"),
            json!("2019-13-01 00:00:00"),
            json!(-5),
            json!(1.5),
            json!(true),
            json!([]),
            json!("99999999999999999999"),
        ];
        for value in nonsense {
            assert_eq!(read(&value, Kyiv), None, "{value}");
        }
    }
}

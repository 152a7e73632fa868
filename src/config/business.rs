//! How business hours are written: `09:00-18:00` on `mon-fri`.

use chrono::{NaiveTime, Weekday};

/// Reads hours; nothing if none are set.
pub(super) fn hours(text: &str) -> Result<Option<(NaiveTime, NaiveTime)>, String> {
    const WANTED: &str = r#"must be empty or two times of one day, such as "09:00-18:00""#;
    if text.is_empty() {
        return Ok(None);
    }
    let time = |text: &str| NaiveTime::parse_from_str(text.trim(), "%H:%M").ok();
    let times = text
        .split_once('-')
        .and_then(|(opens, closes)| time(opens).zip(time(closes)));
    match times {
        Some((opens, closes)) if opens < closes => Ok(Some((opens, closes))),
        Some(_) => Err(format!("ends before it begins: {WANTED}")),
        None => Err(WANTED.to_owned()),
    }
}

/// Reads days: names and spans between commas. They come in the order of the week, each once.
pub(super) fn days(text: &str) -> Result<Vec<Weekday>, String> {
    let wanted = || {
        format!(
            r#"must be days of the week and spans of them, such as "mon-fri" or "mon-thu,sat", not {text:?}"#
        )
    };
    let day = |text: &str| text.trim().parse::<Weekday>().map_err(|_| wanted());
    let mut found = Vec::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (mut at, last) = (day(first)?, day(last)?);
        found.push(at);
        while at != last {
            at = at.succ();
            found.push(at);
        }
    }
    found.sort_unstable_by_key(Weekday::num_days_from_monday);
    found.dedup();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Weekday::{Fri, Mon, Sat, Sun};

    #[test]
    fn hours_are_two_times_of_one_day() {
        let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).unwrap();
        assert_eq!(hours(""), Ok(None));
        assert_eq!(hours("09:00-18:30"), Ok(Some((time(9, 0), time(18, 30)))));
        for wrong in ["9", "18:00-09:00", "09:00-09:00", "09:00-25:00", "-"] {
            assert!(hours(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn days_are_names_and_spans_that_may_pass_the_end_of_the_week() {
        assert_eq!(days("sat-mon"), Ok(vec![Mon, Sat, Sun]));
        assert_eq!(days("fri, mon,fri"), Ok(vec![Mon, Fri]));
        assert_eq!(days("mon-sun").unwrap().len(), 7);
        for wrong in ["", "mon-", "someday", "mon;tue"] {
            assert!(days(wrong).is_err(), "{wrong}");
        }
    }
}

//! A moment written in any accepted form is read as that moment.

use chrono::{DateTime, TimeZone, Utc};
use chrono_tz::{America::New_York, Asia::Kathmandu, Europe::Kyiv, Europe::London, Tz, UTC};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use super::super::times;
use crate::clock::Timestamp;

/// Every form in which the platform may write `moment`, those without a zone in `zone`.
fn forms(moment: DateTime<Utc>, zone: Tz) -> Vec<Value> {
    let local = moment.with_timezone(&zone);
    let (seconds, millis) = (moment.timestamp(), moment.timestamp_millis());
    let mut forms: Vec<Value> = [
        "%Y-%m-%d %H:%M:%S%.3f",
        "%Y-%m-%dT%H:%M:%S%.3f",
        "%Y-%m-%d %H:%M:%S%.6f",
        "%Y-%m-%dT%H:%M:%S%.3f%:z",
        "%Y-%m-%dT%H:%M:%S%.3f%z",
    ]
    .iter()
    .map(|form| local.format(form).to_string().into())
    .collect();
    forms.push(moment.to_rfc3339().into());
    if millis >= 100_000_000_000 {
        forms.extend([json!(millis), json!(millis.to_string())]);
    }
    if millis % 1000 == 0 {
        forms.push(local.format("%Y-%m-%d %H:%M:%S").to_string().into());
        if seconds >= 0 {
            forms.extend([json!(seconds), json!(seconds.to_string())]);
        }
    }
    forms
}

fn moments() -> impl Strategy<Value = DateTime<Utc>> {
    // 1930 to 2100: between them the zones have offsets of whole minutes only, as RFC 3339 writes them.
    let seconds = -1_262_304_000_i64..4_102_444_800;
    // Around the hour that comes twice in Kyiv.
    let seconds = prop_oneof![seconds, 1_572_130_800_i64..1_572_145_200];
    let millis = prop_oneof![Just(0), 0..1000_i64];
    (seconds, millis).prop_map(|(seconds, millis)| {
        DateTime::from_timestamp_millis(seconds * 1000 + millis).unwrap()
    })
}

/// Any year, often the first and the last that can be reckoned with.
fn years() -> impl Strategy<Value = i32> {
    prop_oneof![Just(-262_143), Just(262_142), -262_144..=262_143_i32]
}

fn days() -> impl Strategy<Value = String> {
    let days = "-[01][0-9]-[0-3][0-9][ T][0-2][0-9]:[0-5][0-9]:[0-6][0-9]";
    let ends = select(vec!["-01-01 00:00:00", "-12-31 23:59:59"]);
    prop_oneof![days, ends.prop_map(str::to_owned)]
}

proptest! {
    #[test]
    fn every_form_says_the_moment(moment in moments(), zone in select(vec![UTC, Kyiv, London, New_York, Kathmandu])) {
        for form in forms(moment, zone) {
            let read = times::read(&form, zone).unwrap();
            prop_assert!(read.exact);
            let local = moment.with_timezone(&zone).naive_local();
            let has_zone = form.as_str().is_none_or(|text| {
                !text.contains(':') || text.ends_with('Z') || text[11..].contains(['+', '-'])
            });
            let twice = zone.from_local_datetime(&local).earliest().unwrap().to_utc();
            let expected = if has_zone { moment } else { twice };
            prop_assert!(expected <= moment);
            prop_assert_eq!(read.at, Timestamp::from_millis(expected.timestamp_millis()), "{}", form);
        }
    }

    #[test]
    fn no_date_is_beyond_reading(year in years(), rest in days(), zone in select(vec![UTC, Kyiv, New_York])) {
        for sign in ["", "+"] {
            let _ = times::read(&Value::from(format!("{sign}{year}{rest}")), zone);
        }
    }
}

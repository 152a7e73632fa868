//! The report zone inside the file: its offsets, its working days, and what is counted by them, so that plain SQL needs no zone of its own.

use chrono::{DateTime, Datelike, Days, NaiveDate, Offset, TimeZone, Utc};
use chrono_tz::Tz;
use serde::Serialize;

use super::kept;
use super::{Store, StoreError};
use crate::clock::Timestamp;
use crate::config::{Business, Report};

/// The calendar reaches over these years; before and after them the zone keeps the offset it has there, and the desk is closed.
const YEARS: std::ops::Range<i32> = 2000..2060;

/// A span with one offset from UTC.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct Span {
    starts_at: String,
    ends_at: String,
    minutes: i32,
}

/// A day on which the desk is open, in UTC, and the seconds of business before it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
struct WorkingDay {
    opens_at: Timestamp,
    closes_at: Timestamp,
    worked_before: i64,
}

impl Store {
    /// Makes the file count days and hours as `report` says. What it has counted otherwise so far is counted again.
    ///
    /// # Errors
    /// Whatever SQLite says; then it counts as before.
    pub async fn count_by(&self, report: &Report) -> Result<(), StoreError> {
        let mut transaction = self.begin().await?;
        let connection = transaction.connection().await?;
        let (zone, hours, days) = words(report);
        let spans = serde_json::to_string(&spans(report.time_zone))?;
        // The spans are compared, not the names: the rules of a zone change with the world.
        let stored = sqlx::query!(
            r#"select business_hours, business_days,
                      (
                          select json_group_array(
                              json_object('starts_at', starts_at, 'ends_at', ends_at, 'minutes', minutes)
                          )
                          from (select * from report_offsets order by starts_at)
                      ) as "spans!: String",
                      time_zone
               from report_settings"#
        )
        .fetch_one(&mut *connection)
        .await?;
        let same_days = stored.spans == spans;
        if same_days
            && stored.time_zone == zone
            && stored.business_hours == hours
            && stored.business_days == days
        {
            return Ok(());
        }
        sqlx::query!(
            "update report_settings set time_zone = ?1, business_hours = ?2, business_days = ?3",
            zone,
            hours,
            days
        )
        .execute(&mut *connection)
        .await?;
        write_working_days(connection, report).await?;
        if !same_days {
            write_spans(connection, &spans).await?;
            kept::count_days_again(connection).await?;
        }
        transaction.keep().await
    }
}

async fn write_spans(
    connection: &mut sqlx::SqliteConnection,
    spans: &str,
) -> Result<(), StoreError> {
    sqlx::query!("delete from report_offsets")
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "insert into report_offsets (starts_at, ends_at, minutes)
         select value->>'starts_at', value->>'ends_at', value->>'minutes' from jsonb_each(?1)",
        spans
    )
    .execute(connection)
    .await?;
    Ok(())
}

async fn write_working_days(
    connection: &mut sqlx::SqliteConnection,
    report: &Report,
) -> Result<(), StoreError> {
    let working_days = report.business.as_ref().map_or_else(Vec::new, |business| {
        working_days(report.time_zone, business)
    });
    let working_days = serde_json::to_string(&working_days)?;
    sqlx::query!("delete from report_days")
        .execute(&mut *connection)
        .await?;
    sqlx::query!(
        "insert into report_days (opens_at, closes_at, worked_before)
         select value->>'opens_at', value->>'closes_at', value->>'worked_before' from jsonb_each(?1)",
        working_days
    )
    .execute(connection)
    .await?;
    Ok(())
}

/// The report as `report_settings` has it.
fn words(report: &Report) -> (String, String, String) {
    let (hours, days) = match &report.business {
        None => (String::new(), String::new()),
        Some(Business {
            opens,
            closes,
            days,
        }) => {
            let days: Vec<String> = days.iter().map(ToString::to_string).collect();
            (
                format!("{}-{}", opens.format("%H:%M"), closes.format("%H:%M")),
                days.join(",").to_lowercase(),
            )
        }
    };
    (report.time_zone.name().to_owned(), hours, days)
}

/// The spans of one offset each, without a gap.
fn spans(zone: Tz) -> Vec<Span> {
    let mut spans: Vec<Span> = Vec::new();
    let begin = "0000-01-01 00:00:00.000".to_owned();
    let end = "9999-12-31 23:59:59.999".to_owned();
    let mut at = midnight(YEARS.start);
    let mut starts_at = begin;
    while let Some(next) = next_change(zone, at) {
        let moment = Timestamp::from(next).to_string();
        spans.push(Span {
            starts_at: std::mem::replace(&mut starts_at, moment.clone()),
            ends_at: moment,
            minutes: minutes(zone, at),
        });
        at = next;
    }
    spans.push(Span {
        starts_at,
        ends_at: end,
        minutes: minutes(zone, at),
    });
    spans
}

/// The first moment after `at` with another offset, to the minute.
fn next_change(zone: Tz, at: DateTime<Utc>) -> Option<DateTime<Utc>> {
    let here = minutes(zone, at);
    let mut before = at;
    let mut after = at;
    while minutes(zone, after) == here {
        before = after;
        after = after.checked_add_days(Days::new(7))?;
        if after >= midnight(YEARS.end) {
            return None;
        }
    }
    while (after - before).num_minutes() > 1 {
        let middle = before + chrono::Duration::minutes((after - before).num_minutes() / 2);
        if minutes(zone, middle) == here {
            before = middle;
        } else {
            after = middle;
        }
    }
    Some(after)
}

fn minutes(zone: Tz, at: DateTime<Utc>) -> i32 {
    zone.offset_from_utc_datetime(&at.naive_utc())
        .fix()
        .local_minus_utc()
        / 60
}

fn midnight(year: i32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(year, 1, 1, 0, 0, 0)
        .single()
        .unwrap_or_default()
}

fn working_days(zone: Tz, business: &Business) -> Vec<WorkingDay> {
    let first = NaiveDate::from_ymd_opt(YEARS.start, 1, 1).unwrap_or_default();
    let dates = first.iter_days().take_while(|date| date.year() < YEARS.end);
    let mut days = Vec::new();
    let mut worked_before = 0;
    for date in dates.filter(|date| business.days.contains(&date.weekday())) {
        // An hour that the clocks leave out is as good as the hour before it; of one that comes twice, the first counts.
        let moment = |time| {
            let local = date.and_time(time);
            zone.from_local_datetime(&local)
                .earliest()
                .or_else(|| {
                    let before = local - chrono::Duration::hours(1);
                    zone.from_local_datetime(&before).earliest()
                })
                .map(|moment| Timestamp::from(moment.to_utc()))
        };
        let (Some(opens_at), Some(closes_at)) = (moment(business.opens), moment(business.closes))
        else {
            continue;
        };
        days.push(WorkingDay {
            opens_at,
            closes_at,
            worked_before,
        });
        let seconds = closes_at.since(opens_at).as_secs();
        worked_before += seconds.cast_signed();
    }
    days
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn a_zone_without_summer_time_is_one_span() {
        let spans = spans(Tz::UTC);
        assert_eq!(spans.len(), 1);
        assert_eq!(spans[0].minutes, 0);
    }

    #[test]
    fn kyiv_changes_its_clocks_at_one_utc_on_the_last_sundays_of_march_and_october() {
        let spans = spans(chrono_tz::Europe::Kyiv);
        let summer = spans
            .iter()
            .find(|span| span.starts_at.starts_with("2026"))
            .unwrap();
        assert_eq!(summer.starts_at, "2026-03-29 01:00:00.000");
        assert_eq!(summer.ends_at, "2026-10-25 01:00:00.000");
        assert_eq!(summer.minutes, 180);
        assert!(
            spans
                .windows(2)
                .all(|pair| pair[0].ends_at == pair[1].starts_at)
        );
    }

    #[test]
    fn working_days_are_as_long_in_summer_as_in_winter_and_their_seconds_add_up() {
        let text = "[report]\ntime_zone = \"Europe/Kyiv\"\nbusiness_hours = \"09:00-18:00\"\n";
        let report = Config::parse(text).unwrap().report;
        let days = working_days(report.time_zone, &report.business.unwrap());
        let day = |text: &str| {
            let at = days
                .iter()
                .position(|day| day.opens_at.to_string().starts_with(text));
            at.map(|at| days[at].opens_at.to_string())
        };
        assert_eq!(day("2026-03-27").unwrap(), "2026-03-27 07:00:00.000");
        assert_eq!(day("2026-03-28"), None);
        assert_eq!(day("2026-03-30").unwrap(), "2026-03-30 06:00:00.000");
        let steps = days
            .windows(2)
            .map(|pair| pair[1].worked_before - pair[0].worked_before);
        assert!(steps.into_iter().all(|seconds| seconds == 9 * 3600));
    }
}

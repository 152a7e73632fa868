//! From raw to checked: what each value must be, and what must hold between them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use chrono_tz::{TZ_VARIANTS, Tz};
use tokio_cron_scheduler::Job;

use super::business;
use super::error::Problem;
use super::header;
use super::nearest::nearest;
use super::raw::{BASE_URL, Raw};
use super::settings::{
    Audit, Business, Changes, Config, Cron, Database, Http, Kind, Log, LogFormat, Receiver, Repair,
    Report, Schedule, Search, Snapshot, Source,
};
use super::url;
use super::walk::Given;

/// The paths that the daemon's server answers itself.
const TAKEN: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The checked configuration, or the problems found before and now.
pub(super) fn check(raw: &Raw, problems: Vec<Problem>) -> Result<Config, Vec<Problem>> {
    let mut check = Check(problems);
    let config = check.config(raw);
    match config {
        Some(config) if check.0.is_empty() => Ok(config),
        _ => Err(check.0),
    }
}

/// A century: beyond it, nothing was meant.
const MOST_DAYS: u32 = 36_525;

/// A year.
const MOST_SECONDS: u32 = 31_536_000;

struct Check(Vec<Problem>);

impl Check {
    /// Each part is looked at before any is given up, so that every problem is found.
    fn config(&mut self, raw: &Raw) -> Option<Config> {
        let source = self.source(raw);
        let database = self.text(&raw.database_path, database_path);
        let schedule = self.schedule(raw);
        let report = self.report(raw);
        let snapshot = self.snapshot(raw);
        let audit_days = self.whole(&raw.audit_days, 0, MOST_DAYS);
        let keep_days = self.whole(&raw.keep_changes_days, 0, MOST_DAYS);
        let listen = self.text(&raw.listen, listen);
        let fresh_seconds = self.whole(&raw.fresh_seconds, 1, MOST_SECONDS);
        let receiver = self.receiver(raw);
        let header = self.text(&raw.repair_header, header::read);
        let format = self.text(&raw.log_format, log_format);
        let config = Config {
            source: source?,
            database: Database { path: database? },
            schedule: schedule?,
            audit: Audit {
                days: audit_days.filter(|days| *days > 0),
            },
            changes: Changes {
                keep_days: keep_days.filter(|days| *days > 0),
            },
            report: report?,
            search: Search {
                index: raw.search.value,
            },
            snapshot: snapshot?,
            http: Http {
                listen: listen?,
                fresh_within: Duration::from_secs(fresh_seconds?.into()),
            },
            receiver: receiver?,
            repair: Repair {
                lists: raw.repair_lists.value,
                stream: raw.repair_stream.value,
                header: header?,
            },
            log: Log { format: format? },
        };
        self.between(raw, &config);
        Some(config)
    }

    fn source(&mut self, raw: &Raw) -> Option<Source> {
        let kind = self.text(&raw.kind, kind);
        let base_url = self.note(
            &raw.base_url,
            url::shown(&raw.base_url.value),
            url::base_url(&raw.base_url.value),
        );
        let token_file = self.text(&raw.token_file, optional_path);
        let time_zone = self.text(&raw.time_zone, time_zone);
        let requests_per_minute = self.whole(&raw.requests_per_minute, 0, u32::MAX);
        let max_in_flight = self.whole(&raw.max_in_flight, 1, 64);
        let timeout = self.whole(&raw.request_timeout_seconds, 1, 600);
        Some(Source {
            kind: kind?,
            base_url: base_url?,
            token_file: token_file?,
            time_zone: time_zone?,
            requests_per_minute: requests_per_minute?,
            max_in_flight: max_in_flight?,
            request_timeout: Duration::from_secs(timeout?.into()),
            activities: raw.activities.value,
        })
    }

    fn schedule(&mut self, raw: &Raw) -> Option<Schedule> {
        let incremental = self.text(&raw.incremental, cron);
        let reconcile = self.text(&raw.reconcile, cron);
        let snapshot = self.text(&raw.snapshot, |text| match text {
            "" => Ok(None),
            text => cron(text).map(Some),
        });
        Some(Schedule {
            incremental: incremental?,
            reconcile: reconcile?,
            snapshot: snapshot?,
        })
    }

    fn report(&mut self, raw: &Raw) -> Option<Report> {
        let time_zone = self.text(&raw.report_time_zone, time_zone);
        let hours = self.text(&raw.business_hours, business::hours);
        let days = self.text(&raw.business_days, business::days);
        let days = days?;
        Some(Report {
            time_zone: time_zone?,
            business: hours?.map(|(opens, closes)| Business {
                opens,
                closes,
                days,
            }),
        })
    }

    fn snapshot(&mut self, raw: &Raw) -> Option<Snapshot> {
        let directory = self.text(&raw.snapshot_directory, optional_path);
        let keep = self.whole(&raw.keep, 1, u32::MAX);
        Some(Snapshot {
            directory: directory?,
            keep: keep?,
        })
    }

    fn receiver(&mut self, raw: &Raw) -> Option<Receiver> {
        let path = self.text(&raw.receiver_path, receiver_path);
        let secret_file = self.text(&raw.secret_file, optional_path);
        let keep_days = self.whole(&raw.keep_deliveries_days, 0, MOST_DAYS);
        Some(Receiver {
            path: path?,
            secret_file: secret_file?,
            keep_days: keep_days.filter(|days| *days > 0),
        })
    }

    /// What must hold between values that are each fine.
    fn between(&mut self, raw: &Raw, config: &Config) {
        if config.schedule.snapshot.is_some() && config.snapshot.directory.is_none() {
            let why = "must name a directory, for schedule.snapshot is set";
            self.text::<()>(&raw.snapshot_directory, |_| Err(why.to_owned()));
        }
        let reachable = config
            .http
            .listen
            .is_some_and(|address| !address.ip().is_loopback());
        let receives = config.source.kind == Kind::IqChannels;
        if receives && reachable && config.receiver.secret_file.is_none() {
            let why = "must name a file with a secret, for http.listen is not a loopback address and others could \
                       push events";
            self.text::<()>(&raw.secret_file, |_| Err(why.to_owned()));
        }
        self.repair(raw, config);
    }

    /// What must hold where a platform that pushes is asked.
    fn repair(&mut self, raw: &Raw, config: &Config) {
        for flag in [&raw.repair_lists, &raw.repair_stream] {
            if flag.value && config.source.kind != Kind::IqChannels {
                let why = r#"is for source.kind = "iqchannels" only"#.to_owned();
                self.0.push(Problem::new(
                    flag.key,
                    Some("true".to_owned()),
                    flag.line,
                    why,
                ));
            }
        }
        let pushes = config.source.kind == Kind::IqChannels;
        if pushes && config.repair.is_on() && raw.base_url.value == BASE_URL {
            let why = "must be the installation's address, for repair.lists or repair.stream is on";
            self.text::<()>(&raw.base_url, |_| Err(why.to_owned()));
        }
    }

    fn text<T>(
        &mut self,
        given: &Given<String>,
        read: impl FnOnce(&str) -> Result<T, String>,
    ) -> Option<T> {
        self.note(
            given,
            Some(format!("{:?}", given.value)),
            read(&given.value),
        )
    }

    fn whole(&mut self, given: &Given<i64>, least: u32, most: u32) -> Option<u32> {
        let value = u32::try_from(given.value).ok();
        let checked = value
            .filter(|value| (least..=most).contains(value))
            .ok_or_else(|| match most {
                u32::MAX => format!("must be a whole number from {least} up"),
                most => format!("must be a whole number from {least} to {most}"),
            });
        self.note(given, Some(given.value.to_string()), checked)
    }

    fn note<V, T>(
        &mut self,
        given: &Given<V>,
        shown: Option<String>,
        read: Result<T, String>,
    ) -> Option<T> {
        read.map_err(|why| self.0.push(Problem::new(given.key, shown, given.line, why)))
            .ok()
    }
}

fn kind(text: &str) -> Result<Kind, String> {
    let kinds = [Kind::SmartSender, Kind::IqChannels];
    let found = kinds.into_iter().find(|kind| kind.as_str() == text);
    found.ok_or_else(|| r#"must be "smartsender" or "iqchannels""#.to_owned())
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "text" => Ok(LogFormat::Text),
        "json" => Ok(LogFormat::Json),
        _ => Err(r#"must be "text" or "json""#.to_owned()),
    }
}

fn time_zone(text: &str) -> Result<Tz, String> {
    text.parse().map_err(|_| {
        let names = TZ_VARIANTS.map(Tz::name);
        match nearest(text, &names) {
            Some(near) => format!("not a known time zone; did you mean {near:?}?"),
            None => r#"not a known time zone, such as "UTC" or "Europe/Kyiv""#.to_owned(),
        }
    })
}

/// Asks the scheduler itself, so that what is accepted here is what it takes later.
fn cron(text: &str) -> Result<Cron, String> {
    const WANTED: &str = r#"second minute hour day month weekday, such as "0 17 3 * * *""#;
    let fields = text.split_whitespace().count();
    if fields == 5 {
        return Err(format!(
            "has five fields, but seconds come first here: {WANTED}"
        ));
    }
    let mut job = Job::new(text, |_, _| {})
        .map_err(|_| format!("not a cron expression with seconds: {WANTED}"))?;
    let next = job.job_data().ok().and_then(|data| data.next_tick_utc());
    match next {
        Some(_) => Ok(Cron(text.trim().to_owned())),
        None => Err("never rings: no such day comes".to_owned()),
    }
}

fn database_path(text: &str) -> Result<PathBuf, String> {
    // The engine would take these for a database in memory and for a URI, and a mirror is neither.
    if text.starts_with(":memory:") || text.starts_with("file:") {
        return Err("must be the path of a file".to_owned());
    }
    optional_path(text)?.ok_or_else(|| "must be the path of a file, not empty".to_owned())
}

fn optional_path(text: &str) -> Result<Option<PathBuf>, String> {
    if text.contains(char::is_control) {
        return Err("must be a path without control characters".to_owned());
    }
    Ok((!text.is_empty()).then(|| PathBuf::from(text)))
}

fn listen(text: &str) -> Result<Option<SocketAddr>, String> {
    if text.is_empty() {
        return Ok(None);
    }
    let address = text.parse().map(Some);
    address.map_err(|_| {
        r#"must be empty or an address with a port, such as "127.0.0.1:9090""#.to_owned()
    })
}

fn receiver_path(text: &str) -> Result<String, String> {
    // No braces, stars or escapes: the server's router would read more into them than is written.
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if !text.starts_with('/') || text.len() < 2 || !text.chars().all(plain) {
        return Err(
            r#"must begin with a slash and hold only letters, digits and -._~/, such as "/events""#
                .to_owned(),
        );
    }
    if TAKEN.contains(&text) {
        return Err("is one of the server's own paths".to_owned());
    }
    Ok(text.to_owned())
}

//! The configuration as it is written: every key with its default, types checked, meanings not yet.

use toml::Value;
use toml::de::DeTable;

use super::error::Problem;
use super::walk::{Given, Walk, line_of};

/// Where Smart Sender's API begins.
pub(super) const BASE_URL: &str = "https://api.smartsender.com/v1";

pub(super) struct Raw {
    pub kind: Given<String>,
    pub base_url: Given<String>,
    pub token_file: Given<String>,
    pub time_zone: Given<String>,
    pub requests_per_minute: Given<i64>,
    pub max_in_flight: Given<i64>,
    pub request_timeout_seconds: Given<i64>,
    pub activities: Given<bool>,
    pub database_path: Given<String>,
    pub incremental: Given<String>,
    pub reconcile: Given<String>,
    pub snapshot: Given<String>,
    pub report_time_zone: Given<String>,
    pub business_hours: Given<String>,
    pub business_days: Given<String>,
    pub search: Given<bool>,
    pub snapshot_directory: Given<String>,
    pub keep: Given<i64>,
    pub audit_days: Given<i64>,
    pub keep_changes_days: Given<i64>,
    pub listen: Given<String>,
    pub fresh_seconds: Given<i64>,
    pub receiver_path: Given<String>,
    pub secret_file: Given<String>,
    pub keep_deliveries_days: Given<i64>,
    pub repair_lists: Given<bool>,
    pub repair_stream: Given<bool>,
    pub repair_header: Given<String>,
    pub log_format: Given<String>,
}

/// What reading the text gave: the values, each key with its default, and the problems so far.
pub(super) struct Reading {
    pub raw: Raw,
    pub defaults: Vec<(&'static str, Value)>,
    pub problems: Vec<Problem>,
}

pub(super) fn read(text: &str) -> Reading {
    let (root, errors) = DeTable::parse_recoverable(text);
    let mut walk = Walk::new(text, root.get_ref());
    let raw = ask(&mut walk);
    let (defaults, found) = walk.finish();
    let mut problems: Vec<_> = errors.iter().map(|error| syntax(text, error)).collect();
    problems.extend(found);
    Reading {
        raw,
        defaults,
        problems,
    }
}

fn ask(walk: &mut Walk<'_>) -> Raw {
    Raw {
        kind: walk.text("source.kind", "smartsender"),
        base_url: walk.text("source.base_url", BASE_URL),
        token_file: walk.text("source.token_file", ""),
        time_zone: walk.text("source.time_zone", "UTC"),
        requests_per_minute: walk.whole("source.requests_per_minute", 120),
        max_in_flight: walk.whole("source.max_in_flight", 4),
        request_timeout_seconds: walk.whole("source.request_timeout_seconds", 30),
        activities: walk.flag("source.activities", true),
        database_path: walk.text("database.path", "chatmirror.db"),
        incremental: walk.text("schedule.incremental", "*/20 * * * * *"),
        reconcile: walk.text("schedule.reconcile", "0 17 3 * * *"),
        snapshot: walk.text("schedule.snapshot", ""),
        audit_days: walk.whole("audit.days", 30),
        keep_changes_days: walk.whole("changes.keep_days", 0),
        report_time_zone: walk.text("report.time_zone", "UTC"),
        business_hours: walk.text("report.business_hours", ""),
        business_days: walk.text("report.business_days", "mon-fri"),
        search: walk.flag("search.index", true),
        snapshot_directory: walk.text("snapshot.directory", ""),
        keep: walk.whole("snapshot.keep", 7),
        listen: walk.text("http.listen", ""),
        fresh_seconds: walk.whole("http.fresh_seconds", 900),
        receiver_path: walk.text("receiver.path", "/events"),
        secret_file: walk.text("receiver.secret_file", ""),
        keep_deliveries_days: walk.whole("receiver.keep_days", 7),
        repair_lists: walk.flag("repair.lists", false),
        repair_stream: walk.flag("repair.stream", false),
        repair_header: walk.text("repair.header", "Authorization: Bearer {token}"),
        log_format: walk.text("log.format", "text"),
    }
}

/// Says only the parser's message: its full text quotes the line, and a line may hold a secret.
fn syntax(text: &str, error: &toml::de::Error) -> Problem {
    let line = error.span().map(|span| line_of(text, span.start));
    let why = format!("not TOML: {}", error.message().replace('\n', ", "));
    Problem::new("", None, line, why)
}

//! `chatmirror status`: what the mirror says of itself.

use std::fmt::Write;
use std::time::Duration;

use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::arguments::Arguments;
use super::exit::{Exit, Failure};
use super::logging;
use super::output::{Output, counted, grouped, moment, span};
use super::sync::complete_through;
use crate::clock::Timestamp;
use crate::config::Environment;
use crate::source::GovernorState;
use crate::store::{AuditSummary, Coverage, Freshness, Reader, RejectLine, RunLine, TableCount};

/// What re-reading found is told of this much time.
const AUDIT_SPAN: Duration = Duration::from_hours(24 * 30);

/// Passes and rejects that are shown.
const LINES: i64 = 5;

struct Status {
    account: Option<crate::model::Account>,
    freshness: Freshness,
    coverage: Coverage,
    tables: Vec<TableCount>,
    runs: Vec<RunLine>,
    rejects: Vec<RejectLine>,
    locked_until: Option<Timestamp>,
    /// Requests a minute that others leave, if a lock has shown that they use the same token.
    left_by_others: Option<u32>,
    audit: AuditSummary,
    /// Days in which everything is read again, at half of the configured rate; nothing without a rate.
    audit_days: Option<i64>,
}

pub(super) async fn run(arguments: &Arguments, output: &Output) -> Result<Exit, Failure> {
    let config = arguments.config(&Environment::of_process())?;
    logging::start(arguments, config.log.format, LevelFilter::WARN);
    let reader = Reader::open(&config.database.path).await?;
    let now = Timestamp::now();
    let lock: Option<GovernorState> = reader.learned(GovernorState::NAME).await?;
    let audit = reader.audit(now.minus(AUDIT_SPAN)).await?;
    let status = Status {
        audit_days: days_of(&audit, config.source.requests_per_minute),
        audit,
        account: reader.account().await?,
        freshness: reader.freshness().await?,
        coverage: reader.coverage().await?,
        tables: reader.table_counts().await?,
        runs: reader.last_runs(LINES).await?,
        rejects: reader.rejects(LINES).await?,
        left_by_others: lock
            .as_ref()
            .and_then(|lock| lock.left_by_others(config.source.requests_per_minute, now)),
        locked_until: lock
            .and_then(|lock| lock.locked_until)
            .filter(|until| *until > now),
    };
    let lag = status
        .freshness
        .complete_through
        .map(|moment| now.since(moment).as_secs());
    let value = json!({
        "database": config.database.path,
        "account": status.account.as_ref().map(|account| json!({ "id": account.id, "name": account.name })),
        "freshness": status.freshness,
        "lag_seconds": lag,
        "coverage": status.coverage,
        "tables": status.tables,
        "runs": status.runs,
        "rejects": status.rejects,
        "audit": status.audit,
        "audit_days": status.audit_days,
        "budget": {
            "requests_per_minute": config.source.requests_per_minute,
            "left_by_others": status.left_by_others,
            "locked_until": status.locked_until,
        },
    });
    let heading = format!("{}\n", config.database.path.display());
    output.report(
        &value,
        &(heading + &told(&status, lag, config.source.requests_per_minute)),
    );
    Ok(Exit::Done)
}

fn told(status: &Status, lag: Option<u64>, per_minute: u32) -> String {
    let mut text = String::new();
    if let Some(account) = &status.account {
        let name = account.name.as_deref().unwrap_or("without a name");
        let _ = writeln!(text, "account   {} ({name})", account.id);
    }
    let _ = write!(text, "fresh     {}", complete_through(&status.freshness));
    let _ = match lag {
        Some(seconds) => writeln!(text, " ({} ago)", span(seconds)),
        None => writeln!(text),
    };
    let Coverage {
        chats,
        proven,
        owed,
    } = &status.coverage;
    let _ = writeln!(
        text,
        "covered   {} of {} proven whole",
        grouped(*proven),
        counted(*chats, "chat")
    );
    for owed in owed {
        let _ = writeln!(
            text,
            "          {} owed: {}",
            counted(owed.chats, "chat"),
            owed.reason
        );
    }
    let _ = writeln!(text, "rows");
    for TableCount { table, rows, gone } in &status.tables {
        let gone = if *gone > 0 {
            format!("  ({} gone at the source)", grouped(*gone))
        } else {
            String::new()
        };
        let _ = writeln!(text, "  {table:<12}{:>12}{gone}", grouped(*rows));
    }
    told_audit(&mut text, &status.audit, status.audit_days);
    told_passes(&mut text, status, per_minute);
    text
}

/// How long reading everything again takes when half of the requests go into it.
fn days_of(audit: &AuditSummary, per_minute: u32) -> Option<i64> {
    let a_day = i64::from(per_minute) / 2 * 60 * 24;
    (a_day > 0).then(|| audit.requests_for_all / a_day + 1)
}

fn told_audit(text: &mut String, audit: &AuditSummary, days: Option<i64>) {
    let Some(oldest) = audit.oldest_reading_at else {
        return;
    };
    let pace = days.map_or_else(String::new, |days| {
        format!(
            "; at today's rate re-reading all takes {}",
            counted(days, "day")
        )
    });
    let _ = writeln!(
        text,
        "audit     every message read since {}{pace}",
        moment(oldest)
    );
    let _ = writeln!(
        text,
        "          in 30 days {} re-read, {} found that had changed without a sign",
        counted(audit.chats, "chat"),
        counted(audit.findings, "row")
    );
    if audit.drift > 0 {
        let _ = writeln!(
            text,
            "drift     {} of values without a column: see the table schema_drift",
            counted(audit.drift, "kind")
        );
    }
}

fn told_passes(text: &mut String, status: &Status, per_minute: u32) {
    let none = if status.runs.is_empty() {
        "  none yet"
    } else {
        ""
    };
    let _ = writeln!(text, "last passes{none}");
    for run in &status.runs {
        let took = match run.finished_at {
            Some(end) => format!("{:.1} s", end.since(run.started_at).as_secs_f64()),
            None => String::new(),
        };
        let _ = writeln!(
            text,
            "  {}  {:<11}  {:<9}  {took:>9}  {:>7} requests  {} new, {} changed, {} gone",
            moment(run.started_at),
            run.mode,
            run.status,
            grouped(run.requests),
            grouped(run.rows_inserted),
            grouped(run.rows_updated),
            grouped(run.rows_deleted),
        );
        if let Some(error) = &run.error {
            let _ = writeln!(text, "    {error}");
        }
    }
    let _ = match (per_minute, status.locked_until) {
        (_, Some(until)) => writeln!(
            text,
            "budget    the source takes no requests until {} UTC",
            moment(until)
        ),
        (0, None) => writeln!(text, "budget    no limit on requests is configured"),
        (ceiling, None) => writeln!(text, "budget    at most {ceiling} requests a minute"),
    };
    if let Some(left) = status.left_by_others {
        let _ = writeln!(
            text,
            "          others use the token too: at most {left} a minute for now, to leave them room"
        );
    }
    if status.freshness.rejects > 0 {
        let _ = writeln!(
            text,
            "set aside {} that could not be read",
            counted(status.freshness.rejects, "item")
        );
        for reject in &status.rejects {
            let id = reject
                .item_id
                .map(|id| format!(" {id}"))
                .unwrap_or_default();
            let _ = writeln!(text, "  {}{id}: {}", reject.stream, reject.why);
        }
    }
}

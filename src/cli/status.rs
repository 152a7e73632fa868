//! `chatmirror status`: what the mirror says of itself.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::json;
use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, StatusOptions};
use super::exit::{Exit, Failure};
use super::logging;
use super::outlook::Outlook;
use super::output::{Output, bytes, counted, grouped, moment, span};
use super::paint::{Colour, Paint};
use super::rate::Rate;
use super::signals::Signals;
use super::sync::complete_through;
use crate::clock::Timestamp;
use crate::config::{Config, Environment, Kind};
use crate::store::{
    AuditSummary, Coverage, FileSizes, Freshness, OwedChat, Reader, RejectLine, RunLine,
    TableCount, WalHolder, wal_holders,
};

/// What re-reading found is told of this much time.
const AUDIT_SPAN: Duration = Duration::from_hours(24 * 30);

/// Passes and rejects that are shown.
const LINES: i64 = 5;

/// Chats that are shown to scripts, of those that are owed.
const OWED: i64 = 20;

/// Looked at again this often by `--watch`.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// To the top left corner, and nothing below it.
const CLEAR: &str = "\x1b[H\x1b[2J\x1b[3J";

struct Status {
    database: PathBuf,
    account: Option<crate::model::Account>,
    freshness: Freshness,
    coverage: Coverage,
    tables: Vec<TableCount>,
    runs: Vec<RunLine>,
    rejects: Vec<RejectLine>,
    rate: Rate,
    audit: AuditSummary,
    /// The chats that have been owed for longest.
    owed: Vec<OwedChat>,
    /// Days in which everything is read again, at half of the present rate; nothing without a rate.
    audit_days: Option<u64>,
    /// Days in which it is to be, by the configuration.
    audit_horizon: Option<u32>,
    files: FileSizes,
    /// Who has a transaction open in the mirror.
    readers: Vec<WalHolder>,
    lag: Option<Duration>,
    fresh_within: Duration,
    /// What is left to be read, if anything is.
    outlook: Option<Outlook>,
    /// Whether the platform pushes: then nothing can be said of completeness.
    pushed: bool,
}

pub(super) async fn run(
    arguments: &Arguments,
    options: &StatusOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    let config = arguments.config(&Environment::of_process())?;
    logging::start(arguments, config.log.format, LevelFilter::WARN);
    let paint = Paint::stdout();
    if !options.watch {
        tell(&gather(&config).await?, output, paint, "");
        return Ok(Exit::Done);
    }
    let stop = signals.listen()?;
    let clear = if paint.is_terminal() { CLEAR } else { "" };
    while !stop.is_cancelled() {
        // Opened anew each time: a mirror at rest may have been taken up by the daemon since.
        tell(&gather(&config).await?, output, paint, clear);
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    Ok(Exit::Done)
}

async fn gather(config: &Config) -> Result<Status, Failure> {
    let reader = Reader::open(&config.database.path).await?;
    let now = Timestamp::now();
    let rate = Rate::of(&reader, config.source.requests_per_minute, now).await?;
    let audit = reader.audit(now.minus(AUDIT_SPAN)).await?;
    let freshness = reader.freshness().await?;
    let pushed = config.source.kind == Kind::IqChannels;
    let mut tables = reader.table_counts().await?;
    if pushed {
        tables.extend(reader.event_counts().await?);
    }
    let coverage = reader.coverage().await?;
    Ok(Status {
        pushed,
        outlook: Outlook::of(&reader, &coverage, rate, now).await?,
        database: config.database.path.clone(),
        audit_days: rate.days(audit.requests_for_all.unsigned_abs()),
        audit_horizon: config.audit.days,
        audit,
        account: reader.account().await?,
        lag: freshness.complete_through.map(|moment| now.since(moment)),
        freshness,
        coverage,
        tables,
        owed: reader.owed_chats(OWED).await?,
        runs: reader.last_runs(LINES).await?,
        rejects: reader.rejects(LINES).await?,
        rate,
        files: FileSizes::of(&config.database.path),
        readers: wal_holders(&config.database.path),
        fresh_within: config.http.fresh_within,
    })
}

fn tell(status: &Status, output: &Output, paint: Paint, clear: &str) {
    let value = json!({
        "database": status.database,
        "account": status.account.as_ref().map(|account| json!({ "id": account.id, "name": account.name })),
        "freshness": status.freshness,
        "lag_seconds": status.lag.map(|lag| lag.as_secs()),
        "coverage": status.coverage,
        "owed_chats": status.owed,
        "tables": status.tables,
        "runs": status.runs,
        "rejects": status.rejects,
        "audit": status.audit,
        "audit_days": status.audit_days,
        "audit_horizon_days": status.audit_horizon,
        "files": status.files,
        "readers": status.readers,
        "wal_is_held": status.files.wal_is_held(),
        "budget": {
            "requests_per_minute": status.rate.configured,
            "left_by_others": status.rate.left_by_others,
            "locked_until": status.rate.locked_until,
            "owed": status.outlook,
        },
    });
    output.report(&value, &(clear.to_owned() + &told(status, paint)));
}

/// How things are, in one sentence, and how serious that is.
fn verdict(status: &Status) -> (Colour, String) {
    let Freshness {
        complete_through,
        owed_chats,
        rejects,
        ..
    } = &status.freshness;
    match (status.lag, complete_through) {
        _ if status.pushed && *rejects > 0 => (
            Colour::Yellow,
            format!(
                "events are taken in, but {} could not be read",
                counted(*rejects, "item")
            ),
        ),
        _ if status.pushed => (Colour::Green, "events are taken in as they come".to_owned()),
        (Some(lag), Some(_)) if lag > status.fresh_within => (
            Colour::Red,
            format!(
                "behind: what happened in the last {} may be missing",
                span(lag.as_secs())
            ),
        ),
        (Some(_), Some(_)) if *rejects > 0 => (
            Colour::Yellow,
            format!("fresh, but {} could not be read", counted(*rejects, "item")),
        ),
        (Some(_), Some(_)) => (Colour::Green, "fresh, and nothing is missing".to_owned()),
        _ if *owed_chats > 0 => (
            Colour::Yellow,
            format!(
                "the history is being read: {} to go",
                counted(*owed_chats, "chat")
            ),
        ),
        _ => (
            Colour::Yellow,
            "the list of chats has not been read to its end yet".to_owned(),
        ),
    }
}

fn told(status: &Status, paint: Paint) -> String {
    let mut text = format!("{}\n", status.database.display());
    let (colour, verdict) = verdict(status);
    let _ = writeln!(text, "now       {}", paint.in_colour(colour, &verdict));
    if let Some(account) = &status.account {
        let name = account.name.as_deref().unwrap_or("without a name");
        let _ = writeln!(text, "account   {} ({name})", account.id);
    }
    if status.pushed {
        let _ = writeln!(
            text,
            "complete  not known: a push that is lost on its way leaves no sign"
        );
    } else {
        told_freshness(&mut text, status);
        told_coverage(&mut text, &status.coverage);
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
    told_files(&mut text, status.files);
    told_readers(&mut text, status, paint);
    told_audit(&mut text, status, paint);
    told_passes(&mut text, status, paint);
    text
}

fn told_freshness(text: &mut String, status: &Status) {
    let _ = write!(text, "fresh     {}", complete_through(&status.freshness));
    let _ = match status.lag {
        Some(lag) => writeln!(text, " ({} ago)", span(lag.as_secs())),
        None => writeln!(text),
    };
}

fn told_coverage(text: &mut String, coverage: &Coverage) {
    let Coverage {
        chats,
        proven,
        owed,
    } = coverage;
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
}

fn told_files(text: &mut String, files: FileSizes) {
    let _ = write!(text, "file      {}", bytes(files.database));
    if files.wal > 0 {
        let _ = write!(text, ", {} not yet written back", bytes(files.wal));
    }
    if let Some(free) = files.free {
        let _ = write!(text, "; {} left on its disk", bytes(free));
    }
    text.push('\n');
}

/// Who keeps the log from going into the file, if it has grown.
fn told_readers(text: &mut String, status: &Status, paint: Paint) {
    if !status.files.wal_is_held() {
        return;
    }
    let named = |reader: &WalHolder| match &reader.program {
        Some(program) => format!("{program} (pid {})", reader.pid),
        None => format!("pid {}", reader.pid),
    };
    let readers: Vec<String> = status.readers.iter().map(named).collect();
    let who = if readers.is_empty() {
        "some reader".to_owned()
    } else {
        readers.join(", ")
    };
    let what =
        format!("{who} keeps a transaction open: what is not yet written back grows until it ends");
    let _ = writeln!(text, "          {}", paint.in_colour(Colour::Yellow, &what));
}

fn told_audit(text: &mut String, status: &Status, paint: Paint) {
    let audit = &status.audit;
    if status.pushed || audit.requests_for_all == 0 {
        return;
    }
    let read = match audit.oldest_reading_at {
        Some(oldest) => format!("every message read since {}", moment(oldest)),
        None => "some chats have never been read".to_owned(),
    };
    let pace = status.audit_days.map_or_else(String::new, |days| {
        let takes = counted(days.cast_signed(), "day");
        let pace = format!("; at today's rate re-reading all takes {takes}");
        match status.audit_horizon {
            Some(wanted) if days > u64::from(wanted) => {
                let more = format!("{pace}, and audit.days asks for {wanted}");
                paint.in_colour(Colour::Yellow, &more)
            }
            _ => pace,
        }
    });
    let _ = writeln!(text, "audit     {read}{pace}");
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

fn told_passes(text: &mut String, status: &Status, paint: Paint) {
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
            let _ = writeln!(text, "    {}", paint.in_colour(Colour::Red, error));
        }
    }
    let last = [
        ("incremental", status.freshness.last_incremental_at),
        ("reconcile", status.freshness.last_reconcile_at),
        ("backfill", status.freshness.last_backfill_at),
    ];
    let last: Vec<String> = last
        .into_iter()
        .filter_map(|(mode, at)| Some(format!("{mode} {}", moment(at?))))
        .collect();
    if !last.is_empty() {
        let _ = writeln!(text, "  the last complete: {}", last.join(", "));
    }
    told_budget(text, status);
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

fn told_budget(text: &mut String, status: &Status) {
    if status.pushed {
        return;
    }
    text.push_str(&status.rate.told());
    if let Some(outlook) = &status.outlook {
        let _ = writeln!(text, "          {}", outlook.told());
    }
}

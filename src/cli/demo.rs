//! `chatmirror demo`: the main job on a simulated account, nothing to configure.

mod pushed;

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, DemoOptions, Platform};
use super::bars::Watcher;
use super::exit::{Exit, Failure};
use super::output::{Output, counted, grouped};
use super::signals::Signals;
use super::{logging, sync};
use crate::clock::{Clock, Timestamp};
use crate::config::{Config, LogFormat};
use crate::daemon::Mirror;
use crate::pass::Outcome;
use crate::plan::Mode;
use crate::simulator::{Options, Recipe, Simulator};
use crate::store::{Freshness, TableCount, WriterLock};

/// The demo's account: big enough to be interesting, small enough to be read in seconds.
const CHATS: usize = 500;
const MESSAGES: usize = 14_000;
const SEED: u64 = 7;

/// What happens between the two passes.
const CHANGES: u8 = 12;

/// Three questions, and what they ask.
const QUERIES: [(&str, &str); 3] = [
    (
        "who is waiting for an answer?",
        "select chat_name, created_at as waiting_since, substr(coalesce(text, kind), 1, 40) as last_words
    from (
      select chat_name, created_at, text, kind, direction,
        row_number() over (partition by chat_id order by created_at desc, message_id desc) as from_the_end
      from message_feed where deleted_at is null
    )
    where from_the_end = 1 and direction = 'inbound'
    order by waiting_since desc limit 5",
    ),
    (
        "which messenger brings most messages?",
        "select channel_type, count(*) as messages, count(distinct chat_id) as chats
    from message_feed where direction = 'inbound'
    group by channel_type order by messages desc",
    ),
    (
        "what came with the last pass?",
        "select created_at, chat_name, op, substr(coalesce(text, kind), 1, 40) as words
    from changes join message_feed on message_id = cast(row_id as integer)
    where table_name = 'messages' and run_id = (select max(id) from sync_runs)
    order by seq desc limit 5",
    ),
];

struct Told {
    backfill: Outcome,
    backfill_took: Duration,
    incremental: Outcome,
    incremental_took: Duration,
    freshness: Freshness,
    tables: Vec<TableCount>,
}

pub(super) async fn run(
    arguments: &Arguments,
    options: &DemoOptions,
    output: &Output,
    signals: &Signals,
) -> Result<Exit, Failure> {
    logging::start(arguments, LogFormat::Text, LevelFilter::WARN);
    if let Platform::Iqchannels = options.kind {
        return pushed::run(options, output, signals).await;
    }
    let path = fresh_database(options.dir.as_deref(), "chatmirror-demo.db")?;
    let stop = signals.listen()?;
    let simulator = simulator();
    let base_url = simulator
        .spawn(stop.child_token())
        .await
        .map_err(|error| Failure::unexpected(&error))?;
    output.say(&format!(
        "a simulated account with {CHATS} chats answers at {base_url}"
    ));
    let mirror = Mirror::open(
        &config(&base_url, &path)?,
        simulator.options().token.into(),
        Clock::System,
    )
    .await?;
    let told = tell(&mirror, &simulator, arguments, output, &stop).await;
    mirror.close().await;
    let told = told?;
    let value = json!({
        "database": path,
        "backfill": told.backfill,
        "incremental": told.incremental,
        "freshness": told.freshness,
        "tables": told.tables,
        "queries": QUERIES.map(|(question, sql)| json!({ "question": question, "sql": sql })),
    });
    output.done(&value, &in_words(&told, &path));
    Ok(Exit::Done)
}

/// Backfill, change, incremental pass.
async fn tell(
    mirror: &Mirror,
    simulator: &Simulator,
    arguments: &Arguments,
    output: &Output,
    stop: &CancellationToken,
) -> Result<Told, Failure> {
    mirror.bind(stop).await?;
    let (backfill, backfill_took) = pass(mirror, Mode::Backfill, arguments, stop).await?;
    output.say(&format!(
        "backfill done; now the account changes: {}",
        counted(CHANGES.into(), "change")
    ));
    simulator.churn(CHANGES.into(), &mut fastrand::Rng::with_seed(SEED));
    let (incremental, incremental_took) = pass(mirror, Mode::Incremental, arguments, stop).await?;
    let reader = mirror.store().reader();
    Ok(Told {
        backfill,
        backfill_took,
        incremental,
        incremental_took,
        freshness: reader.freshness().await?,
        tables: reader.table_counts().await?,
    })
}

async fn pass(
    mirror: &Mirror,
    mode: Mode,
    arguments: &Arguments,
    stop: &CancellationToken,
) -> Result<(Outcome, Duration), Failure> {
    let watcher = Watcher::start(arguments.quiet);
    let begun = Instant::now();
    let nobody_waits = CancellationToken::new();
    let outcome = mirror
        .pass(mode.into(), stop, &nobody_waits, watcher.sender())
        .await;
    watcher.stop().await;
    Ok((outcome?, begun.elapsed()))
}

fn simulator() -> Simulator {
    let recipe = Recipe {
        seed: SEED,
        chats: CHATS,
        messages: MESSAGES,
        until: Timestamp::now(),
        ..Recipe::default()
    };
    Simulator::new(recipe.account(), Options::default(), Clock::System)
}

/// The demo's own file, new each time; nothing else is ever removed.
fn fresh_database(dir: Option<&Path>, name: &str) -> Result<PathBuf, Failure> {
    let dir = dir.map_or_else(
        || std::env::temp_dir().join("chatmirror-demo"),
        Path::to_owned,
    );
    let cannot_write = |error: std::io::Error| {
        Failure::new(
            Exit::Unexpected,
            format!("cannot write in {}: {error}", dir.display()),
            Some("name a directory of your own with --dir"),
        )
    };
    std::fs::create_dir_all(&dir).map_err(cannot_write)?;
    let path = dir.join(name);
    // Another demo may be at work in the same place.
    let _lock = WriterLock::take(&path)?;
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(cannot_write(error));
            }
            _ => {}
        }
    }
    Ok(path)
}

fn config(base_url: &str, path: &Path) -> Result<Config, Failure> {
    let mut config = Config::parse("")?;
    config.source.base_url =
        reqwest::Url::parse(base_url).map_err(|error| Failure::unexpected(&error))?;
    config.source.requests_per_minute = 0;
    path.clone_into(&mut config.database.path);
    Ok(config)
}

fn in_words(told: &Told, path: &Path) -> String {
    let mut text = String::new();
    let _ = writeln!(text, "\nmirrored");
    for TableCount { table, rows, .. } in &told.tables {
        let _ = writeln!(text, "  {table:<12}{:>8}", grouped(*rows));
    }
    let millis = i64::try_from(told.backfill_took.as_millis().max(1)).unwrap_or(i64::MAX);
    let rate = told.backfill.rows.inserted * 1000 / millis;
    let _ = writeln!(
        text,
        "  in {:.1} s with {} ({} rows a second)\n",
        told.backfill_took.as_secs_f64(),
        counted(told.backfill.requests.cast_signed(), "request"),
        grouped(rate)
    );
    let _ = writeln!(text, "changed since");
    for line in sync::told(
        &told.incremental,
        &told.freshness,
        told.incremental_took.as_secs_f64(),
    )
    .lines()
    {
        let _ = writeln!(text, "  {line}");
    }
    text.push_str(&worth_trying(path, &QUERIES));
    text
}

/// Where the file is, and what to ask it.
fn worth_trying(path: &Path, queries: &[(&str, &str)]) -> String {
    let mut text = format!(
        "\nthe file is {}\nthree queries worth trying:\n\n",
        path.display()
    );
    let file = quoted(&path.display().to_string());
    for (question, sql) in queries {
        let _ = writeln!(
            text,
            "  # {question}\n  sqlite3 -readonly -box {file} \"\n    {sql}\"\n"
        );
    }
    text
}

/// A word that every shell takes as it is.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn queries_and_paths_can_be_pasted_into_a_shell() {
        assert_eq!(quoted("/tmp/a-b/c.db"), "/tmp/a-b/c.db");
        assert_eq!(quoted("/tmp/my demo's"), r"'/tmp/my demo'\''s'");
        for (_, sql) in QUERIES.into_iter().chain(pushed::QUERIES) {
            let special = sql.chars().find(|c| "\"$`\\!".contains(*c));
            assert_eq!(special, None, "{sql}");
        }
    }
}

//! `chatmirror demo`: the main job on a simulated account, nothing to configure.

use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use serde_json::json;
use tokio_util::sync::CancellationToken;
use tracing::level_filters::LevelFilter;

use super::arguments::{Arguments, DemoOptions};
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
use crate::store::{Freshness, TableCount};

/// The demo's account: big enough to be interesting, small enough to be read in seconds.
const CHATS: usize = 500;
const MESSAGES: usize = 14_000;
const SEED: u64 = 7;

/// What happens between the two passes.
const CHANGES: usize = 12;

/// Three questions, and what they ask.
const QUERIES: [(&str, &str); 3] = [
    (
        "who is waiting for an answer?",
        "select chat_name, created_at, substr(text, 1, 40) as last_words from message_feed m \
         where direction = 'inbound' and message_id = (select max(message_id) from message_feed n \
         where n.chat_id = m.chat_id) order by created_at desc limit 5",
    ),
    (
        "which messenger brings most messages?",
        "select channel_type, count(*) as messages from message_feed where direction = 'inbound' \
         group by channel_type order by messages desc",
    ),
    (
        "what has just changed?",
        "select seq, at, table_name, row_id, op, before from changes order by seq desc limit 5",
    ),
];

struct Told {
    backfill: Outcome,
    backfill_seconds: f64,
    incremental: Outcome,
    incremental_seconds: f64,
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
    let path = fresh_database(options.dir.as_deref())?;
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
    output.report(&value, &in_words(&told, &path));
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
    let (backfill, backfill_seconds) = pass(mirror, Mode::Backfill, arguments, stop).await?;
    output.say(&format!(
        "backfill done; now the account changes: {}",
        counted(CHANGES as i64, "change")
    ));
    simulator.churn(CHANGES, &mut fastrand::Rng::with_seed(SEED));
    let (incremental, incremental_seconds) =
        pass(mirror, Mode::Incremental, arguments, stop).await?;
    let reader = mirror.store().reader();
    Ok(Told {
        backfill,
        backfill_seconds,
        incremental,
        incremental_seconds,
        freshness: reader.freshness().await?,
        tables: reader.table_counts().await?,
    })
}

async fn pass(
    mirror: &Mirror,
    mode: Mode,
    arguments: &Arguments,
    stop: &CancellationToken,
) -> Result<(Outcome, f64), Failure> {
    let watcher = Watcher::start(arguments.quiet);
    let begun = Instant::now();
    let nobody_waits = CancellationToken::new();
    let outcome = mirror
        .pass(mode.into(), stop, &nobody_waits, watcher.sender())
        .await;
    watcher.stop().await;
    Ok((outcome?, begun.elapsed().as_secs_f64()))
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
fn fresh_database(dir: Option<&Path>) -> Result<PathBuf, Failure> {
    let dir = dir.map_or_else(
        || std::env::temp_dir().join("chatmirror-demo"),
        Path::to_owned,
    );
    std::fs::create_dir_all(&dir).map_err(|error| Failure::unexpected(&error))?;
    let path = dir.join("chatmirror-demo.db");
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path.clone().into_os_string();
        name.push(suffix);
        match std::fs::remove_file(&name) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Failure::unexpected(&error));
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
    let rate = told.backfill.rows.inserted as f64 / told.backfill_seconds.max(0.001);
    let _ = writeln!(
        text,
        "  in {:.1} s with {} ({} rows a second)\n",
        told.backfill_seconds,
        counted(told.backfill.requests.cast_signed(), "request"),
        grouped(rate as i64)
    );
    let _ = writeln!(text, "changed since");
    for line in sync::told(&told.incremental, &told.freshness, told.incremental_seconds).lines() {
        let _ = writeln!(text, "  {line}");
    }
    let _ = writeln!(
        text,
        "\nthe file is {}\nthree queries worth trying:\n",
        path.display()
    );
    for (question, sql) in QUERIES {
        let _ = writeln!(
            text,
            "  -- {question}\n  sqlite3 -readonly -box {} \"{sql}\"\n",
            path.display()
        );
    }
    text
}

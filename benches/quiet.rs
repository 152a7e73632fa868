//! A pass over an account in which nothing happened, on mirrors of growing size: what it costs must not grow with them.
//!
//! `cargo bench --bench quiet -- [--most MESSAGES]`
//!
//! An account of more than a million messages is not simulated: the mirror of one of a million then holds all its rows again and again, under
//! other numbers. A pass that finds nothing asks for no more than the heads of the lists, so the source cannot tell the difference.

use std::path::Path;
use std::time::Instant;

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::config::Config;
use chatmirror::daemon::Mirror;
use chatmirror::pass::Progress;
use chatmirror::plan::Mode;
use chatmirror::simulator::{Options, Recipe, Simulator};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, SqliteConnection};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const SIZES: [usize; 4] = [10_000, 100_000, 1_000_000, 10_000_000];

/// Messages of the largest account that is simulated.
const SIMULATED: usize = 1_000_000;

/// Passes that are measured together: the system counts time in hundredths of a second.
const PASSES: u32 = 100;

fn main() {
    let mut words = std::env::args();
    let most = words
        .find(|word| word == "--most")
        .and_then(|_| words.next())
        .map_or(100_000, |most| most.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!(
        "messages stored | CPU a pass, both sides of the socket | wall a pass | requests | bytes into the WAL | memory at most"
    );
    for size in SIZES.into_iter().filter(|size| *size <= most) {
        runtime.block_on(measure(size));
    }
}

async fn measure(messages: usize) {
    let simulated = messages.min(SIMULATED);
    let recipe = Recipe {
        seed: 7,
        chats: simulated / 28,
        messages: simulated,
        // Long enough ago that nothing is of the present second.
        until: Timestamp::now().minus(std::time::Duration::from_mins(5)),
        ..Recipe::default()
    };
    let simulator = Simulator::new(recipe.account(), Options::default(), Clock::System);
    let stop = CancellationToken::new();
    let base_url = simulator.spawn(stop.clone()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror.db");
    let mirror = open(&base_url, &path, &simulator).await;
    mirror.bind(&stop).await.unwrap();
    pass(&mirror, Mode::Backfill).await;
    multiply(&path, messages / simulated).await;
    let stored: i64 = sqlx::query_scalar("select count(*) from messages")
        .fetch_one(&mut connect(&path).await)
        .await
        .unwrap();
    assert!(
        stored >= i64::try_from(messages).unwrap(),
        "{stored} messages"
    );
    pass(&mirror, Mode::Incremental).await;
    let (cpu, begun) = (cpu_ms(), Instant::now());
    let mut requests = 0;
    for _ in 0..PASSES {
        requests += pass(&mirror, Mode::Incremental).await;
    }
    let cpu = (cpu_ms() - cpu) / f64::from(PASSES);
    let wall = begun.elapsed().as_secs_f64() * 1000.0 / f64::from(PASSES);
    empty_wal(&path).await;
    pass(&mirror, Mode::Incremental).await;
    let wal = std::fs::metadata(dir.path().join("mirror.db-wal")).map_or(0, |file| file.len());
    println!(
        "{messages:>15} | {cpu:.2} ms | {wall:.2} ms | {} | {wal} | {}",
        requests / u64::from(PASSES),
        memory()
    );
    mirror.close().await;
    stop.cancel();
}

async fn open(base_url: &str, path: &Path, simulator: &Simulator) -> Mirror {
    let mut config = Config::parse("").unwrap();
    config.source.base_url = base_url.parse().unwrap();
    config.source.requests_per_minute = 0;
    path.clone_into(&mut config.database.path);
    let token = simulator.options().token.into();
    Mirror::open(&config, token, Clock::System).await.unwrap()
}

/// Runs a pass and gives the requests that it made.
async fn pass(mirror: &Mirror, mode: Mode) -> u64 {
    let never = CancellationToken::new();
    let (progress, _) = watch::channel(Progress::default());
    let outcome = mirror.pass(mode.into(), &never, &never, &progress).await;
    outcome.unwrap().requests
}

async fn connect(path: &Path) -> SqliteConnection {
    let options = sqlx::sqlite::SqliteConnectOptions::new().filename(path);
    options.connect().await.unwrap()
}

/// More than any number of a simulated account.
const NUMBERS: i64 = 1_000_000_000_000;

/// Stores each chat with its messages so many times over.
async fn multiply(path: &Path, times: usize) {
    let mut connection = connect(path).await;
    for time in 1..times {
        for (table, numbers) in [
            ("chats", &["id"][..]),
            ("messages", &["id", "chat_id"]),
            ("chat_sync", &["chat_id"]),
        ] {
            let columns: Vec<String> = sqlx::query_scalar("select name from pragma_table_info(?1)")
                .bind(table)
                .fetch_all(&mut connection)
                .await
                .unwrap();
            let moved: Vec<String> = columns
                .iter()
                .map(|column| {
                    if numbers.contains(&column.as_str()) {
                        format!("{column} + {time} * {NUMBERS}")
                    } else {
                        column.clone()
                    }
                })
                .collect();
            let (columns, moved) = (columns.join(", "), moved.join(", "));
            let sql = format!(
                "insert into {table} ({columns}) select {moved} from {table} where {} < {NUMBERS}",
                numbers[0]
            );
            sqlx::raw_sql(AssertSqlSafe(sql))
                .execute(&mut connection)
                .await
                .unwrap();
        }
    }
    connection.close().await.unwrap();
}

async fn empty_wal(path: &Path) {
    let mut connection = connect(path).await;
    sqlx::query("pragma wal_checkpoint(truncate)")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();
}

/// What this process has used so far, in milliseconds; the kernel counts in hundredths of a second.
fn cpu_ms() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |place: usize| {
        fields
            .get(place)
            .and_then(|field| field.parse::<f64>().ok())
    };
    10.0 * (ticks(11).unwrap_or(0.0) + ticks(12).unwrap_or(0.0))
}

/// The most memory that this process has had, the simulated account included.
fn memory() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap_or("unknown").trim().to_owned()
}

//! A backfill without pacing, beside the least that it could cost: the same pages only fetched, the same rows only
//! inserted; and, where a Python with `dlt[sqlalchemy]` is named, beside that engine. One command, one run, ratios:
//!
//! `cargo bench --bench backfill -- [--chats N] [--messages N] [--python PATH]`

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::config::Config;
use chatmirror::daemon::Mirror;
use chatmirror::pass::Progress;
use chatmirror::plan::Mode;
use chatmirror::simulator::{Options, Recipe, Simulator};
use futures_util::{StreamExt, stream};
use tokio::runtime::Handle;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Times that each is run; the best counts, because others use the machine too.
const ROUNDS: usize = 3;

struct Arguments {
    chats: usize,
    messages: usize,
    python: Option<String>,
}

fn main() {
    let arguments = arguments();
    // The source is another machine: what it does is not to be done by threads of the mirror's.
    let source = tokio::runtime::Runtime::new().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure(&arguments, source.handle()));
}

fn arguments() -> Arguments {
    let mut found = Arguments {
        chats: 2000,
        messages: 55_000,
        python: None,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--chats" => found.chats = words.next().unwrap().parse().unwrap(),
            "--messages" => found.messages = words.next().unwrap().parse().unwrap(),
            "--python" => found.python = words.next(),
            // What `cargo bench` passes on.
            _ => {}
        }
    }
    found
}

async fn measure(arguments: &Arguments, source: &Handle) {
    let recipe = Recipe {
        seed: 7,
        chats: arguments.chats,
        messages: arguments.messages,
        until: Timestamp::now(),
        ..Recipe::default()
    };
    let simulator = Simulator::new(recipe.account(), Options::default(), Clock::System);
    let stop = CancellationToken::new();
    let (spawned, until) = (simulator.clone(), stop.clone());
    let serving = source.spawn(async move { spawned.spawn(until).await });
    let base_url = serving.await.unwrap().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror.db");
    let messages = simulator.account(|account| account.messages().count());

    let mut ours = Duration::MAX;
    let mut targets = Vec::new();
    for _ in 0..ROUNDS {
        for suffix in ["", "-wal", "-shm"] {
            let _ = std::fs::remove_file(dir.path().join(format!("mirror.db{suffix}")));
        }
        let before = simulator.requests().len();
        ours = ours.min(backfill(&base_url, &path, &simulator).await);
        targets = simulator.requests()[before..]
            .iter()
            .map(|request| request.target.clone())
            .collect();
    }
    report("chatmirror", ours, messages, ours);

    let mut fetched = Duration::MAX;
    for _ in 0..ROUNDS {
        fetched = fetched.min(fetch(&base_url, &simulator, &targets).await);
    }
    report("the same pages, only fetched", fetched, messages, ours);

    let python = arguments.python.as_deref().unwrap_or("python3");
    let insert = script("benches/peers/insert.py");
    match seconds(Command::new(python).arg(insert).arg(&path)) {
        Ok(took) => report("the same rows, only inserted", took, messages, ours),
        Err(why) => println!("the same rows, only inserted: not measured, {why}"),
    }
    if arguments.python.is_some() {
        let mut dlt = Command::new(python);
        dlt.arg(script("benches/peers/dlt_backfill.py"))
            .arg(&base_url)
            .arg(simulator.options().token)
            .arg(dir.path());
        match tokio::task::spawn_blocking(move || seconds(&mut dlt))
            .await
            .unwrap()
        {
            Ok(took) => report("dlt[sqlalchemy]", took, messages, ours),
            Err(why) => println!("dlt[sqlalchemy]: not measured, {why}"),
        }
    }
    println!("requests: {}", targets.len());
    stop.cancel();
}

/// A backfill into a new file.
async fn backfill(base_url: &str, path: &Path, simulator: &Simulator) -> Duration {
    let mut config = Config::parse("").unwrap();
    config.source.base_url = base_url.parse().unwrap();
    config.source.requests_per_minute = 0;
    path.clone_into(&mut config.database.path);
    let token = simulator.options().token.into();
    let mirror = Mirror::open(&config, token, Clock::System).await.unwrap();
    let never = CancellationToken::new();
    mirror.bind(&never).await.unwrap();
    let (progress, _) = watch::channel(Progress::default());
    let begun = Instant::now();
    let outcome = mirror
        .pass(Mode::Backfill.into(), &never, &never, &progress)
        .await
        .unwrap();
    let took = begun.elapsed();
    assert_eq!(outcome.status.word(), "complete");
    mirror.close().await;
    took
}

/// The bare loop: as many requests in flight as a backfill has, and nothing done with the answers.
async fn fetch(base_url: &str, simulator: &Simulator, targets: &[String]) -> Duration {
    let root = base_url.trim_end_matches("/v1");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let token = simulator.options().token;
    let in_flight = usize::try_from(Config::parse("").unwrap().source.max_in_flight).unwrap();
    let begun = Instant::now();
    let bytes: usize = stream::iter(targets)
        .map(|target| {
            let request = client.get(format!("{root}{target}")).bearer_auth(&token);
            async move {
                let mut response = request.send().await.unwrap();
                let mut length = 0;
                while let Some(chunk) = response.chunk().await.unwrap() {
                    length += chunk.len();
                }
                length
            }
        })
        .buffer_unordered(in_flight)
        .fold(0, async |sum, length| sum + length)
        .await;
    let took = begun.elapsed();
    assert!(bytes > 0);
    took
}

fn script(name: &str) -> String {
    format!("{}/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// What a script says it took: the last word that it prints.
fn seconds(command: &mut Command) -> Result<Duration, String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let last = said.split_whitespace().last().unwrap_or_default();
    last.parse()
        .map(Duration::from_secs_f64)
        .map_err(|_| String::from_utf8_lossy(&output.stderr).trim().to_owned())
}

fn report(what: &str, took: Duration, messages: usize, ours: Duration) {
    let seconds = took.as_secs_f64();
    #[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
    let rate = messages as f64 / seconds;
    let ratio = seconds / ours.as_secs_f64();
    println!("{what:32} {seconds:8.2} s {rate:10.0} messages/s {ratio:8.2} of chatmirror's time");
}

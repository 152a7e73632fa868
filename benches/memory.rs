//! The most memory that the program holds while it mirrors accounts of growing size, as the kernel counts it.
//!
//! `cargo bench --bench memory -- [--most-chats CHATS]`

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::simulator::{Options, Recipe, Simulator};
use tokio_util::sync::CancellationToken;

/// Chats and messages.
const SIZES: [(usize, usize); 4] = [
    (2_000, 55_000),
    (20_000, 120_000),
    (100_000, 600_000),
    (1_000_000, 1_000_000),
];

/// How often the kernel is asked.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// How long the daemon is watched, and how many changes a second it meets.
const DAEMON: Duration = Duration::from_secs(30);
const CHANGES: usize = 5;

fn main() {
    let mut words = std::env::args();
    let most = words
        .find(|word| word == "--most-chats")
        .and_then(|_| words.next())
        .map_or(20_000, |most| most.parse().unwrap());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    println!(
        "chats | messages | backfill | a pass that finds nothing | daemon, {CHANGES} changes a second"
    );
    for (chats, messages) in SIZES.into_iter().filter(|(chats, _)| *chats <= most) {
        runtime.block_on(measure(chats, messages));
    }
}

async fn measure(chats: usize, messages: usize) {
    let recipe = Recipe {
        seed: 7,
        chats,
        messages,
        until: Timestamp::now().minus(Duration::from_mins(5)),
        ..Recipe::default()
    };
    let simulator = Simulator::new(recipe.account(), Options::default(), Clock::System);
    let stop = CancellationToken::new();
    let base_url = simulator.spawn(stop.clone()).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let config = format!(
        "[source]\nbase_url = \"{base_url}\"\nrequests_per_minute = 0\n[database]\npath = \"{}\"\n[http]\nlisten = \"\"\n",
        dir.path().join("mirror.db").display()
    );
    std::fs::write(dir.path().join("config.toml"), config).unwrap();
    let program = |arguments: &[&str]| start(dir.path(), &simulator, arguments);
    let backfill = to_the_end(program(&["--quiet", "sync", "--backfill"])).await;
    let nothing = to_the_end(program(&["--quiet", "sync"])).await;
    let daemon = beside_changes(program(&["run"]), &simulator).await;
    println!("{chats} | {messages} | {backfill:.1} MB | {nothing:.1} MB | {daemon:.1} MB");
    stop.cancel();
}

fn start(dir: &Path, simulator: &Simulator, arguments: &[&str]) -> Child {
    Command::new(env!("CARGO_BIN_EXE_chatmirror"))
        .arg("--config")
        .arg(dir.join("config.toml"))
        .args(arguments)
        .env("CHATMIRROR_TOKEN", simulator.options().token)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// The most that a command held until it ended.
async fn to_the_end(mut command: Child) -> f64 {
    let mut most = 0.0;
    loop {
        most = held(&command).unwrap_or(most);
        if let Some(status) = command.try_wait().unwrap() {
            assert!(status.success(), "{status}");
            return most;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// The most that the daemon held while the account changed.
async fn beside_changes(mut daemon: Child, simulator: &Simulator) -> f64 {
    let mut rng = fastrand::Rng::with_seed(7);
    let begun = Instant::now();
    while begun.elapsed() < DAEMON {
        simulator.churn(CHANGES, &mut rng);
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let most = held(&daemon).unwrap();
    daemon.kill().unwrap();
    daemon.wait().unwrap();
    most
}

/// The most that a process has held so far, in megabytes; nothing of one that has ended.
fn held(process: &Child) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.id())).ok()?;
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kib: f64 = peak.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib * 1024.0 / 1e6)
}

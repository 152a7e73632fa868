//! The soak: the real daemon for minutes or hours, with churn, faults, readers and restarts; then everything must be flat, exact and told.
//!
//! `CHATMIRROR_SOAK_MINUTES=120 cargo test --test it soak -- --ignored --nocapture`

mod gauge;
mod readers;
mod weather;

use std::process::Command;
use std::time::{Duration, Instant};

use chatmirror::clock::Timestamp;
use chatmirror::simulator::{Cause, Fault, Options, Simulator, Target};

use crate::service::{always, catches_up};
use crate::signals::{address, get, value};
use crate::support::program::{Running, ended, integrity, until};
use crate::support::{World, account, dump, truth};
use gauge::{Gauge, Log, Sample};
use readers::Readers;
use weather::Weather;

/// Changes come this often.
const CHANGE_EVERY: Duration = Duration::from_millis(1500);

/// What is looked at is looked at this often.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// How soon the daemon must have ended after it was told to.
const SOON: Duration = Duration::from_secs(5);

/// So many spells of weather in all, each ended by a restart; the last quarter of the time is one sitting without any.
const SPELLS: u32 = 40;
const SHORTEST_SPELL: Duration = Duration::from_secs(15);

/// The simulated account never locks its token for longer; with what it takes to be fresh after it.
const LONGEST_LOCK: Duration = Duration::from_mins(15);

/// After the churn has ended, so many passes by hand may be needed: a deletion is believed after two.
const PASSES_AFTER: usize = 4;

fn wanted() -> Duration {
    let minutes = std::env::var("CHATMIRROR_SOAK_MINUTES").ok();
    let minutes: u64 = minutes.map_or(3, |number| number.parse().unwrap());
    Duration::from_mins(minutes)
}

/// An account that moves a chat for everything that can be seen of it, and a daemon that is in a hurry: with a pace, it would wait
/// for a minute after each kill, for it does not know then what it has asked in the last one.
async fn world(reconcile: &str) -> World {
    let options = Options {
        latency: Duration::from_millis(4),
        jitter: Duration::from_millis(20),
        moved_by: [
            Cause::Message,
            Cause::State,
            Cause::Edit,
            Cause::Deletion,
            Cause::Seen,
            Cause::Details,
        ]
        .into(),
        ..Options::default()
    };
    let world = World::real(account(250, 5_000, 11), options).await;
    configure(&world, reconcile, 900);
    // A program that is built anew meanwhile must not change under the daemon's feet.
    std::fs::copy(
        world.program(&[]).get_program(),
        world.dir().join("program"),
    )
    .unwrap();
    world
}

fn configure(world: &World, reconcile: &str, fresh_seconds: u32) {
    world.write_config("request_timeout_seconds = 5");
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let more = format!(
        "[schedule]\nincremental = \"*/5 * * * * *\"\nreconcile = \"{reconcile}\"\n\
         [http]\nlisten = \"127.0.0.1:0\"\nfresh_seconds = {fresh_seconds}\n"
    );
    std::fs::write(world.config_path(), config + &more).unwrap();
}

fn program(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(world.dir().join("program"));
    command
        .arg("--config")
        .arg(world.config_path())
        .args(arguments)
        .env("CHATMIRROR_TOKEN", world.simulator.options().token)
        .env_remove("CREDENTIALS_DIRECTORY")
        .env_remove("NOTIFY_SOCKET")
        .current_dir(world.dir());
    command
}

/// The account lives until this is dropped.
struct Churn(tokio::task::JoinHandle<()>);

impl Churn {
    fn of(simulator: Simulator) -> Self {
        Self(tokio::spawn(async move {
            let mut random = fastrand::Rng::with_seed(7);
            loop {
                tokio::time::sleep(CHANGE_EVERY).await;
                simulator.churn(1, &mut random);
            }
        }))
    }
}

impl Drop for Churn {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// The daemon, over all its lives.
struct Daemon<'a> {
    world: &'a World,
    running: Running,
    address: String,
    log: Log,
    gauge: Gauge,
    restarts: u32,
}

impl<'a> Daemon<'a> {
    async fn start(world: &'a World) -> Self {
        let running = Running::start(world, program(world, &["run"]));
        Self {
            address: address(&running).await,
            running,
            world,
            log: Log::default(),
            gauge: Gauge::default(),
            restarts: 0,
        }
    }

    async fn starts_again(&mut self) {
        self.log.read(&self.running.said());
        self.running = Running::start(self.world, program(self.world, &["run"]));
        self.address = address(&self.running).await;
        self.restarts += 1;
    }

    /// Ends it, in order or not.
    async fn ends(&mut self, signal: &str) {
        self.running.signal(signal);
        let (status, after) = self.running.end().await;
        if signal == "TERM" {
            assert_eq!(status.code(), Some(0), "{}", self.running.said());
            assert!(after < SOON, "ended after {after:?}");
        }
    }

    /// Looks at it for so long, while it has weather. It clears up in time to see whether all is well again.
    async fn lives(&mut self, weather: Weather, span: Duration) {
        let begun = Instant::now();
        weather.begins(&self.world.simulator);
        if weather.ends_the_daemon() {
            self.was_refused().await;
        }
        let mut fair = false;
        while begun.elapsed() < span {
            if !fair && begun.elapsed() > span * 2 / 3 {
                self.world.simulator.clear_faults();
                weather.ends(&self.world.simulator);
                fair = true;
            }
            tokio::time::sleep(LOOK_EVERY).await;
            self.look().await;
        }
    }

    async fn look(&mut self) {
        let sample = Sample::of(self.running.pid(), &self.world.database());
        self.gauge.add(sample);
        let (alive, words) = get(&self.address, "/healthz").await;
        assert_eq!(alive, 200, "{words}");
        assert_eq!(get(&self.address, "/metrics").await.0, 200);
    }

    /// A token that is refused has ended it, and said so: that does not heal itself.
    async fn was_refused(&mut self) {
        let (status, _) = self.running.end().await;
        assert_eq!(status.code(), Some(77), "{}", self.running.said());
        assert!(self.running.said().contains("make a new token"));
        Weather::Revoked.ends(&self.world.simulator);
        self.starts_again().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes as many minutes as CHATMIRROR_SOAK_MINUTES says, 3 if it says nothing"]
async fn a_daemon_that_lives_through_bad_weather_stays_flat_exact_and_neither_loud_nor_silent() {
    let wanted = wanted();
    let spell = (wanted / SPELLS).max(SHORTEST_SPELL);
    let world = world("0 */2 * * * *").await;
    let mut daemon = Daemon::start(&world).await;
    catches_up(&world).await;
    daemon.ends("TERM").await;
    daemon.starts_again().await;

    let churn = Churn::of(world.simulator.clone());
    let readers = Readers::of(&world.database(), spell);
    let begun = Instant::now();
    let mut signals = ["TERM", "KILL"].into_iter().cycle();
    let mut spells = 0;
    for weather in Weather::ALL.into_iter().cycle() {
        if begun.elapsed() > wanted * 3 / 4 {
            break;
        }
        daemon.lives(weather, spell).await;
        spells += 1;
        daemon.ends(signals.next().unwrap()).await;
        daemon.starts_again().await;
    }
    daemon.gauge.tell("with restarts");
    daemon.gauge.is_flat();

    // The last quarter in one sitting: what grows by the hour would show now.
    daemon.gauge = Gauge::default();
    let peaceful = Weather::ALL
        .into_iter()
        .filter(|kind| !kind.ends_the_daemon());
    for weather in peaceful.cycle() {
        if begun.elapsed() > wanted {
            break;
        }
        daemon.lives(weather, spell).await;
    }
    daemon.gauge.tell("in one sitting");
    daemon.gauge.is_flat();
    let queries = readers.end().await;
    drop(churn);
    world.simulator.clear_faults();

    let left = settles(&mut daemon).await;
    println!(
        "{spells} spells, {} restarts, {queries} readings; {left} rows differed before the passes by hand, none after",
        daemon.restarts
    );
    daemon.log.tell(begun.elapsed());
    assert_eq!(
        daemon.log.errors,
        Vec::<String>::new(),
        "what heals itself is loud"
    );
    tells_what_does_not_heal(&world).await;
}

/// With the churn at its end, the mirror becomes equal to the account. Gives how many rows differed when the daemon stopped, fresh
/// as it was: deletions are believed after two looks, and old messages change without a sign.
async fn settles(daemon: &mut Daemon<'_>) -> usize {
    let world = daemon.world;
    let churned = Timestamp::now();
    let waited = Instant::now();
    while through(world).await <= churned.to_string() {
        assert!(
            waited.elapsed() < LONGEST_LOCK,
            "the daemon is not fresh again"
        );
        tokio::time::sleep(LOOK_EVERY).await;
    }
    daemon.ends("TERM").await;
    daemon.log.read(&daemon.running.said());
    let differences = async || {
        let account = world.simulator.account(Clone::clone);
        truth::differences(&world.database(), &account).await
    };
    let before = differences().await;
    for line in before.iter().take(5) {
        println!("  not seen by the daemon yet: {line}");
    }
    for _ in 0..PASSES_AFTER {
        let pass = ended(program(world, &["sync", "--backfill"])).await;
        assert_eq!(pass.code, 0, "{pass:?}");
        if differences().await.is_empty() {
            break;
        }
    }
    assert_eq!(differences().await, Vec::<String>::new());
    let verified = ended(program(world, &["verify", "--all"])).await;
    assert_eq!(verified.code, 0, "{verified:?}");
    assert_eq!(integrity(&world.database()).await, "ok");
    before.len()
}

/// Through when the mirror says that nothing is missing.
async fn through(world: &World) -> String {
    let through = "select coalesce(complete_through, '') from freshness";
    let through = dump::value(&world.database(), through).await;
    through.as_str().unwrap().to_owned()
}

/// A source that stays down is an error once the mirror is no longer fresh; a token that stays refused is one at once.
async fn tells_what_does_not_heal(world: &World) {
    configure(world, "0 0 0 1 1 *", 10);
    let mut daemon = Daemon::start(world).await;
    let ready = async |status: u16| get(&daemon.address, "/readyz").await.0 == status;
    until("fresh", async || ready(200).await).await;
    always(world, Target::Anything, Fault::Status(503));
    until("not fresh", async || ready(503).await).await;
    daemon.running.says(" ERROR ").await;
    let (_, page) = get(&daemon.address, "/metrics").await;
    let failed = "chatmirror_passes_total{mode=\"incremental\",status=\"failed\"}";
    assert!(value(&page, failed).unwrap() > 0.0, "{page}");
    world.simulator.clear_faults();
    daemon.running.says("it works again").await;
    world.simulator.set_token_valid(false);
    let (status, _) = daemon.running.end().await;
    assert_eq!(status.code(), Some(77), "{}", daemon.running.said());
    daemon.running = Running::start(world, program(world, &["run"]));
    let (status, _) = daemon.running.end().await;
    assert_eq!(status.code(), Some(77), "{}", daemon.running.said());
    assert!(daemon.running.said().contains("refused the token"));
}

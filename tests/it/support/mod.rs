//! A world for a test: a directory, a simulated account on a real socket, a mirror of it, and the truth to compare with.

pub mod desk;
pub mod dump;
pub mod program;
pub mod truth;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::config::Config;
use chatmirror::daemon::{Mirror, Order};
use chatmirror::pass::{Outcome, PassError, Progress};
use chatmirror::plan::Mode;
use chatmirror::simulator::{Account, Options, Recipe, Simulator};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// When simulated clocks begin.
pub fn noon() -> Timestamp {
    "2026-03-01 12:00:00.000".parse().unwrap()
}

/// A simulated account, and a mirror of it.
pub struct World {
    pub simulator: Simulator,
    pub clock: Clock,
    pub config: Config,
    base_url: String,
    stop: CancellationToken,
    dir: TempDir,
}

impl World {
    /// A world on a clock that only requests and waiting move.
    pub async fn new(account: Account, options: Options) -> Self {
        Self::on(Clock::simulated(noon()), account, options).await
    }

    /// A world on the machine's own clock, for the real program.
    pub async fn real(account: Account, options: Options) -> Self {
        Self::on(Clock::System, account, options).await
    }

    async fn on(clock: Clock, account: Account, options: Options) -> Self {
        let zone = options.time_zone;
        let simulator = Simulator::new(account, options, clock.clone());
        let stop = CancellationToken::new();
        let base_url = simulator.spawn(stop.clone()).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::parse("").unwrap();
        config.source.base_url = base_url.parse().unwrap();
        config.source.requests_per_minute = 0;
        config.source.time_zone = zone;
        config.source.request_timeout = Duration::from_secs(10);
        config.database.path = dir.path().join("mirror.db");
        let world = Self {
            simulator,
            clock,
            config,
            base_url,
            stop,
            dir,
        };
        world.write_config("");
        world
    }

    pub fn dir(&self) -> &Path {
        self.dir.path()
    }

    pub fn database(&self) -> PathBuf {
        self.config.database.path.clone()
    }

    pub fn config_path(&self) -> PathBuf {
        self.dir.path().join("config.toml")
    }

    /// Writes the configuration that the real program is given; `more` goes into `[source]`.
    pub fn write_config(&self, more: &str) {
        let text = format!(
            "[source]\nbase_url = \"{}\"\nrequests_per_minute = 0\ntime_zone = \"{}\"\n{more}\n\
             [database]\npath = \"{}\"\n",
            self.base_url,
            self.config.source.time_zone.name(),
            self.database().display(),
        );
        std::fs::write(self.config_path(), text).unwrap();
    }

    /// The real program, ready to mirror this world's account.
    pub fn program(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatmirror"));
        command
            .arg("--config")
            .arg(self.config_path())
            .args(arguments)
            .env("CHATMIRROR_TOKEN", self.simulator.options().token)
            .env_remove("CHATMIRROR_CONFIG")
            .env_remove("CREDENTIALS_DIRECTORY")
            .current_dir(self.dir.path());
        command
    }

    /// Opens the mirror, runs one pass, and closes it.
    pub async fn pass(&self, mode: Mode) -> Result<Outcome, PassError> {
        let never = CancellationToken::new();
        self.pass_until(mode, &never).await
    }

    /// Like [`World::pass`], but told to stop by `stop`.
    pub async fn pass_until(
        &self,
        mode: Mode,
        stop: &CancellationToken,
    ) -> Result<Outcome, PassError> {
        self.carry_out(mode.into(), stop).await
    }

    /// Opens the mirror, carries out the order, and closes it.
    pub async fn carry_out(
        &self,
        order: Order,
        stop: &CancellationToken,
    ) -> Result<Outcome, PassError> {
        let token = self.simulator.options().token.into();
        let mirror = Mirror::open(&self.config, token, self.clock.clone())
            .await
            .unwrap();
        mirror.bind(&CancellationToken::new()).await.unwrap();
        let (progress, _) = watch::channel(Progress::default());
        let outcome = mirror
            .pass(order, stop, &CancellationToken::new(), &progress)
            .await;
        mirror.close().await;
        outcome
    }

    /// Requests that the pass makes which `work` runs.
    pub async fn requests_of<T>(&self, work: impl Future<Output = T>) -> (T, u64) {
        let before = self.simulator.request_count();
        let result = work.await;
        (result, self.simulator.request_count() - before)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

/// An account of this size, as old as simulated clocks.
pub fn account(chats: usize, messages: usize, seed: u64) -> Account {
    Recipe {
        seed,
        chats,
        messages,
        until: noon(),
        ..Recipe::default()
    }
    .account()
}

//! An account, a mirror of it that is complete when the day begins, and the service that keeps it so.

use std::collections::HashMap;
use std::ops::Range;
use std::pin::pin;
use std::time::{Duration, Instant};

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::config::Config;
use chatmirror::daemon::{self, Heart, Mirror, Orders, Reload};
use chatmirror::pass::Progress;
use chatmirror::plan::Mode;
use chatmirror::simulator::{Account, ChatOrder, Mutation, Options, Recipe, Simulator};
use sqlx::{Connection, SqliteConnection};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::account::{midnight, traffic};
use super::lags::{Answers, Arrival, Lags};

/// The platform's documented limit.
const LIMIT: u16 = 180;

/// The service goes on for so long after the last message, so that it can arrive.
const AFTERWARDS: Duration = Duration::from_mins(5);

/// The account and the file that mirrors it.
pub struct Scene {
    account: Account,
    dir: TempDir,
}

/// What is different from one run to the next.
#[derive(Clone, Copy)]
pub struct Situation {
    pub name: &'static str,
    pub order: ChatOrder,
    /// Requests a minute that another program makes.
    pub others: u32,
}

/// What a run has shown.
pub struct Shown {
    name: &'static str,
    lines: Vec<String>,
}

impl Scene {
    /// Makes the account and mirrors it, without a limit.
    pub async fn prepare(recipe: Recipe) -> Self {
        let begun = Instant::now();
        let account = recipe.account();
        let dir = tempfile::tempdir().unwrap();
        let scene = Self { account, dir };
        let clock = Clock::simulated(midnight().minus(Duration::from_mins(9)));
        let simulator = Simulator::new(scene.account.clone(), Options::default(), clock.clone());
        let stop = CancellationToken::new();
        let config = scene.config("start.db", &simulator, 0, &stop).await;
        let mirror = open(&config, &simulator, clock).await;
        let (progress, _) = watch::channel(Progress::default());
        for mode in [Mode::Backfill, Mode::Incremental] {
            let never = CancellationToken::new();
            mirror
                .pass(mode.into(), &never, &never, &progress)
                .await
                .unwrap();
        }
        mirror.close().await;
        stop.cancel();
        let requests = simulator.request_count();
        println!(
            "mirrored with {requests} requests, in {:.0} s\n",
            begun.elapsed().as_secs_f64()
        );
        scene
    }

    async fn config(
        &self,
        file: &str,
        simulator: &Simulator,
        ceiling: u16,
        stop: &CancellationToken,
    ) -> Config {
        let mut config = Config::parse("").unwrap();
        config.source.base_url = simulator
            .spawn(stop.clone())
            .await
            .unwrap()
            .parse()
            .unwrap();
        config.source.requests_per_minute = ceiling.into();
        // Requests follow one another on the simulated clock: several in flight would each be charged the others' latency.
        config.source.max_in_flight = 1;
        config.database.path = self.dir.path().join(file);
        config
    }

    /// Runs the service through these hours.
    pub async fn run(&self, situation: &Situation, hours: Range<u32>) -> Shown {
        let begun = Instant::now();
        std::fs::copy(
            self.dir.path().join("start.db"),
            self.dir.path().join("day.db"),
        )
        .unwrap();
        let start = midnight().plus(Duration::from_hours(u64::from(hours.start)));
        let end = midnight()
            .plus(Duration::from_hours(u64::from(hours.end)))
            .plus(AFTERWARDS);
        let clock = Clock::simulated(start);
        let options = Options {
            chat_order: situation.order,
            latency: Duration::from_millis(150),
            jitter: Duration::from_millis(150),
            requests_per_minute: Some(LIMIT.into()),
            others_per_minute: situation.others,
            ..Options::default()
        };
        let simulator = Simulator::new(self.account.clone(), options, clock.clone());
        let traffic = traffic(&self.account, hours.clone());
        for (at, mutation) in &traffic {
            simulator.plan(*at, mutation.clone());
        }
        let stop = CancellationToken::new();
        let config = self.config("day.db", &simulator, LIMIT, &stop).await;
        let mut mirror = open(&config, &simulator, clock.clone()).await;
        serve_until(&mut mirror, &config, &clock, end).await;
        mirror.close().await;
        stop.cancel();
        let arrivals = arrivals(&simulator, &traffic);
        let mut shown = self.shown(situation, &simulator, &arrivals).await;
        let took = begun.elapsed().as_secs_f64();
        shown.lines.push(format!("  simulated in {took:.0} s"));
        shown
    }

    async fn shown(
        &self,
        situation: &Situation,
        simulator: &Simulator,
        arrivals: &[Arrival],
    ) -> Shown {
        let requests = simulator.requests();
        let answers = Answers::of(&requests);
        let stored = self.stored().await;
        let (mut peak, mut all) = (Lags::default(), Lags::default());
        let mut missing = 0;
        for arrival in arrivals {
            let Some(at) = answers.to(arrival) else {
                missing += 1;
                continue;
            };
            // The mirror's own journal says the same: committed by the batch of that answer.
            assert_eq!(
                stored.get(&arrival.message),
                Some(&at.second()),
                "{arrival:?}"
            );
            let lag = at.since(arrival.at);
            all.add(lag);
            let hour = arrival.at.since(midnight()).as_secs() / 3600;
            if (10..11).contains(&hour) {
                peak.add(lag);
            }
        }
        let asked = f64::from(u32::try_from(requests.len()).unwrap());
        let minutes = requests
            .last()
            .unwrap()
            .at
            .since(requests[0].at)
            .as_secs_f64()
            / 60.0;
        let lists = requests
            .iter()
            .filter(|request| request.target.starts_with("/v1/chats?"))
            .count();
        let counts = requests
            .iter()
            .filter(|request| request.target.contains("limitation=1&"))
            .count();
        let locked = requests
            .iter()
            .filter(|request| request.while_locked)
            .count();
        Shown {
            name: situation.name,
            lines: vec![
                peak.line("10 to 11"),
                all.line("all"),
                format!("  {missing} not in the mirror yet at the end"),
                format!(
                    "  requests   {} in {minutes:.0} minutes, {:.0} a minute, {} in the busiest; {lists} for lists, {counts} for counts",
                    requests.len(),
                    asked / minutes,
                    simulator.busiest_minute(),
                ),
                format!(
                    "  locks      {}; requests while locked: {locked}",
                    simulator.locks()
                ),
            ],
        }
    }

    /// The messages that came into the mirror in the run, each with the second of the answer that brought it.
    async fn stored(&self) -> HashMap<i64, Timestamp> {
        let path = self.dir.path().join("day.db");
        let mut connection = SqliteConnection::connect(&path.to_string_lossy())
            .await
            .unwrap();
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "select cast(row_id as integer), at from changes where table_name = 'messages' and op = 'insert'",
        )
        .fetch_all(&mut connection)
        .await
        .unwrap();
        rows.into_iter()
            .map(|(id, at)| (id, at.parse().unwrap()))
            .collect()
    }
}

impl Shown {
    pub fn print(self) {
        println!("{}", self.name);
        for line in self.lines {
            println!("{line}");
        }
        println!();
    }
}

async fn open(config: &Config, simulator: &Simulator, clock: Clock) -> Mirror {
    let token = simulator.options().token.into();
    let mirror = Mirror::open(config, token, clock).await.unwrap();
    mirror.bind(&CancellationToken::new()).await.unwrap();
    mirror
}

/// Lets the service run until the clock shows `end`.
async fn serve_until(mirror: &mut Mirror, config: &Config, clock: &Clock, end: Timestamp) {
    let stop = CancellationToken::new();
    let (progress, _) = watch::channel(Progress::default());
    let orders = Orders {
        stop: &stop,
        reload: Reload::never(),
        progress: &progress,
    };
    let mut heart = Heart::new(clock.clone());
    let mut service = pin!(daemon::serve(mirror, config.clone(), orders, &mut heart));
    std::future::poll_fn(|context| {
        if clock.now() >= end {
            stop.cancel();
        }
        service.as_mut().poll(context)
    })
    .await
    .unwrap();
}

/// The messages among what has come.
fn arrivals(simulator: &Simulator, traffic: &[(Timestamp, Mutation)]) -> Vec<Arrival> {
    let came = simulator.came();
    let both = came.iter().zip(traffic);
    both.filter_map(|((at, about), (_, mutation))| match mutation {
        Mutation::NewMessage { chat, .. } => Some(Arrival {
            at: *at,
            chat: *chat,
            message: (*about)?,
        }),
        _ => None,
    })
    .collect()
}

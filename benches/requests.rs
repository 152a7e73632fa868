//! Requests that passes make in ten situations, beside the least that could show as much: `cargo bench --bench requests`
//!
//! What is least: a page of 20 for every 20 chats or messages that must be shown, the head of the list of open chats beside the head of
//! the list of all, and one exact count for a changed chat of more than 20 messages. Nothing is set off against it for proof.

use std::collections::BTreeMap;
use std::time::Duration;

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::config::Config;
use chatmirror::daemon::Mirror;
use chatmirror::pass::Progress;
use chatmirror::plan::Mode;
use chatmirror::simulator::{Account, ChatState, Mutation, Options, Recipe, Simulator, Speaker};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

const CHATS: usize = 2000;
const MESSAGES: usize = 55_000;
const A_PAGE: usize = 20;

fn main() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(measure());
}

/// A simulated account and its mirror, on a simulated clock.
struct Scene {
    simulator: Simulator,
    clock: Clock,
    config: Config,
    stop: CancellationToken,
    _dir: TempDir,
}

async fn measure() {
    println!("situation | least | made | more");
    let scene = Scene::new().await;
    let least = scene.simulator.account(pages_of_all);
    tell(
        "a backfill of 2,000 chats with 55,000 messages",
        least,
        scene.pass(Mode::Backfill).await,
    );
    scene.rest().await;
    tell("no change", 2, scene.pass(Mode::Incremental).await);
    for (what, long, changed) in [
        ("a message in 1 chat of up to 20", false, 1),
        ("a message in 1 chat of more than 20", true, 1),
        ("messages in 10 chats of up to 20", false, 10),
        ("messages in 10 chats of more than 20", true, 10),
        ("messages in 50 chats of up to 20", false, 50),
    ] {
        for chat in scene
            .simulator
            .account(|account| chats(account, long, changed))
        {
            scene
                .simulator
                .apply(Mutation::say(chat, Speaker::Contact, "Є новини?"));
        }
        scene.clock.advance(Duration::from_secs(10));
        let lists = 2 * changed.div_ceil(A_PAGE);
        let least = lists + changed + if long { changed } else { 0 };
        tell(what, least, scene.pass(Mode::Incremental).await);
        scene.rest().await;
    }
    scene.simulator.apply(Mutation::CreateChat);
    scene.clock.advance(Duration::from_secs(10));
    tell("a chat begins", 3, scene.pass(Mode::Incremental).await);
    scene.rest().await;
    let chat = scene.simulator.account(|account| chats(account, false, 1))[0];
    scene
        .simulator
        .apply(Mutation::say(chat, Speaker::Contact, "Є новини?"));
    let at_once = scene.pass(Mode::Incremental).await;
    scene.clock.advance(Duration::from_secs(10));
    let again = scene.pass(Mode::Incremental).await;
    tell(
        "a message read in its own second, and the pass after it",
        5,
        at_once + again,
    );
    scene.rest().await;
    let least = scene.simulator.account(pages_of_lists);
    tell(
        "the whole list again, nothing changed",
        least,
        scene.pass(Mode::Reconcile).await,
    );
    scene.stop.cancel();
}

impl Scene {
    async fn new() -> Self {
        let now: Timestamp = "2026-03-02 12:00:00.000".parse().unwrap();
        let clock = Clock::simulated(now);
        let recipe = Recipe {
            seed: 7,
            chats: CHATS,
            messages: MESSAGES,
            until: now.minus(Duration::from_mins(10)),
            ..Recipe::default()
        };
        let simulator = Simulator::new(recipe.account(), Options::default(), clock.clone());
        let stop = CancellationToken::new();
        let dir = tempfile::tempdir().unwrap();
        let mut config = Config::parse("").unwrap();
        config.source.base_url = simulator
            .spawn(stop.clone())
            .await
            .unwrap()
            .parse()
            .unwrap();
        config.source.requests_per_minute = 0;
        config.database.path = dir.path().join("mirror.db");
        Self {
            simulator,
            clock,
            config,
            stop,
            _dir: dir,
        }
    }

    /// Runs a pass in a new process's stead and gives the requests that it makes.
    async fn pass(&self, mode: Mode) -> usize {
        let token = self.simulator.options().token.into();
        let mirror = Mirror::open(&self.config, token, self.clock.clone())
            .await
            .unwrap();
        mirror.bind(&self.stop).await.unwrap();
        let (progress, _) = watch::channel(Progress::default());
        let never = CancellationToken::new();
        let outcome = mirror.pass(mode.into(), &never, &never, &progress).await;
        mirror.close().await;
        usize::try_from(outcome.unwrap().requests).unwrap()
    }

    /// Passes until nothing is owed.
    async fn rest(&self) {
        for _ in 0..2 {
            self.clock.advance(Duration::from_mins(1));
            self.pass(Mode::Incremental).await;
        }
        self.clock.advance(Duration::from_mins(1));
    }
}

/// Some chats with more than a page of messages, or with less.
fn chats(account: &Account, long: bool, most: usize) -> Vec<i64> {
    let counts = counts(account);
    let mut found: Vec<i64> = counts.keys().copied().collect();
    // Room for what is still to be said in them.
    found.retain(|id| {
        if long {
            counts[id] > A_PAGE
        } else {
            counts[id] + 8 < A_PAGE
        }
    });
    found.truncate(most);
    found
}

fn counts(account: &Account) -> BTreeMap<i64, usize> {
    let mut counts: BTreeMap<i64, usize> = account.chats.keys().map(|id| (*id, 0)).collect();
    for (chat, _) in account.messages() {
        *counts.entry(chat.id).or_default() += 1;
    }
    counts
}

/// Pages that show all chats, which of them are open, and all messages.
fn pages_of_all(account: &Account) -> usize {
    let pages = |messages: &usize| messages.div_ceil(A_PAGE).max(1);
    pages_of_lists(account) + counts(account).values().map(pages).sum::<usize>()
}

fn pages_of_lists(account: &Account) -> usize {
    let open = account
        .chats
        .values()
        .filter(|chat| chat.state == ChatState::Open);
    account.chats.len().div_ceil(A_PAGE) + open.count().div_ceil(A_PAGE)
}

fn tell(what: &str, least: usize, made: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a share for a person")]
    let more = 100.0 * (made as f64 / least as f64 - 1.0);
    println!("{what} | {least} | {made} | {more:.1} %");
}

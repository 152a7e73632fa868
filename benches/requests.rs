//! Requests that passes make in ten situations, beside the least that could show as much: `cargo bench --bench requests`
//!
//! What is least: a page of 20 for every 20 chats or messages that must be shown, the list of open chats beside the list of all, and
//! one exact count for a changed chat of more than 20 messages. With proof: a list of more than one page is shown by pages that overlap by
//! one item, or by pages that abut and one exact count, whichever is less; then nothing can slip from one page to another unseen.

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

/// Pages for so many items: bare, and with proof.
const WAYS: [fn(usize) -> usize; 2] = [bare, proven];

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
    println!("situation | least | least with proof | made | more than that");
    let scene = Scene::new().await;
    let [least, with_proof] = WAYS.map(|pages| {
        scene
            .simulator
            .account(|account| pages_of_lists(account, pages) + pages_of_messages(account, pages))
    });
    let made = scene.pass(Mode::Backfill).await;
    tell("a backfill of 2,000 chats", least, with_proof, made);
    scene.rest().await;
    tell("no change", 2, 2, scene.pass(Mode::Incremental).await);
    for (what, long, changed) in [
        ("a message in 1 chat of up to 20", false, 1),
        ("a message in 1 chat of more than 20", true, 1),
        ("messages in 10 chats of up to 20", false, 10),
        ("messages in 10 chats of more than 20", true, 10),
        ("messages in 50 chats of up to 20", false, 50),
    ] {
        let (lists, made) = scene.news(long, changed).await;
        let least = lists + changed + if long { changed } else { 0 };
        tell(what, least, least, made);
    }
    scene.simulator.apply(Mutation::CreateChat);
    scene.clock.advance(Duration::from_secs(10));
    tell("a chat begins", 3, 3, scene.pass(Mode::Incremental).await);
    scene.rest().await;
    let chat = scene.simulator.account(|account| chats(account, false, 1))[0];
    scene.say(chat);
    let at_once = scene.pass(Mode::Incremental).await;
    scene.clock.advance(Duration::from_secs(10));
    let made = at_once + scene.pass(Mode::Incremental).await;
    tell("a message read in its second, and again", 6, 6, made);
    scene.rest().await;
    let [least, with_proof] = WAYS.map(|pages| {
        scene
            .simulator
            .account(|account| pages_of_lists(account, pages))
    });
    let made = scene.pass(Mode::Reconcile).await;
    tell("the whole list again, no change", least, with_proof, made);
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

    fn say(&self, chat: i64) {
        let news = Mutation::say(chat, Speaker::Contact, "Є новини?");
        self.simulator.apply(news);
    }

    /// Something is said in so many chats. Gives the least pages of lists that show it, and the requests that the pass makes.
    async fn news(&self, long: bool, changed: usize) -> (usize, usize) {
        let said_in = self
            .simulator
            .account(|account| chats(account, long, changed));
        for chat in &said_in {
            self.say(*chat);
        }
        self.clock.advance(Duration::from_secs(10));
        let open = self.simulator.account(|account| {
            let open = |id: &&i64| account.chats[id].state == ChatState::Open;
            said_in.iter().filter(open).count()
        });
        let made = self.pass(Mode::Incremental).await;
        self.rest().await;
        (bare(changed) + bare(open), made)
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

/// Pages that show as many items.
fn bare(items: usize) -> usize {
    items.div_ceil(A_PAGE).max(1)
}

/// Requests that show as many items and prove that none was missed.
fn proven(items: usize) -> usize {
    if items <= A_PAGE {
        return 1;
    }
    let (mut pages, mut shown) = (1, A_PAGE);
    while shown < items {
        // The page that reaches furthest among those that begin no later than the last item shown.
        let ends = (1..=A_PAGE).map(|limit| (shown - 1) / limit * limit + limit);
        shown = ends.max().unwrap_or(items);
        pages += 1;
    }
    pages.min(bare(items) + 1)
}

fn pages_of_messages(account: &Account, pages: fn(usize) -> usize) -> usize {
    counts(account).values().map(|count| pages(*count)).sum()
}

/// Pages that show all chats, and which of them are open.
fn pages_of_lists(account: &Account, pages: fn(usize) -> usize) -> usize {
    let open = account
        .chats
        .values()
        .filter(|chat| chat.state == ChatState::Open);
    pages(account.chats.len()) + pages(open.count())
}

fn tell(what: &str, least: usize, proven: usize, made: usize) {
    #[expect(clippy::cast_precision_loss, reason = "a share for a person")]
    let more = 100.0 * (made as f64 / proven as f64 - 1.0);
    println!("{what} | {least} | {proven} | {made} | {more:.1} %");
}

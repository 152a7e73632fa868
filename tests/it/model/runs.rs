//! Runs many histories side by side, and makes a failing one as short as it can.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use chatmirror::plan::Rules;

use super::history::{History, Step, Stop};
use super::play::{Tally, play};

/// Runs of a failing history to make it shorter.
const MOST_TRIES: u32 = 150;

/// Failing histories that are made shorter; of the others the seed is told.
const MOST_SHRUNK: usize = 3;

/// Runs the histories of these seeds; fails with those that break the mirror.
pub fn all(seeds: impl Iterator<Item = u64> + Send, rules: Rules) {
    let (total, broken) = run(seeds, rules, usize::MAX);
    eprintln!("{total:?}");
    let count = broken.len();
    let words: Vec<String> = broken
        .into_iter()
        .take(MOST_SHRUNK)
        .map(|(history, why)| {
            let (history, why) = shrunk(history, why, rules);
            format!("{why}\n{}", history.in_words())
        })
        .collect();
    assert!(
        words.is_empty(),
        "{count} histories break the mirror, among them:\n{}",
        words.join("\n")
    );
}

/// Runs histories until `most` of them have broken the mirror.
pub fn run(
    seeds: impl Iterator<Item = u64> + Send,
    rules: Rules,
    most: usize,
) -> (Total, Vec<(History, String)>) {
    let seeds = Mutex::new(seeds);
    let broken = Mutex::new(Vec::new());
    let total = Total::default();
    // A history waits for its sockets and its database a fifth of the time: two for each core fill it.
    let workers = std::thread::available_parallelism().map_or(4, |cores| 2 * cores.get());
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                let runtime = runtime();
                loop {
                    let seed = seeds.lock().unwrap().next();
                    let Some(seed) = seed else { return };
                    if broken.lock().unwrap().len() >= most {
                        return;
                    }
                    let history = History::of(seed);
                    match runtime.block_on(play(&history, rules)) {
                        Ok(tally) => total.add(tally),
                        Err(why) => {
                            eprintln!("seed {seed}: {}", why.lines().next().unwrap_or_default());
                            broken.lock().unwrap().push((history, why));
                        }
                    }
                }
            });
        }
    });
    (total, broken.into_inner().unwrap())
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

/// What all histories together came to.
#[derive(Debug, Default)]
pub struct Total {
    histories: AtomicU64,
    passes: AtomicU64,
    requests: AtomicU64,
    claims: AtomicU64,
    kills: AtomicU64,
}

impl Total {
    fn add(&self, tally: Tally) {
        self.histories.fetch_add(1, Ordering::Relaxed);
        self.passes.fetch_add(tally.passes, Ordering::Relaxed);
        self.requests.fetch_add(tally.requests, Ordering::Relaxed);
        self.claims.fetch_add(tally.claims, Ordering::Relaxed);
        self.kills.fetch_add(tally.kills, Ordering::Relaxed);
    }
}

/// Leaves out what the failure does not need.
fn shrunk(mut history: History, mut why: String, rules: Rules) -> (History, String) {
    let runtime = runtime();
    let mut tries = 0;
    let mut place = 0;
    while place < history.steps.len() && tries < MOST_TRIES {
        let mut found = false;
        for shorter in shorter(&history, place) {
            tries += 1;
            if let Err(still) = runtime.block_on(play(&shorter, rules)) {
                (history, why, found) = (shorter, still, true);
                break;
            }
        }
        if !found {
            place += 1;
        }
    }
    (history, why)
}

/// The history with less in one place.
fn shorter(history: &History, place: usize) -> Vec<History> {
    let mut without = history.clone();
    let step = without.steps.remove(place);
    let with = |step: Step| {
        let mut history = history.clone();
        history.steps[place] = step;
        history
    };
    let mut all = vec![without];
    match step {
        Step::Pass(mode, end) if end != Stop::Not => {
            all.push(with(Step::Pass(mode, Stop::Not)));
        }
        Step::Churn(mut churn) if churn.count > 1 => {
            churn.count /= 2;
            all.push(with(Step::Churn(churn)));
        }
        _ => {}
    }
    all
}

//! The files that histories begin with: one that holds nothing yet, and one for each account that was mirrored before.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{LazyLock, Mutex};
use std::time::Duration;

use chatmirror::clock::Clock;
use chatmirror::plan::{Mode, Rules};
use chatmirror::simulator::Ties;
use chatmirror::store::Store;

use super::ground::Ground;
use super::history::Stop;
use super::play::Scene;
use crate::support::noon;

/// Made once each, by the number of the ground.
static FILES: LazyLock<Mutex<HashMap<Option<u64>, Vec<u8>>>> = LazyLock::new(Mutex::default);

/// What the history's file holds at its beginning.
pub async fn first(ground: &Ground) -> Vec<u8> {
    match ground.standing {
        Some(number) => standing(number, ground).await,
        None => empty().await,
    }
}

async fn empty() -> Vec<u8> {
    if let Some(file) = FILES.lock().unwrap().get(&None) {
        return file.clone();
    }
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror.db");
    Store::open(&path).await.unwrap().close().await;
    keep(None, &path)
}

async fn standing(number: u64, ground: &Ground) -> Vec<u8> {
    if let Some(file) = FILES.lock().unwrap().get(&Some(number)) {
        return file.clone();
    }
    let mut ground = ground.clone();
    ground.ceiling = 0;
    ground.options.requests_per_minute = None;
    ground.options.jitter = Duration::ZERO;
    ground.options.ties = Ties::ById;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror.db");
    std::fs::write(&path, empty().await).unwrap();
    let clock = Clock::simulated(noon().plus(Duration::from_mins(10)));
    let mut scene = Scene::at(&ground, clock, Rules::default(), path.clone(), dir).await;
    for mode in [Mode::Backfill, Mode::Incremental] {
        let outcome = scene.pass(mode, Stop::Not, false).await;
        assert!(matches!(outcome, Ok(Some(Ok(_)))), "{outcome:?}");
        scene.wait(Duration::from_mins(10));
    }
    scene.close().await;
    keep(Some(number), &path)
}

fn keep(key: Option<u64>, path: &Path) -> Vec<u8> {
    let file = std::fs::read(path).unwrap();
    FILES.lock().unwrap().insert(key, file.clone());
    file
}

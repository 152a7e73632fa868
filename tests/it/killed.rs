//! `kill -9` anywhere in a backfill, again and again: the end is the same, and little is fetched twice.

use std::collections::HashSet;
use std::process::{Child, Stdio};
use std::time::Duration;

use chatmirror::simulator::Options;

use crate::support::{World, account, dump, truth};

const KILLS: u64 = 20;

fn backfill(world: &World) -> Child {
    world
        .program(&["sync", "--backfill", "--quiet"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

async fn world() -> World {
    let options = Options {
        latency: Duration::from_millis(1),
        ..Options::default()
    };
    let world = World::real(account(500, 14_000, 3), options).await;
    world.write_config("max_in_flight = 1");
    world
}

/// What a backfill cost.
struct Cost {
    requests: u64,
    /// Requests for a page that had been asked for before.
    repeated: u64,
}

impl Cost {
    fn of(world: &World) -> Self {
        let targets: Vec<String> = world
            .simulator
            .requests()
            .into_iter()
            .map(|request| request.target)
            .collect();
        let distinct: HashSet<&String> = targets.iter().collect();
        let requests = targets.len() as u64;
        Self {
            requests,
            repeated: requests - distinct.len() as u64,
        }
    }
}

/// Lets a backfill run undisturbed.
async fn undisturbed() -> Cost {
    let world = world().await;
    let mut child = backfill(&world);
    let status = tokio::task::spawn_blocking(move || child.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success(), "{status}");
    Cost::of(&world)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_killed_twenty_times_ends_the_same_and_fetches_at_most_a_page_twice_each_time() {
    let needed = undisturbed().await;
    let world = world().await;
    for kill in 1..=KILLS {
        let mut child = backfill(&world);
        let enough = needed.requests * kill / (KILLS + 1);
        while world.simulator.request_count() < enough {
            assert!(
                child.try_wait().unwrap().is_none(),
                "the backfill ended before kill {kill}"
            );
            tokio::task::yield_now().await;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let sound = dump::value(&world.database(), "pragma integrity_check").await;
        assert_eq!(sound, "ok");
    }
    let mut child = backfill(&world);
    let status = tokio::task::spawn_blocking(move || child.wait())
        .await
        .unwrap()
        .unwrap();
    assert!(status.success(), "{status}");
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
    let made = Cost::of(&world);
    let (repeated, more) = (
        made.repeated - needed.repeated,
        made.requests - needed.requests,
    );
    assert!(repeated <= KILLS, "{repeated} pages were fetched twice");
    // Where pages abut, a walk that goes on begins inside the last page it has: at most as much again.
    assert!(
        more <= 2 * KILLS,
        "{more} requests more than without a kill"
    );
    println!(
        "{KILLS} kills: {repeated} pages fetched twice, {more} requests more than the {} needed",
        needed.requests
    );
}

//! Care of the file: room given back, a copy taken while the daemon runs, and what a copy is worth.

use std::process::Command;

use chatmirror::simulator::Options;

use crate::service::{catches_up, something_new, stops, world};
use crate::support::program::{Running, ended, integrity};
use crate::support::{World, account, dump, truth};

#[tokio::test(flavor = "multi_thread")]
async fn compacting_gives_room_back_and_changes_nothing() {
    let world = World::real(account(30, 3000, 5), Options::default()).await;
    assert_eq!(ended(world.program(&["sync", "--backfill"])).await.code, 0);
    let size = || world.database().metadata().unwrap().len();
    dump::execute(&world.database(), "delete from changes").await;
    let before = size();
    let compacted = ended(world.program(&["compact", "--json"])).await;
    assert_eq!(compacted.code, 0, "{compacted:?}");
    assert!(size() < before * 9 / 10, "{} of {before}", size());
    assert_eq!(compacted.json()["after"]["database"], size());
    assert_eq!(integrity(&world.database()).await, "ok");
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_or_is_held_is_not_compacted() {
    let world = world(3, 20, 0).await;
    let missing = ended(world.program(&["compact"])).await;
    assert_eq!(missing.code, 78, "{missing:?}");
    assert!(!world.database().exists());
    let mut daemon = Running::start(&world, world.program(&["run"]));
    catches_up(&world).await;
    let held = ended(world.program(&["compact"])).await;
    assert_eq!(held.code, 75, "{held:?}");
    stops(&world, &mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_taken_while_the_daemon_writes_is_a_mirror_that_goes_on() {
    if Command::new("sqlite3").arg("--version").output().is_err() {
        println!("skipped: the documented way to copy needs the program sqlite3");
        return;
    }
    let world = world(10, 200, 0).await;
    let mut daemon = Running::start(&world, world.program(&["run"]));
    catches_up(&world).await;
    let copy = world.dir().join("copy.db");
    let vacuum = format!("vacuum into '{}'", copy.display());
    let mut sqlite = Command::new("sqlite3");
    sqlite.arg("-readonly").arg(world.database()).arg(vacuum);
    let copied = ended(sqlite).await;
    assert_eq!(copied.code, 0, "{copied:?}");
    something_new(&world.simulator, "Після копії");
    catches_up(&world).await;
    stops(&world, &mut daemon).await;
    // The disk is lost; the copy takes its place, and only what has happened since is asked for.
    std::fs::rename(&copy, world.database()).unwrap();
    let before = world.simulator.request_count();
    let mut daemon = Running::start(&world, world.program(&["run"]));
    catches_up(&world).await;
    stops(&world, &mut daemon).await;
    let asked = world.simulator.request_count() - before;
    assert!(asked < 30, "{asked} requests");
    assert_eq!(integrity(&world.database()).await, "ok");
}

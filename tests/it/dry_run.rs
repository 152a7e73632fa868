//! What `sync --dry-run` says a pass will take is what it takes, near enough; and saying it asks nothing and changes nothing.

use chatmirror::simulator::Options;
use serde_json::{Value, json};

use crate::support::program::ended;
use crate::support::{World, account, dump};

async fn mirrored() -> World {
    let world = World::real(account(60, 900, 5), Options::default()).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let config = config.replace("requests_per_minute = 0", "requests_per_minute = 6000");
    std::fs::write(world.config_path(), config).unwrap();
    assert_eq!(ended(world.program(&["sync", "--backfill"])).await.code, 0);
    world
}

/// What is told of a pass beforehand, and the requests that it then takes.
async fn told_and_taken(world: &World, arguments: &[&str]) -> (Value, u64) {
    let dry = [&["sync", "--dry-run", "--json"], arguments].concat();
    let (told, asked) = world.requests_of(ended(world.program(&dry))).await;
    assert_eq!((told.code, asked), (0, 0), "{told:?}");
    let real = [&["sync"], arguments].concat();
    let (done, asked) = world.requests_of(ended(world.program(&real))).await;
    assert_eq!(done.code, 0, "{done:?}");
    (told.json(), asked)
}

#[track_caller]
fn assert_near(told: &Value, taken: u64) {
    let told = told["requests"].as_u64().unwrap();
    let most = told.max(taken);
    assert!(
        told.abs_diff(taken) * 5 <= most,
        "{told} told, {taken} taken"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pass_that_finds_nothing_takes_what_was_told() {
    let world = mirrored().await;
    let (told, taken) = told_and_taken(&world, &[]).await;
    assert_eq!((told["requests"].as_u64(), taken), (Some(2), 2), "{told}");
    assert_eq!(told["requests_per_minute"], 6000);
    assert_eq!(told["minutes"], 1);
    assert!(told["ends_at"].is_string());
    assert_eq!(told["audit"], json!(null));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_takes_about_what_was_told() {
    let world = mirrored().await;
    let (told, taken) = told_and_taken(&world, &["--backfill"]).await;
    assert_near(&told, taken);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_is_told_with_the_chats_that_it_reads_again() {
    let world = mirrored().await;
    let long_ago = "update chat_sync set read_at = '2024-01-01 00:00:00.000'";
    dump::execute(&world.database(), long_ago).await;
    let (told, taken) = told_and_taken(&world, &["--reconcile"]).await;
    assert_eq!(told["audit"]["chats"], 60, "{told}");
    assert_near(&told, taken);
    let in_words = ended(world.program(&["sync", "--dry-run", "--reconcile"])).await;
    assert!(in_words.out.contains("read 0 chats again"), "{in_words:?}");
    assert!(
        in_words.out.contains("begun now, it ends about"),
        "{in_words:?}"
    );
}

//! What could not be read is kept and told, and read again when somebody asks for it; what no column is meant for is noted, and told once.

use std::time::Duration;

use chatmirror::config::Config;
use chatmirror::daemon::Mirror;
use chatmirror::plan::Mode;
use chatmirror::simulator::{Account, Damage, Fault, Mutation, Options, Speaker, Target};

use crate::service::always;
use crate::support::program::{Ended, ended};
use crate::support::{World, account, dump, truth};

const UNREAD: &str = "select count(*) from rejects where resolved_at is null";

async fn sync(world: &World, more: &[&str]) -> Ended {
    ended(world.program(&[&["sync"], more].concat())).await
}

fn spoil(world: &World, target: Target, id: i64, damage: Damage) {
    let id = Some(id);
    always(world, target, Fault::BadItem { id, damage });
}

/// The mirror lacks what could not be read and says so; a pass like any other does not look again, one that is asked to does.
async fn is_read_again(world: &World) {
    let told = sync(world, &["--backfill"]).await;
    assert_eq!(told.code, 65, "{told:?}");
    // It is looked at twice, for it may have been a slip.
    world.clock.advance(Duration::from_mins(1));
    sync(world, &[]).await;
    assert_eq!(dump::value(&world.database(), UNREAD).await, 1);
    let status = ended(world.program(&["status"])).await;
    let words = "set aside 1 item that could not be read";
    assert!(status.out.contains(words), "{status:?}");

    world.simulator.clear_faults();
    world.clock.advance(Duration::from_mins(1));
    sync(world, &[]).await;
    assert_eq!(dump::value(&world.database(), UNREAD).await, 1);
    let told = sync(world, &["--retry-rejects"]).await;
    assert_eq!(told.code, 0, "{told:?}");
    assert_eq!(dump::value(&world.database(), UNREAD).await, 0);
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_could_not_be_read_is_read_again() {
    let world = World::new(account(30, 300, 5), Options::default()).await;
    let message = |account: &Account| account.chats.values().next().unwrap().messages[0].id;
    let message = world.simulator.account(message);
    spoil(&world, Target::Messages, message, Damage::NotAnObject);
    is_read_again(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_could_not_be_read_is_read_again() {
    for damage in [Damage::GarbledTime, Damage::NoId] {
        let world = World::new(account(90, 300, 5), Options::default()).await;
        let chat = |account: &Account| *account.chats.keys().nth(7).unwrap();
        let chat = world.simulator.account(chat);
        // In one list: the other shows it, and it is known all the same.
        spoil(&world, Target::ChatsWithoutState, chat, damage);
        is_read_again(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_column_is_meant_for_is_noted_with_an_example_and_told_once() {
    let world = World::real(account(30, 300, 5), Options::default()).await;
    let told = sync(&world, &["--backfill", "-v"]).await;
    let rows = dump::query(&world.database(), "select * from schema_drift").await;
    assert!(rows.len() > 3, "{rows:?}");
    for row in &rows {
        assert!(row["example"].is_string() && row["count"] != 0, "{row:?}");
        let (path, kind) = (
            row["path"].as_str().unwrap(),
            row["json_type"].as_str().unwrap(),
        );
        let line = format!("path=\"{path}\" json_type=\"{kind}\"");
        assert_eq!(told.err.matches(&line).count(), 1, "{line}: {}", told.err);
    }
    let told = sync(&world, &["--backfill", "-v"]).await;
    assert!(!told.err.contains("json_type"), "{told:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn lines_of_changes_are_kept_for_as_long_as_they_are_to_be() {
    let world = World::new(account(8, 40, 5), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    world.clock.advance(Duration::from_hours(3 * 24));
    let chat = |account: &Account| *account.chats.keys().next().unwrap();
    let chat = world.simulator.account(chat);
    let news = Mutation::say(chat, Speaker::Contact, "Добрий день!");
    let message = world.simulator.apply(news).unwrap();
    world.pass(Mode::Incremental).await.unwrap();
    let token = world.simulator.options().token.into();
    let mirror = Mirror::open(&world.config, token, world.clock.clone())
        .await
        .unwrap();
    let lines = "select count(*) from changes";
    let before = dump::value(&world.database(), lines).await;
    let keep = |text: &str| Config::parse(text).unwrap().changes;
    mirror.tidy(keep("")).await.unwrap();
    assert_eq!(dump::value(&world.database(), lines).await, before);
    mirror
        .tidy(keep("[changes]\nkeep_days = 2\n"))
        .await
        .unwrap();
    let left = "select group_concat(distinct table_name || ' ' || row_id) from changes where table_name = 'messages'";
    let left = dump::value(&world.database(), left).await;
    assert_eq!(left, format!("messages {message}"));
    mirror.close().await;
}

//! Traps around what the source has no longer: it must be called deleted in the end, whatever else goes on.

use std::time::Duration;

use chatmirror::daemon::Order;
use chatmirror::plan::Mode;
use chatmirror::simulator::{Mutation, Options};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::traps::{by_change, longest, mirrored, say};
use crate::support::{World, dump};

/// A message that the source no longer lists, and its chat. Nothing tells of it.
fn erased(world: &World) -> (i64, i64) {
    let (chat, message) = world.simulator.account(longest);
    world
        .simulator
        .apply(Mutation::EraseMessage { chat, message });
    (chat, message)
}

async fn is_deleted(world: &World, table: &str, id: i64) -> bool {
    let deleted = format!("select deleted_at from {table} where id = {id}");
    !dump::value(&world.database(), &deleted).await.is_null()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_vanished_does_not_wait_for_the_account_to_go_quiet() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    world
        .simulator
        .apply(Mutation::DeleteChat { chat: chats[80] });
    for (place, chat) in chats[..8].iter().enumerate() {
        world.clock.advance(Duration::from_secs(5));
        // Never settled when the next pass begins, as in an account that changes all the time.
        world.simulator.apply(say(*chat));
        let mode = if place == 0 {
            Mode::Reconcile
        } else {
            Mode::Incremental
        };
        let order = Order {
            settled_only: true,
            ..Order::from(mode)
        };
        world
            .carry_out(order, &CancellationToken::new())
            .await
            .unwrap();
    }
    assert!(is_deleted(&world, "chats", chats[80]).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_and_then_its_chat() {
    let world = mirrored(Options::default()).await;
    let (chat, message) = erased(&world);
    world.pass(Mode::Backfill).await.unwrap();
    world.simulator.apply(Mutation::DeleteChat { chat });
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(5));
        world.pass(Mode::Reconcile).await.unwrap();
    }
    assert!(is_deleted(&world, "chats", chat).await);
    assert!(is_deleted(&world, "messages", message).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_message_is_looked_for_again_until_it_is_decided() {
    let world = mirrored(Options::default()).await;
    let (chat, message) = erased(&world);
    world.pass(Mode::Backfill).await.unwrap();
    // In the same second: it cannot be told from the look before.
    world.pass(Mode::Incremental).await.unwrap();
    world.clock.advance(Duration::from_secs(5));
    world.pass(Mode::Incremental).await.unwrap();
    assert!(is_deleted(&world, "messages", message).await);
    let owed = format!("select owed from chat_sync where chat_id = {chat}");
    assert_eq!(dump::value(&world.database(), &owed).await, json!(null));
}

//! Traps around what the source has no longer: it must be called deleted in the end, whatever else goes on.

use std::time::Duration;

use chatmirror::daemon::Order;
use chatmirror::plan::Mode;
use chatmirror::simulator::{
    Account, Damage, Fault, FaultRule, Hook, Mutation, Occasion, Options, Target,
};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::traps::{by_change, longest, mirrored, say, settle};
use crate::service::always;
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

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_message_is_not_forgotten_over_an_item_that_may_be_it() {
    let world = mirrored(Options::default()).await;
    let (chat, message) = world.simulator.account(|account| {
        let mut chats = account.chats.values();
        let short = chats.find(|chat| (6..15).contains(&chat.messages.len()));
        short.map(|chat| (chat.id, chat.messages[0].id)).unwrap()
    });
    world
        .simulator
        .apply(Mutation::EraseMessage { chat, message });
    world.pass(Mode::Backfill).await.unwrap();
    let hidden = Fault::BadItem {
        id: None,
        damage: Damage::NoId,
    };
    always(&world, Target::MessagesOf(chat), hidden);
    for _ in 0..4 {
        world.clock.advance(Duration::from_secs(5));
        world.pass(Mode::Incremental).await.unwrap();
    }
    assert!(!is_deleted(&world, "messages", message).await);
    let asked = world.simulator.request_count();
    world.clock.advance(Duration::from_secs(5));
    world.pass(Mode::Incremental).await.unwrap();
    assert_eq!(world.simulator.request_count() - asked, 2);
    world.simulator.clear_faults();
    world.clock.advance(Duration::from_hours(1));
    world.pass(Mode::Incremental).await.unwrap();
    assert!(is_deleted(&world, "messages", message).await);
    settle(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_answer_that_comes_late_takes_no_message_back() {
    let mut world = mirrored(Options::default()).await;
    world.config.source.max_in_flight = 2;
    let short = |account: &Account| {
        let chats = account.chats.values();
        let short = chats.filter(|chat| (1..15).contains(&chat.messages.len()));
        short.map(|chat| chat.id).take(3).collect::<Vec<_>>()
    };
    let [into, other, from] = world.simulator.account(short)[..] else {
        panic!("three chats")
    };
    // The last that changed is read first.
    for chat in [into, other, from] {
        world.clock.advance(Duration::from_secs(2));
        world.simulator.apply(say(chat));
    }
    world.simulator.when_served(Hook {
        page: None,
        ..Hook::after(
            Target::MessagesOf(from),
            1,
            vec![Mutation::Merge { from, into }],
        )
    });
    world.simulator.fault(FaultRule {
        target: Target::MessagesOf(from),
        fault: Fault::Stall(Some(Duration::from_millis(500))),
        occasion: Occasion::Next(1),
    });
    world.clock.advance(Duration::from_secs(5));
    world.pass(Mode::Incremental).await.unwrap();
    let moves = "select row_id, count(*) as moves from changes
                 where table_name = 'messages' and json_type(before, '$.chat_id') is not null group by row_id";
    let moves = dump::query(&world.database(), moves).await;
    assert!(!moves.is_empty());
    assert!(moves.iter().all(|line| line["moves"] == 1), "{moves:?}");
    settle(&world, 2).await;
}

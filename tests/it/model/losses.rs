//! Traps around sudden losses of messages: what may be the platform's fault is not called deleted before it has lasted for a day.

use std::time::Duration;

use chatmirror::daemon::Order;
use chatmirror::plan::Mode;
use chatmirror::simulator::{Account, Fault, Mutation, Options, Target};
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::traps::{by_change, longest, mirrored, say, settle};
use crate::service::{always, stored};
use crate::support::{World, dump};

/// More chats than may lose most of their messages within a day.
const MANY: usize = 12;

/// Chats with messages, the latest change first.
fn talkative(account: &Account) -> Vec<i64> {
    let mut chats = by_change(account);
    chats.retain(|chat| !account.chats[chat].messages.is_empty());
    chats
}

/// The source has none of the chat's messages any more. Nothing tells of it.
fn empty(world: &World, chat: i64) {
    lose(world, chat, 1);
}

/// The source has one in so many of the chat's messages no more, the oldest of them.
fn lose(world: &World, chat: i64, one_in: usize) {
    let messages: Vec<i64> = world.simulator.account(|account| {
        let messages = &account.chats[&chat].messages;
        let messages = messages[..messages.len() / one_in].iter();
        messages.map(|message| message.id).collect()
    });
    for message in messages {
        world
            .simulator
            .apply(Mutation::EraseMessage { chat, message });
    }
}

/// A world in which so many chats are empty of late, and were missed once.
async fn emptied(chats: usize) -> World {
    let world = mirrored(Options::default()).await;
    for chat in &world.simulator.account(talkative)[..chats] {
        empty(&world, *chat);
    }
    world.pass(Mode::Backfill).await.unwrap();
    assert_eq!(deleted(&world).await, 0);
    world
}

async fn passes(world: &World, count: usize) {
    for _ in 0..count {
        world.clock.advance(Duration::from_secs(5));
        world.pass(Mode::Incremental).await.unwrap();
    }
}

async fn number(world: &World, question: &str) -> usize {
    usize::try_from(stored(world, question).await).unwrap()
}

/// Chats with a message that is called deleted, but for those that a person has deleted.
async fn deleted(world: &World) -> usize {
    let chats = "select count(distinct chat_id) from messages where deleted_at > missing_since";
    number(world, chats).await
}

async fn doubted(world: &World) -> usize {
    number(
        world,
        "select count(*) from coverage where owed = 'doubted'",
    )
    .await
}

async fn accept(world: &World, mode: Mode) {
    let order = Order {
        accept_deletions: true,
        ..Order::from(mode)
    };
    let never = CancellationToken::new();
    world.carry_out(order, &never).await.unwrap();
}

fn lists_show_nothing(world: &World) {
    always(world, Target::Messages, Fault::NothingListed);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_platform_hides_for_a_while_is_not_called_deleted() {
    let world = mirrored(Options::default()).await;
    lists_show_nothing(&world);
    let chats = world.simulator.account(talkative);
    for chat in &chats[..MANY] {
        world.simulator.apply(say(*chat));
    }
    passes(&world, 5).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (0, MANY));
    world.simulator.clear_faults();
    world.clock.advance(Duration::from_hours(1));
    settle(&world, 1).await;
    assert_eq!(doubted(&world).await, 0);
    let missing =
        "select count(*) from messages where missing_since is not null and deleted_at is null";
    assert_eq!(number(&world, missing).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_that_lose_theirs_one_by_one_are_counted_together() {
    let world = mirrored(Options::default()).await;
    lists_show_nothing(&world);
    let chats = world.simulator.account(talkative);
    for chat in &chats[..MANY] {
        world.simulator.apply(say(*chat));
        passes(&world, 3).await;
    }
    // The first five were believed, and are looked at again all the same: also who goes on meanwhile.
    world.simulator.apply(say(chats[0]));
    passes(&world, 2).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (5, MANY));
    world.simulator.clear_faults();
    world.clock.advance(Duration::from_hours(24));
    settle(&world, 1).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_doubted_stays_so_though_others_come_back() {
    let world = mirrored(Options::default()).await;
    lists_show_nothing(&world);
    let chats = world.simulator.account(talkative);
    for chat in &chats[..MANY] {
        world.simulator.apply(say(*chat));
    }
    passes(&world, 2).await;
    world.simulator.clear_faults();
    for chat in &chats[..2] {
        empty(&world, *chat);
    }
    world.clock.advance(Duration::from_hours(1));
    passes(&world, 2).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (0, 2));
    // Much that is missing is little beside what has come since.
    let lost = world
        .simulator
        .account(|account| account.chats[&chats[0]].messages.len());
    assert_eq!(lost, 0);
    for _ in 0..30 {
        world.simulator.apply(say(chats[0]));
    }
    passes(&world, 2).await;
    assert_eq!(deleted(&world).await, 0);
    world.clock.advance(Duration::from_hours(24));
    passes(&world, 1).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (2, 0));
    settle(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_doubted_stays_so_though_more_is_lost_when_others_are_long_ago() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(talkative);
    let longest = world.simulator.account(longest).0;
    let others: Vec<i64> = chats.into_iter().filter(|chat| *chat != longest).collect();
    for chat in &others[..5] {
        empty(&world, *chat);
    }
    world.pass(Mode::Backfill).await.unwrap();
    world.clock.advance(Duration::from_hours(20));
    lose(&world, longest, 2);
    world.pass(Mode::Backfill).await.unwrap();
    world.clock.advance(Duration::from_hours(7));
    lose(&world, longest, 3);
    world.pass(Mode::Backfill).await.unwrap();
    passes(&world, 2).await;
    let deleted = format!(
        "select count(*) from messages where chat_id = {longest} and deleted_at > missing_since"
    );
    assert_eq!(number(&world, &deleted).await, 0);
    world.clock.advance(Duration::from_hours(24));
    settle(&world, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_part_is_much() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(talkative);
    for chat in &chats[..MANY] {
        for _ in 0..30 {
            world.simulator.apply(say(*chat));
        }
    }
    passes(&world, 2).await;
    for chat in &chats[..MANY] {
        lose(&world, *chat, 5);
    }
    world.pass(Mode::Backfill).await.unwrap();
    passes(&world, 2).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (0, MANY));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_really_gone_is_called_deleted_after_a_day() {
    let world = emptied(MANY).await;
    passes(&world, 3).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (0, MANY));
    let freshness = "select owed_chats from freshness";
    assert_eq!(number(&world, freshness).await, 0);
    world.clock.advance(Duration::from_hours(23));
    passes(&world, 1).await;
    assert_eq!(deleted(&world).await, 0);
    world.clock.advance(Duration::from_hours(1));
    passes(&world, 1).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (MANY, 0));
    settle(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn or_as_soon_as_somebody_says_so() {
    let world = emptied(MANY).await;
    passes(&world, 2).await;
    assert_eq!(doubted(&world).await, MANY);
    accept(&world, Mode::Incremental).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (MANY, 0));
    settle(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_is_doubted_what_somebody_has_believed_before() {
    let world = mirrored(Options::default()).await;
    for chat in &world.simulator.account(talkative)[..MANY] {
        empty(&world, *chat);
    }
    accept(&world, Mode::Backfill).await;
    passes(&world, 1).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (MANY, 0));
    settle(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_few_chats_may_lose_everything() {
    let world = emptied(5).await;
    passes(&world, 1).await;
    assert_eq!((deleted(&world).await, doubted(&world).await), (5, 0));
    settle(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_doubted_chat_that_goes_on_is_read_at_once() {
    let world = emptied(MANY).await;
    passes(&world, 2).await;
    let emptied = "select min(chat_id) from coverage where owed = 'doubted'";
    let emptied = dump::value(&world.database(), emptied).await;
    let emptied = emptied.as_i64().unwrap();
    world.simulator.apply(say(emptied));
    passes(&world, 1).await;
    let heard = format!(
        "select count(*) from messages where chat_id = {emptied} and missing_since is null"
    );
    assert_eq!(number(&world, &heard).await, 1);
    let owed = format!("select owed from chat_sync where chat_id = {emptied}");
    let owed: Value = dump::value(&world.database(), &owed).await;
    assert!(
        [json!("unsettled"), json!("doubted")].contains(&owed),
        "{owed}"
    );
    assert_eq!(deleted(&world).await, 0);
}

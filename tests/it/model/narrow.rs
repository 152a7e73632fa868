//! Traps that careful readers of the engine have thought of, and that chance hardly ever sets.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use chatmirror::daemon::Order;
use chatmirror::pass::{Audit, PassError};
use chatmirror::plan::Mode;
use chatmirror::simulator::{
    Account, Cause, ChatOrder, ChatState, Damage, Fault, FaultRule, Hook, Moment, Mutation,
    Occasion, Options, Target, Ties,
};
use chatmirror::store::RunStatus;
use tokio_util::sync::CancellationToken;

use super::traps::{by_change, longest, mirrored, say, settle};
use crate::service::always;
use crate::support::{World, account, dump, noon};

fn unordered() -> Options {
    Options {
        chat_order: ChatOrder::ById,
        ..Options::default()
    }
}

/// A long chat that has only just begun, and is not mirrored.
fn long_chat(world: &World, messages: u64) -> i64 {
    let chat = world.simulator.apply(Mutation::CreateChat).unwrap();
    for age in 1..=messages {
        world.simulator.apply(Mutation::ImportMessage {
            chat,
            created_at: noon().minus(Duration::from_hours(24 * age)),
        });
    }
    chat
}

/// A message of the chat, by its place from the newest.
fn from_newest(world: &World, chat: i64, place: usize) -> i64 {
    let nth = |account: &Account| {
        account.chats[&chat]
            .messages
            .iter()
            .rev()
            .nth(place)
            .unwrap()
            .id
    };
    world.simulator.account(nth)
}

/// Pages of lists of chats, the heads and the counts left out, that a pass asks for.
async fn list_pages_of(world: &World, mode: Mode) -> usize {
    let before = world.simulator.requests().len();
    let _ = world.pass(mode).await;
    let asked = world.simulator.requests().split_off(before);
    let is_page = |target: &str| target.contains("/chats?page=") && !target.contains("page=1&");
    asked
        .iter()
        .filter(|request| is_page(&request.target))
        .count()
}

/// An incremental pass that is told to stop when the source is asked for this.
async fn stopped_at(world: &World, target: &str) {
    let stop = CancellationToken::new();
    let before = world.simulator.requests().len();
    let mut pass = pin!(world.pass_until(Mode::Incremental, &stop));
    let outcome = poll_fn(|context| {
        let requests = world.simulator.requests();
        if requests[before..]
            .iter()
            .any(|asked| asked.target.starts_with(target))
        {
            stop.cancel();
        }
        pass.as_mut().poll(context)
    });
    assert!(outcome.await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_edited_behind_a_walk_that_was_stopped() {
    for later in [Duration::ZERO, Duration::from_mins(1)] {
        let mut options = Options::default();
        options.moved_by.insert(Cause::Edit);
        let world = mirrored(options).await;
        let chat = world.simulator.apply(Mutation::CreateChat).unwrap();
        for age in 1..=70 {
            world.simulator.apply(Mutation::ImportMessage {
                chat,
                created_at: noon().minus(Duration::from_secs(86_400 * age)),
            });
        }
        world.clock.advance(Duration::from_mins(1));
        stopped_at(&world, &format!("/v1/chats/{chat}/messages?page=3&")).await;
        world.clock.advance(later);
        let messages = |account: &Account| account.chats[&chat].messages.clone();
        let message = world
            .simulator
            .account(messages)
            .iter()
            .rev()
            .nth(25)
            .unwrap()
            .id;
        let text = Some("Ні, я передумала".to_owned());
        world.simulator.apply(Mutation::EditMessage {
            chat,
            message,
            text,
        });
        settle(&world, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_update_walk_is_cut_between_two_pages_and_as_many_messages_vanish_as_it_left_unread() {
    let world = mirrored(Options::default()).await;
    let chat = long_chat(&world, 60);
    settle(&world, 1).await;
    let old = from_newest(&world, chat, 5);
    world.clock.advance(Duration::from_mins(1));
    world
        .simulator
        .apply(Mutation::EraseMessage { chat, message: old });
    for _ in 0..21 {
        world.simulator.apply(say(chat));
    }
    world.clock.advance(Duration::from_mins(1));
    stopped_at(
        &world,
        &format!("/v1/chats/{chat}/messages?page=1&limitation=20"),
    )
    .await;
    settle(&world, 3).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_begins_between_the_lists_and_their_counts_where_none_is_closed() {
    let world = World::new(account(25, 100, 5), unordered()).await;
    for chat in world.simulator.account(by_change) {
        world.simulator.apply(Mutation::Reopen { chat });
    }
    world.simulator.when_served(Hook {
        moment: Moment::Before,
        ..Hook::after(
            Target::ChatsInState(ChatState::Closed),
            1,
            vec![Mutation::CreateChat],
        )
    });
    let _ = world.pass(Mode::Backfill).await;
    settle(&world, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_that_has_outgrown_its_page_closes_though_its_chats_trade_places() {
    for seed in 1..=4 {
        let options = Options {
            chat_order: ChatOrder::OldestFirst,
            ties: Ties::Moving,
            seed,
            ..Options::default()
        };
        let world = World::new(account(20, 40, 5), options).await;
        world.pass(Mode::Backfill).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
        world.simulator.apply(Mutation::CreateChat);
        for chat in world.simulator.account(by_change) {
            world.simulator.apply(Mutation::Reopen { chat });
            world.simulator.apply(say(chat));
        }
        world.clock.advance(Duration::from_mins(1));
        let outcome = world.pass(Mode::Incremental).await.unwrap();
        assert_eq!(outcome.status, RunStatus::Complete, "{seed}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sudden_loss_that_is_not_believed_is_looked_at_anew() {
    let world = mirrored(unordered()).await;
    for chat in world.simulator.account(by_change).into_iter().take(30) {
        world.simulator.apply(Mutation::DeleteChat { chat });
    }
    let refused = world.pass(Mode::Reconcile).await;
    assert!(matches!(refused, Err(PassError::TooManyGone { .. })));
    assert!(list_pages_of(&world, Mode::Reconcile).await > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_is_merged_behind_a_backfill_that_goes_on_without_lists() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    let (into, from) = (chats[0], *chats.last().unwrap());
    world.simulator.when_served(Hook {
        page: None,
        ..Hook::after(
            Target::MessagesOf(into),
            1,
            vec![Mutation::Merge { from, into }],
        )
    });
    let moved = |account: &Account| account.chats[&from].messages.iter().map(|one| one.id).max();
    let moved = world.simulator.account(moved).unwrap();
    let deleted = format!("select deleted_at from messages where id = {moved}");
    for _ in 0..3 {
        let _ = world.pass(Mode::Backfill).await;
        assert!(dump::value(&world.database(), &deleted).await.is_null());
        world.clock.advance(Duration::from_secs(5));
    }
    settle(&world, 2).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_cannot_be_read_holds_no_backfill_up() {
    let world = World::new(account(90, 600, 5), Options::default()).await;
    let chat = world.simulator.account(by_change)[3];
    always(&world, Target::MessagesOf(chat), Fault::Status(500));
    for _ in 0..2 {
        world.clock.advance(Duration::from_mins(1));
        assert!(list_pages_of(&world, Mode::Backfill).await > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_that_cannot_be_read_keep_no_others_waiting() {
    let mut world = World::new(account(90, 600, 5), Options::default()).await;
    world.config.source.max_in_flight = 1;
    for chat in &world.simulator.account(by_change)[..6] {
        always(&world, Target::MessagesOf(*chat), Fault::Status(500));
    }
    for _ in 0..2 {
        let _ = world.pass(Mode::Backfill).await;
        world.clock.advance(Duration::from_mins(1));
    }
    let unread = "select count(*) from chat_sync where owed = 'new'";
    assert_eq!(dump::value(&world.database(), unread).await, 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_whose_answers_break_off_keeps_no_others_waiting() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    always(&world, Target::MessagesOf(chats[3]), Fault::Reset);
    for chat in &chats[..9] {
        world.simulator.apply(say(*chat));
    }
    world.clock.advance(Duration::from_mins(1));
    world.pass(Mode::Incremental).await.unwrap();
    let owed = "select count(*) from chat_sync where owed is not null";
    assert_eq!(dump::value(&world.database(), owed).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn news_of_a_chat_that_failed_once_come_before_what_is_only_read_again() {
    let mut world = mirrored(Options::default()).await;
    world.config.source.max_in_flight = 1;
    let chat = world.simulator.account(by_change)[3];
    world.simulator.apply(say(chat));
    world.clock.advance(Duration::from_mins(1));
    world.simulator.fault(FaultRule {
        target: Target::MessagesOf(chat),
        fault: Fault::Status(500),
        occasion: Occasion::Next(4),
    });
    world.pass(Mode::Incremental).await.unwrap();
    dump::execute(
        &world.database(),
        "update chat_sync set owed = 'reread', whole = 1 where owed is null",
    )
    .await;
    let before = world.simulator.requests().len();
    world.pass(Mode::Incremental).await.unwrap();
    let asked = world.simulator.requests().split_off(before);
    let mut asked = asked.iter().map(|request| request.target.as_str());
    let first = asked.find(|target| target.contains("/messages")).unwrap();
    assert!(first.starts_with(&format!("/v1/chats/{chat}/")), "{first}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_can_no_longer_be_read_is_not_called_missing() {
    let world = mirrored(Options::default()).await;
    let (chat, message) = world.simulator.account(longest);
    always(
        &world,
        Target::MessagesOf(chat),
        Fault::BadItem {
            id: Some(message),
            damage: Damage::NoId,
        },
    );
    for _ in 0..3 {
        world.clock.advance(Duration::from_mins(1));
        let _ = world.pass(Mode::Backfill).await;
    }
    let missing = format!("select missing_since from messages where id = {message}");
    assert!(dump::value(&world.database(), &missing).await.is_null());
    let owed = "select count(*) from chat_sync where owed is not null";
    assert_eq!(dump::value(&world.database(), owed).await, 0);
    let uncovered = "select count(*) from coverage where stored is not expected";
    assert_eq!(dump::value(&world.database(), uncovered).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_chat_that_can_no_longer_be_read_is_neither_missing_nor_in_the_way() {
    let world = mirrored(unordered()).await;
    let chat = world.simulator.account(by_change)[3];
    for target in [Target::Chats, Target::Chat(chat)] {
        always(
            &world,
            target,
            Fault::BadItem {
                id: Some(chat),
                damage: Damage::GarbledTime,
            },
        );
    }
    for _ in 0..3 {
        world.clock.advance(Duration::from_mins(1));
        let _ = world.pass(Mode::Reconcile).await;
    }
    let owed = "select count(*) from chat_sync where owed is not null";
    assert_eq!(dump::value(&world.database(), owed).await, 0);
    let missing = "select count(*) from chats where missing_since is not null";
    assert_eq!(dump::value(&world.database(), missing).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_opened_again_below_a_page_of_open_ones_are_open() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    for chat in chats.iter().take(31) {
        world.clock.advance(Duration::from_secs(2));
        world.simulator.apply(Mutation::Reopen { chat: *chat });
        world.simulator.apply(say(*chat));
    }
    settle(&world, 1).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn audits_are_not_spent_on_chats_that_are_gone() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    for chat in &chats[..40] {
        world.simulator.apply(Mutation::DeleteChat { chat: *chat });
    }
    let never = CancellationToken::new();
    for _ in 0..3 {
        world.clock.advance(Duration::from_secs(10));
        let order = Order {
            accept_deletions: true,
            ..Order::from(Mode::Reconcile)
        };
        world.carry_out(order, &never).await.unwrap();
    }
    world.clock.advance(Duration::from_hours(24 * 100));
    let audit = Some(Audit {
        requests: 10_000,
        horizon: Duration::from_hours(24 * 30),
    });
    let order = Order {
        audit,
        ..Order::from(Mode::Incremental)
    };
    let outcome = world.carry_out(order, &never).await.unwrap();
    assert_eq!(outcome.chats_audited, 50);
}

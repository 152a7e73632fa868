//! What changes without a sign is found by reading again, within the horizon and the requests that are given.

use std::future::poll_fn;
use std::pin::pin;
use std::time::Duration;

use chatmirror::daemon::Order;
use chatmirror::pass::{Audit, PassError};
use chatmirror::plan::Mode;
use chatmirror::simulator::{Cause, Mutation, Options};
use tokio_util::sync::CancellationToken;

use crate::support::{World, account, dump, truth};

const DAY: Duration = Duration::from_hours(24);

fn order(requests: u64) -> Order {
    let audit = Some(Audit {
        requests,
        horizon: 30 * DAY,
    });
    Order {
        audit,
        ..Order::from(Mode::Incremental)
    }
}

/// Edits the oldest message of a chat that is longer than a page: nothing at the head tells of it.
fn edit_silently(world: &World) -> i64 {
    let (chat, message) = world.simulator.account(|account| {
        let chat = account
            .chats
            .values()
            .max_by_key(|chat| chat.messages.len())
            .unwrap();
        let message = chat
            .messages
            .iter()
            .find(|message| !message.content.template.is_deleted())
            .unwrap();
        (chat.id, message.id)
    });
    let text = Some("it said something else before".to_owned());
    world
        .simulator
        .apply(Mutation::EditMessage {
            chat,
            message,
            text,
        })
        .unwrap();
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_edit_is_found_within_the_horizon_and_not_before_it() {
    let world = World::new(account(60, 900, 5), Options::default()).await;
    let never = CancellationToken::new();
    world.pass(Mode::Backfill).await.unwrap();
    world.clock.advance(10 * DAY);
    let message = edit_silently(&world);
    world.carry_out(order(10_000), &never).await.unwrap();
    let sql =
        format!("select count(*) from messages where id = {message} and edited_at is not null");
    assert_eq!(
        dump::value(&world.database(), &sql).await,
        0,
        "nothing is due for re-reading yet"
    );

    world.clock.advance(21 * DAY);
    let outcome = world.carry_out(order(10_000), &never).await.unwrap();
    assert_eq!(outcome.rows.audit_findings, 1);
    assert_eq!(outcome.chats_audited, 60);
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;

    let outcome = world.carry_out(order(10_000), &never).await.unwrap();
    assert_eq!(outcome.chats_audited, 0, "everything has just been read");
}

#[tokio::test(flavor = "multi_thread")]
async fn seen_marks_and_deletions_without_a_sign_are_found_too() {
    let mut options = Options::default();
    options.moved_by.retain(|cause| *cause == Cause::Message);
    let world = World::new(account(60, 900, 5), options).await;
    let never = CancellationToken::new();
    world.pass(Mode::Backfill).await.unwrap();
    let changes = world.simulator.account(|account| {
        let mut chats = account
            .chats
            .values()
            .filter(|chat| chat.messages.len() > 3);
        let (one, other) = (chats.next().unwrap(), chats.next().unwrap());
        let unseen = one
            .messages
            .iter()
            .find(|message| message.seen_at.is_none());
        [
            Mutation::MarkSeen {
                chat: one.id,
                message: unseen.unwrap().id,
            },
            Mutation::DeleteMessage {
                chat: other.id,
                message: other.messages[1].id,
            },
        ]
    });
    for change in changes {
        world.simulator.apply(change);
    }
    world.clock.advance(31 * DAY);
    world.pass(Mode::Incremental).await.unwrap();
    let account = world.simulator.account(Clone::clone);
    assert!(
        !truth::differences(&world.database(), &account)
            .await
            .is_empty()
    );
    world.carry_out(order(10_000), &never).await.unwrap();
    truth::assert_equal(&world.database(), &account).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_that_is_stopped_leaves_hardly_anything_owed() {
    let mut world = World::new(account(200, 200, 5), Options::default()).await;
    world.config.source.requests_per_minute = 600;
    world.pass(Mode::Backfill).await.unwrap();
    world.clock.advance(31 * DAY);
    let stop = CancellationToken::new();
    let before = world.simulator.requests().len();
    let mut pass = pin!(world.carry_out(order(10_000), &stop));
    let outcome = poll_fn(|context| {
        let requests = world.simulator.requests();
        let mut asked = requests[before..].iter();
        if asked.any(|request| request.target.contains("/messages")) {
            stop.cancel();
        }
        pass.as_mut().poll(context)
    });
    assert!(matches!(outcome.await, Err(PassError::Stopped)));
    let owed = "select count(*) from chat_sync where owed = 'reread'";
    let owed = dump::value(&world.database(), owed).await.as_i64().unwrap();
    assert!(owed <= 20, "{owed} chats");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_audit_spends_no_more_than_it_is_given_and_a_chat() {
    let world = World::new(account(60, 900, 5), Options::default()).await;
    let never = CancellationToken::new();
    world.pass(Mode::Backfill).await.unwrap();
    world.clock.advance(31 * DAY);
    let (outcome, requests) = world.requests_of(world.carry_out(order(10), &never)).await;
    let longest = world.simulator.account(|account| {
        account
            .chats
            .values()
            .map(|chat| chat.messages.len() / 14 + 2)
            .max()
            .unwrap() as u64
    });
    assert!(outcome.unwrap().chats_audited > 0);
    assert!(requests <= 2 + 10 + 4 * longest, "{requests} requests");
}

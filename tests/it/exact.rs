//! The tables equal the account, row for row and value for value, at the price in requests that is promised.

use chatmirror::plan::Mode;
use chatmirror::simulator::{
    Account, ChatOrder, MessageOrder, Mutation, Options, PastTheEnd, Speaker, TimeFormat,
};
use chatmirror::store::RunStatus;
use std::time::Duration;

use crate::support::{World, account, dump, noon, truth};

const CHATS: usize = 500;
const MESSAGES: usize = 14_000;

/// Backfills the big account as the platform might be, and compares.
async fn backfilled(options: Options) -> World {
    let world = World::new(account(CHATS, MESSAGES, 3), options).await;
    let outcome = world.pass(Mode::Backfill).await.unwrap();
    assert_eq!(outcome.status, RunStatus::Complete, "{outcome:?}");
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
    world
}

macro_rules! platforms {
    ($($name:ident: $options:expr;)*) => {$(
        #[tokio::test(flavor = "multi_thread")]
        async fn $name() {
            backfilled($options).await;
        }
    )*};
}

platforms! {
    newest_first_with_plain_times: Options::default();
    oldest_first_with_rfc3339_in_kyiv: Options {
        chat_order: ChatOrder::OldestFirst,
        message_order: MessageOrder::OldestFirst,
        time_format: TimeFormat::Rfc3339,
        time_zone: chrono_tz::Europe::Kyiv,
        ..Options::default()
    };
    by_id_with_epoch_seconds_and_no_exact_counts: Options {
        chat_order: ChatOrder::ById,
        time_format: TimeFormat::EpochSeconds,
        least_limitation: 2,
        pages_when_empty: 1,
        ..Options::default()
    };
    shuffled_with_epoch_millis_and_last_page_again: Options {
        chat_order: ChatOrder::Shuffled,
        message_order: MessageOrder::OldestFirst,
        time_format: TimeFormat::EpochMillis,
        past_the_end: PastTheEnd::LastPage,
        escaped: true,
        ..Options::default()
    };
    plain_times_far_east_of_greenwich: Options {
        time_zone: chrono_tz::Asia::Tokyo,
        past_the_end: PastTheEnd::Empty,
        ..Options::default()
    };
    where_the_plain_list_holds_only_open_chats: Options { chats_are_union: false, ..Options::default() };
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_new_costs_two_requests_and_writes_only_the_ledger() {
    let world = backfilled(Options::default()).await;
    world.clock.advance(Duration::from_hours(1));
    // What was read in the second of its change is looked at once more, by the first pass after it.
    world.pass(Mode::Incremental).await.unwrap();
    let before = dump::mirror(&world.database()).await;
    let lines = dump::value(&world.database(), "select count(*) from changes").await;
    world.clock.advance(Duration::from_mins(1));
    let (outcome, requests) = world.requests_of(world.pass(Mode::Incremental)).await;
    assert_eq!(outcome.unwrap().status, RunStatus::Complete);
    assert_eq!(requests, 2);
    assert_eq!(dump::mirror(&world.database()).await, before);
    assert_eq!(
        dump::value(&world.database(), "select count(*) from changes").await,
        lines
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn five_changed_chats_cost_seven_requests_and_a_count_for_each_long_one() {
    let world = backfilled(Options::default()).await;
    world.clock.advance(Duration::from_hours(1));
    world.pass(Mode::Incremental).await.unwrap();
    let chats: Vec<i64> = world
        .simulator
        .account(|account| account.chats.keys().copied().step_by(90).take(5).collect());
    for chat in &chats {
        world.simulator.apply(Mutation::say(
            *chat,
            Speaker::Contact,
            "Добрый день, есть новости?",
        ));
    }
    let long = world.simulator.account(|account| {
        chats
            .iter()
            .filter(|chat| account.chats[*chat].messages.len() > 20)
            .count() as u64
    });
    world.clock.advance(Duration::from_mins(1));
    let (outcome, requests) = world.requests_of(world.pass(Mode::Incremental)).await;
    assert_eq!(outcome.unwrap().status, RunStatus::Complete);
    assert_eq!(requests, 2 + 5 + long);
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_chat_costs_its_pages_and_one_count() {
    let world = backfilled(Options::default()).await;
    world.clock.advance(Duration::from_hours(1));
    world.pass(Mode::Incremental).await.unwrap();
    for messages in [95, 99, 119, 199] {
        let chat = world.simulator.apply(Mutation::CreateChat).unwrap();
        for age in 1..=messages {
            world.simulator.apply(Mutation::ImportMessage {
                chat,
                created_at: noon().minus(Duration::from_hours(age)),
            });
        }
        world.clock.advance(Duration::from_mins(1));
        let (outcome, requests) = world.requests_of(world.pass(Mode::Incremental)).await;
        assert_eq!(outcome.unwrap().status, RunStatus::Complete);
        let length = |account: &Account| account.chats[&chat].messages.len() as u64;
        let pages = world.simulator.account(length).div_ceil(20);
        assert_eq!(requests, 2 + pages + 1);
    }
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
}

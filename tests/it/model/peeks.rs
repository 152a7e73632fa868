//! Peeks: news do not wait while a list is walked to its end.

use std::time::Duration;

use chatmirror::daemon::Order;
use chatmirror::plan::Mode;
use chatmirror::simulator::{ChatOrder, ChatState, Hook, Mutation, Options, Request, Target};
use tokio_util::sync::CancellationToken;

use super::traps::{by_change, mirrored, say, settle};
use crate::support::{World, dump};

/// What a pass asks that walks all lists to their end and looks for news after every page.
async fn asked(world: &World) -> Vec<Request> {
    let before = world.simulator.requests().len();
    let order = Order {
        look_every: Some(Duration::ZERO),
        ..Order::from(Mode::Reconcile)
    };
    let never = CancellationToken::new();
    world.carry_out(order, &never).await.unwrap();
    world.simulator.requests().split_off(before)
}

/// The chat's messages are read before the last page of the list is, which `is_further_page` knows from those that peeks read.
#[track_caller]
fn assert_read_meanwhile(asked: &[Request], chat: i64, is_further_page: impl Fn(&str) -> bool) {
    let of_the_chat = format!("/chats/{chat}/messages");
    let read = asked
        .iter()
        .position(|request| request.target.contains(&of_the_chat));
    let end_of_list = asked
        .iter()
        .rposition(|request| is_further_page(&request.target));
    assert!(
        read.unwrap() < end_of_list.unwrap(),
        "{read:?}, {end_of_list:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn news_do_not_wait_for_the_end_of_the_list_of_all_chats() {
    for chat_order in [ChatOrder::NewestFirst, ChatOrder::ById] {
        let world = mirrored(Options {
            chat_order,
            ..Options::default()
        })
        .await;
        let last = *world.simulator.account(by_change).last().unwrap();
        let hook = Hook::after(Target::ChatsWithoutState, 2, vec![say(last)]);
        world.simulator.when_served(hook);
        assert_read_meanwhile(&asked(&world).await, last, |target| {
            let of_others = ["state=open", "selector", "page=1&"];
            target.contains("/chats?") && !of_others.iter().any(|word| target.contains(word))
        });
        settle(&world, 1).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_for_the_end_of_the_list_of_open_ones() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    for chat in &chats[..80] {
        world.simulator.apply(Mutation::Reopen { chat: *chat });
    }
    world.pass(Mode::Reconcile).await.unwrap();
    let next = world.simulator.account(|account| account.next_ids.chat);
    let news = vec![
        say(chats[79]),
        Mutation::Reopen { chat: chats[85] },
        say(chats[85]),
        Mutation::CreateChat,
        Mutation::CreateChat,
        Mutation::Close { chat: next },
    ];
    let open = Target::ChatsInState(ChatState::Open);
    world.simulator.when_served(Hook::after(open, 2, news));
    let asked = asked(&world).await;
    assert_read_meanwhile(&asked, chats[79], |target| {
        target.contains("state=open") && !target.contains("page=1&")
    });
    let open = format!(
        "select group_concat(id) from (select id from chats where state = 'open' and id >= {next} order by id)"
    );
    let last = world
        .simulator
        .account(|account| account.chats.keys().last().copied());
    let last = last.unwrap().to_string();
    assert_eq!(dump::value(&world.database(), &open).await, last);
    settle(&world, 1).await;
}

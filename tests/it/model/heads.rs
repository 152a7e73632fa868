//! Traps at the seams of a walk from the head: what leaves the list just then, and what stands in two pages at once.

use std::time::Duration;

use chatmirror::plan::Mode;
use chatmirror::simulator::{Account, ChatState, Hook, Mutation, Options, Target};

use super::traps::{assert_nothing_missing, by_change, mirrored, say};
use crate::support::{World, dump};

/// News in these chats, a second apart.
fn news(world: &World, chats: &[i64]) {
    for chat in chats {
        world.simulator.apply(say(*chat));
        world.clock.advance(Duration::from_secs(1));
    }
    world.clock.advance(Duration::from_secs(5));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chats_go_between_two_pages_of_an_update_walk() {
    let world = mirrored(Options::default()).await;
    news(&world, &world.simulator.account(by_change)[40..65]);
    let changed = world.simulator.account(by_change);
    let gone = changed[..2].iter();
    let gone = gone.map(|chat| Mutation::DeleteChat { chat: *chat });
    let hook = Hook::after(Target::ChatsWithoutState, 1, gone.collect());
    world.simulator.when_served(hook);
    world.pass(Mode::Incremental).await.unwrap();
    assert_nothing_missing(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_chats_close_between_two_pages_of_the_open_ones() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    for chat in &chats[..45] {
        world.simulator.apply(Mutation::Reopen { chat: *chat });
    }
    news(&world, &chats[..45]);
    world.pass(Mode::Incremental).await.unwrap();
    news(&world, &chats[..25]);
    let changed = world.simulator.account(by_change);
    let closing = changed[..2].iter();
    let closing = closing.map(|chat| Mutation::Close { chat: *chat });
    let list = Target::ChatsInState(ChatState::Open);
    world
        .simulator
        .when_served(Hook::after(list, 1, closing.collect()));
    world.pass(Mode::Incremental).await.unwrap();
    let state = format!("select state from chats where id = {}", changed[20]);
    assert_eq!(dump::value(&world.database(), &state).await, "open");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_messages_go_between_two_pages_and_one_comes_before_the_count() {
    let world = mirrored(Options::default()).await;
    let chat = world.simulator.apply(Mutation::CreateChat).unwrap();
    news(&world, &[chat; 80]);
    world.pass(Mode::Incremental).await.unwrap();
    news(&world, &[chat; 25]);
    let ids = |account: &Account| -> Vec<i64> {
        let messages = account.chats[&chat].messages.iter().rev();
        messages.map(|message| message.id).collect()
    };
    let newest = world.simulator.account(ids);
    let gone = newest[..2].iter();
    let gone = gone.map(|message| Mutation::EraseMessage {
        chat,
        message: *message,
    });
    for (page, changes) in [(1, gone.collect()), (2, vec![say(chat)])] {
        let hook = Hook::after(Target::MessagesOf(chat), page, changes);
        world.simulator.when_served(hook);
    }
    world.pass(Mode::Incremental).await.unwrap();
    let stored = format!("select count(*) from messages where id = {}", newest[20]);
    assert_eq!(dump::value(&world.database(), &stored).await, 1);
}

async fn order(world: &World) -> serde_json::Value {
    let order = "select value->>'chat_order' from source_traits where name = 'source'";
    dump::value(&world.database(), order).await
}

#[tokio::test(flavor = "multi_thread")]
async fn chats_that_come_to_the_head_push_a_walk_down_and_do_not_stop_it() {
    for count in [36, 70] {
        let world = mirrored(Options::default()).await;
        let come = vec![Mutation::CreateChat; count];
        let hook = Hook::after(Target::ChatsWithoutState, 3, come);
        world.simulator.when_served(hook);
        let before = world.simulator.requests().len();
        world.pass(Mode::Reconcile).await.unwrap();
        assert_eq!(order(&world).await, "newest_first", "{count}");
        let asked = world.simulator.requests().split_off(before);
        let first_page = asked
            .iter()
            .filter(|request| request.target == "/v1/chats?page=1&limitation=20");
        // The walk's own, and the closing look's.
        assert_eq!(first_page.count(), 2, "{count}");
        assert_nothing_missing(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mailing_to_many_chats_in_one_second_is_no_sign_of_disorder() {
    let world = mirrored(Options::default()).await;
    let chats = world.simulator.account(by_change);
    for chat in &chats[..60] {
        world.simulator.apply(say(*chat));
    }
    let (outcome, asked) = world.requests_of(world.pass(Mode::Incremental)).await;
    outcome.unwrap();
    assert_eq!(order(&world).await, "newest_first", "{asked} requests");
}

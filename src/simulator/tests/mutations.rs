//! Every mutation does what it says, at the clock's second, and moves what it should.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Desk, Options, Recipe, items};
use crate::simulator::{Cause, ChatState, Content, Mutation, Speaker, Template};

const HOUR: Duration = Duration::from_hours(1);

/// A desk with two chats, an hour after they began.
async fn quiet_desk() -> (Desk, i64, i64) {
    let desk = Desk::with_chats(2).await;
    desk.clock.advance(HOUR);
    let ids = desk.chat_ids();
    (desk, ids[0], ids[1])
}

#[tokio::test]
async fn a_new_message_moves_its_chat_to_the_head() {
    let (desk, chat, other) = quiet_desk().await;
    assert_eq!(desk.get("/chats").await.ids(), [other, chat]);
    let said = Mutation::say(chat, Speaker::Operator, "Вітаю!");
    let id = desk.simulator.apply(said).unwrap();
    assert_eq!(desk.get("/chats").await.ids(), [chat, other]);
    assert_eq!(desk.updated_at(chat), desk.clock.now().second());
    let page = desk.get(&format!("/chats/{chat}/messages")).await.json();
    assert_eq!(super::id(&items(&page)[0]), id);
    assert_eq!(
        items(&page)[0]["content"]["resource"]["parameters"]["content"],
        "Вітаю!"
    );
    assert_eq!(items(&page)[0]["sender"]["type"], "operator");
}

#[tokio::test]
async fn a_customer_s_message_is_unread_at_its_gate() {
    let (desk, chat, _) = quiet_desk().await;
    let unread = || {
        let sum = |account: &crate::simulator::Account| {
            account.chats[&chat]
                .gates
                .iter()
                .map(|gate| gate.unread_messages)
                .sum::<i64>()
        };
        desk.simulator.account(sum)
    };
    let before = unread();
    desk.simulator
        .apply(Mutation::say(chat, Speaker::Contact, "?"))
        .unwrap();
    assert_eq!(unread(), before + 1);
    desk.simulator
        .apply(Mutation::say(chat, Speaker::Bot, "!"))
        .unwrap();
    assert_eq!(unread(), before + 1);
}

#[tokio::test]
async fn messages_with_equal_and_with_old_times_find_their_place() {
    let (desk, chat, _) = quiet_desk().await;
    let first = desk.messages(chat)[0].clone();
    let twin = desk
        .simulator
        .apply(Mutation::SameSecondMessage { chat })
        .unwrap();
    let created_at = first.created_at.minus(HOUR);
    let old = desk
        .simulator
        .apply(Mutation::ImportMessage { chat, created_at })
        .unwrap();
    let messages = desk.messages(chat);
    let ids: Vec<i64> = messages.iter().map(|message| message.id).collect();
    assert_eq!(ids, [old, first.id, twin]);
    assert!(old > twin);
    assert_eq!(messages[2].created_at, first.created_at);
    assert_eq!(messages[0].created_at, created_at);
    assert_eq!(messages[0].arrived_at, desk.clock.now().second());
    assert_eq!(desk.updated_at(chat), desk.clock.now().second());
}

#[tokio::test]
async fn edits_deletions_and_seen_marks_move_nothing_by_themselves() {
    let (desk, chat, _) = quiet_desk().await;
    let message = desk.messages(chat)[0].id;
    let before = desk.updated_at(chat);
    let now = desk.clock.now().second();
    let words = Mutation::NewMessage {
        chat,
        from: Speaker::Contact,
        content: Some(Content::text("old")),
    };
    desk.simulator
        .change_options(|options| options.moved_by.clear());
    let second = desk.simulator.apply(words).unwrap();
    let text = Some("new".to_owned());
    desk.simulator
        .apply(Mutation::EditMessage {
            chat,
            message: second,
            text,
        })
        .unwrap();
    desk.simulator
        .apply(Mutation::MarkSeen {
            chat,
            message: second,
        })
        .unwrap();
    let edited = desk.messages(chat)[1].clone();
    assert_eq!(edited.content.template, Template::Text("new".to_owned()));
    assert_eq!((edited.edited_at, edited.seen_at), (Some(now), Some(now)));

    desk.simulator
        .apply(Mutation::DeleteMessage {
            chat,
            message: second,
        })
        .unwrap();
    assert_eq!(
        desk.simulator.apply(Mutation::DeleteMessage {
            chat,
            message: second
        }),
        None
    );
    let page = desk.get(&format!("/chats/{chat}/messages")).await.json();
    let content = &items(&page)[0]["content"];
    assert_eq!(content["type"], "transient");
    let parameters = &content["resource"]["parameters"];
    assert_eq!(parameters["original"]["type"], "text");
    assert_eq!(
        parameters["original"]["resource"]["parameters"]["content"],
        "new"
    );
    assert_eq!(parameters["context"]["timestamp"], "2026-02-25 07:15:02");

    desk.simulator
        .apply(Mutation::EraseMessage { chat, message })
        .unwrap();
    assert_eq!(desk.messages(chat).len(), 1);
    assert_eq!(desk.updated_at(chat), before);
}

#[tokio::test]
async fn each_cause_moves_the_chat_if_told_so() {
    let (desk, chat, _) = quiet_desk().await;
    let message = desk.messages(chat)[0].id;
    let text = Some("x".to_owned());
    let changes = [
        (Cause::State, Mutation::Close { chat }),
        (
            Cause::Edit,
            Mutation::EditMessage {
                chat,
                message,
                text,
            },
        ),
        (Cause::Seen, Mutation::MarkSeen { chat, message }),
        (Cause::Details, Mutation::Rename { chat, name: None }),
        (Cause::Deletion, Mutation::DeleteMessage { chat, message }),
        (Cause::Deletion, Mutation::EraseMessage { chat, message }),
        (Cause::Message, Mutation::say(chat, Speaker::Contact, "y")),
    ];
    for (cause, change) in changes {
        desk.clock.advance(HOUR);
        desk.simulator
            .change_options(|options| options.moved_by = BTreeSet::from([cause]));
        desk.simulator.apply(change.clone()).unwrap();
        assert_eq!(
            desk.updated_at(chat),
            desk.clock.now().second(),
            "{change:?}"
        );
    }
}

#[tokio::test]
async fn chats_close_reopen_vanish_and_merge() {
    let (desk, chat, other) = quiet_desk().await;
    let apply = |mutation| desk.simulator.apply(mutation);
    assert_eq!(apply(Mutation::Reopen { chat }), None);
    apply(Mutation::Close { chat }).unwrap();
    assert_eq!(desk.state(chat), ChatState::Closed);
    apply(Mutation::Reopen { chat }).unwrap();
    assert_eq!(desk.get("/chats?state=open").await.ids().len(), 2);

    let moved = desk.messages(chat);
    let kept = desk.messages(other);
    assert_eq!(
        apply(Mutation::Merge {
            from: chat,
            into: chat
        }),
        None
    );
    apply(Mutation::Merge {
        from: chat,
        into: other,
    })
    .unwrap();
    assert_eq!(desk.messages(other), [moved, kept].concat());
    assert_eq!(desk.updated_at(other), desk.clock.now().second());
    assert_eq!(desk.get(&format!("/chats/{chat}")).await.status, 404);
    assert_eq!(desk.get("/chats").await.ids(), [other]);

    apply(Mutation::DeleteChat { chat: other }).unwrap();
    assert!(desk.get("/chats").await.ids().is_empty());
    assert_eq!(
        desk.get(&format!("/chats/{other}/messages")).await.status,
        404
    );
    assert_eq!(apply(Mutation::DeleteChat { chat: other }), None);
    assert!(desk.get("/contacts").await.ids().is_empty());
}

#[tokio::test]
async fn the_past_is_kept_on_demand() {
    let (desk, chat, _) = quiet_desk().await;
    let name = |name: &str| Mutation::Rename {
        chat,
        name: Some(name.to_owned()),
    };
    desk.simulator.apply(name("one"));
    assert!(desk.simulator.past().is_empty());
    desk.simulator
        .change_options(|options| options.keep_past = true);
    desk.simulator.apply(name("two"));
    desk.simulator.apply(Mutation::DeleteChat { chat });
    let past = desk.simulator.past();
    let names: Vec<&str> = past.iter().map(|(_, chat)| chat.name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
}

#[tokio::test]
async fn gates_come_go_and_count() {
    let (desk, chat, _) = quiet_desk().await;
    let gates = async || desk.get(&format!("/chats/{chat}")).await.json()["gates"].clone();
    let before = gates().await.as_array().unwrap().len();
    let gate = desk.simulator.apply(Mutation::AddGate { chat }).unwrap();
    desk.simulator
        .apply(Mutation::SetUnread {
            chat,
            gate,
            unread: 77,
        })
        .unwrap();
    let shown = gates().await;
    assert_eq!(shown.as_array().unwrap().len(), before + 1);
    assert_eq!(shown[before]["unreadMessages"], 77);
    assert!(shown[before]["channel"]["id"].is_number());
    desk.simulator
        .apply(Mutation::RemoveGate { chat, gate })
        .unwrap();
    assert_eq!(gates().await.as_array().unwrap().len(), before);
    assert_eq!(
        desk.simulator.apply(Mutation::RemoveGate { chat, gate }),
        None
    );
}

#[tokio::test]
async fn what_is_invented_later_is_as_odd_as_the_account() {
    for oddities in [true, false] {
        let recipe = Recipe {
            oddities,
            ..Recipe::default()
        };
        let newest = recipe.account().next_ids.message;
        let desk = Desk::open(recipe.account(), Options::default()).await;
        desk.simulator.churn(2000, &mut fastrand::Rng::with_seed(1));
        let odd = desk.simulator.account(|account| {
            let new = account
                .messages()
                .filter(|(_, message)| message.id >= newest);
            new.filter(|(_, message)| message.ids_as_text).count()
        });
        assert_eq!(odd > 0, oddities);
    }
}

#[tokio::test]
async fn random_mutations_are_of_every_kind_and_mostly_apply() {
    let desk = Desk::open(super::big_account(), super::Options::default()).await;
    let mut rng = fastrand::Rng::with_seed(3);
    let mut kinds = BTreeSet::new();
    let mut applied = 0;
    for _ in 0..4000 {
        let mutation = desk
            .simulator
            .account(|account| Mutation::random(&mut rng, account));
        let text = format!("{mutation:?}");
        kinds.insert(text.split([' ', '{']).next().unwrap().to_owned());
        applied += usize::from(desk.simulator.apply(mutation).is_some());
    }
    assert_eq!(kinds.len(), 16, "{kinds:?}");
    assert!(applied > 3800, "{applied}");
    let chats = desk.chat_ids().len();
    assert!(chats > 200, "the account dries up: {chats}");
}

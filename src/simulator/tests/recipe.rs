//! Recipes: the same seed gives the same account, and an account has all that a mirror must survive.

use std::collections::{BTreeMap, BTreeSet};

use super::{Desk, Options, big_account};
use crate::simulator::{Account, Recipe, SenderKind, Template};

#[test]
fn a_seed_is_an_account() {
    assert_eq!(big_account(), big_account());
    let other = Recipe {
        seed: 2,
        ..Recipe::default()
    };
    assert_ne!(big_account(), other.account());
}

#[test]
fn the_numbers_are_those_asked_for() {
    for (chats, messages) in [
        (0, 0),
        (1, 0),
        (0, 5),
        (1, 50),
        (3, 2),
        (50, 40),
        (300, 8000),
    ] {
        let recipe = Recipe {
            chats,
            messages,
            ..Recipe::default()
        };
        let account = recipe.account();
        assert_eq!(account.chats.len(), chats);
        let expected = if chats == 0 { 0 } else { messages };
        assert_eq!(account.message_count(), expected, "{chats} chats");
    }
}

#[test]
fn lengths_are_skewed_and_the_edges_are_there() {
    let recipe = Recipe {
        chats: 1000,
        messages: 27_000,
        ..Recipe::default()
    };
    let account = recipe.account();
    let lengths: Vec<usize> = account
        .chats
        .values()
        .map(|chat| chat.messages.len())
        .collect();
    let count = |wanted: fn(&usize) -> bool| lengths.iter().filter(|length| wanted(length)).count();
    assert!(count(|length| *length == 0) >= 2);
    assert!(count(|length| *length == 20) >= 2);
    assert!(count(|length| *length == 40) >= 2);
    assert!(count(|length| (1..=20).contains(length)) > 500);
    assert!(count(|length| *length > 200) >= 5);
}

#[test]
fn every_kind_of_content_is_there() {
    let account = big_account();
    let kinds: BTreeSet<String> = account
        .messages()
        .map(|(_, message)| message.content.template.kind().to_owned())
        .collect();
    let expected = [
        "action",
        "animation",
        "audio",
        "contact",
        "file",
        "input",
        "link",
        "location",
        "mediaGroup",
        "missedCall",
        "pendingText",
        "picture",
        "telegramCaptionedPicture",
        "telegramInvoice",
        "telegramSticker",
        "telegramVideoNote",
        "text",
        "transient",
        "video",
        "voice",
    ];
    assert_eq!(kinds, expected.map(str::to_owned).into());
    let has = |wanted: fn(&Template) -> bool| {
        account
            .messages()
            .any(|(_, message)| wanted(&message.content.template))
    };
    let buttons = |(_, message): (_, &super::super::Message)| !message.content.buttons.is_empty();
    assert!(account.messages().any(buttons));
    assert!(has(
        |template| matches!(template, Template::MediaGroup(media) if media.len() > 1)
    ));
    assert!(has(|template| {
        matches!(template, Template::PendingText { replacement, .. } if replacement.is_empty())
    }));
}

#[test]
fn the_oddities_are_there_unless_unwanted() {
    let odd = big_account();
    let senders: BTreeSet<&str> = odd
        .messages()
        .map(|(_, message)| message.sender.kind.as_str())
        .collect();
    assert_eq!(
        senders,
        BTreeSet::from(["contact", "operator", "project", "integration"])
    );
    assert!(odd.messages().any(|(_, message)| message.internal));
    assert!(
        odd.messages()
            .any(|(_, message)| message.edited_at.is_some())
    );
    assert!(odd.messages().any(|(_, message)| message.seen_at.is_none()));
    assert!(odd.messages().any(|(_, message)| message.ids_as_text));
    assert!(odd.messages().any(|(_, message)| !message.extra.is_empty()));
    assert!(odd.chats.values().any(|chat| !chat.extra.is_empty()));
    assert!(
        odd.chats
            .values()
            .any(|chat| !chat.contact_extra.is_empty())
    );
    assert!(
        odd.chats
            .values()
            .any(|chat| chat.gates.iter().any(|gate| !gate.extra.is_empty()))
    );
    assert!(
        odd.channels
            .values()
            .any(|channel| !channel.extra.is_empty())
    );
    assert!(
        odd.messages()
            .any(|(_, message)| !message.sender.extra.is_empty())
    );
    assert!(
        odd.messages()
            .any(|(_, message)| !message.content.extra.is_empty())
    );
    assert!(odd.chats.values().any(|chat| chat.name.contains('"')));
    assert!(
        odd.messages()
            .any(|(chat, message)| { chat.gates.iter().all(|gate| gate.id != message.gate.id) })
    );
    let relative = |image: &Option<String>| image.as_ref().is_some_and(|at| at.starts_with('/'));
    assert!(
        odd.messages()
            .any(|(_, message)| relative(&message.sender.image))
    );
    assert_eq!(shared_gates(&odd), 1);

    let plain = Recipe {
        oddities: false,
        ..Recipe::default()
    }
    .account();
    let even = |(_, message): (_, &super::super::Message)| {
        message.extra.is_empty()
            && !message.ids_as_text
            && !matches!(message.sender.kind, SenderKind::Other(_))
    };
    assert!(plain.messages().all(even));
    assert_eq!(shared_gates(&plain), 0);
}

fn shared_gates(account: &Account) -> usize {
    let mut chats = BTreeMap::<i64, usize>::new();
    for gate in account.chats.values().flat_map(|chat| &chat.gates) {
        *chats.entry(gate.id).or_default() += 1;
    }
    chats.values().filter(|count| **count == 2).count()
}

#[test]
fn times_hold_together() {
    let recipe = Recipe {
        chats: 500,
        messages: 12_000,
        ..Recipe::default()
    };
    let account = recipe.account();
    let mut seconds = BTreeMap::new();
    for chat in account.chats.values() {
        let newest = chat
            .messages
            .last()
            .map_or(chat.created_at, |message| message.created_at);
        assert_eq!(chat.updated_at, newest);
        assert!(chat.updated_at <= recipe.until);
        let key = |message: &super::super::Message| (message.created_at, message.id);
        assert!(chat.messages.is_sorted_by_key(key));
        *seconds.entry(chat.updated_at).or_insert(0) += 1;
    }
    let ties = seconds.values().filter(|count| **count > 1).count();
    assert!((3..100).contains(&ties), "{ties}");
    let twins = |pair: &[super::super::Message]| pair[0].created_at == pair[1].created_at;
    assert!(
        account
            .chats
            .values()
            .any(|chat| chat.messages.windows(2).any(twins))
    );
}

#[tokio::test]
async fn oddities_reach_the_wire() {
    let desk = Desk::open(big_account(), Options::default()).await;
    let mut text = String::new();
    for page in 1..=10 {
        text.push_str(&desk.get(&format!("/chats?page={page}")).await.text);
    }
    for chat in desk.chat_ids() {
        for page in 1..=3 {
            let target = format!("/chats/{chat}/messages?page={page}&activities=1");
            text.push_str(&desk.get(&target).await.text);
        }
    }
    for piece in [
        "\"replacement\":[]",
        "\"parameters\":[]",
        "\"seenAt\":null",
        "\"editedAt\":null",
        "\"id\":\"5",
        "\"buttons\":[{\"parameters\":{\"text\":",
        "\"receipt\":{\"description\":",
        "\"id\":\"2",
        "\"labels\":",
        "\"source\":",
        "\"muted\":",
        "\"color\":",
        "\"trace\":",
        "\"online\":",
        "\"entities\":",
        "🙏",
        "Ґ",
    ] {
        assert!(text.contains(piece), "{piece}");
    }
    desk.simulator
        .change_options(|options| options.escaped = true);
    let escaped = desk.get("/channels").await;
    assert!(escaped.text.is_ascii() && escaped.text.contains("https:\\/\\/"));
    desk.simulator
        .change_options(|options| options.escaped = false);
    assert_eq!(desk.get("/channels").await.json(), escaped.json());
}

#[test]
#[ignore = "a measurement, for release builds"]
fn a_large_account_is_made_in_a_moment() {
    for (chats, messages) in [(2000, 55_000), (100_000, 300_000)] {
        let start = std::time::Instant::now();
        let recipe = Recipe {
            chats,
            messages,
            ..Recipe::default()
        };
        assert_eq!(recipe.account().chats.len(), chats);
        eprintln!("{chats} chats, {messages} messages: {:?}", start.elapsed());
        assert!(start.elapsed().as_secs() < 3, "{:?}", start.elapsed());
    }
}

#[tokio::test]
#[ignore = "a measurement, for release builds"]
async fn a_page_of_a_large_account_is_served_at_once() {
    let recipe = Recipe {
        chats: 100_000,
        messages: 200_000,
        ..Recipe::default()
    };
    let desk = Desk::open(recipe.account(), Options::default()).await;
    let start = std::time::Instant::now();
    for page in 4500..4700 {
        let answer = desk.get(&format!("/chats?page={page}&limitation=20")).await;
        assert_eq!(answer.ids().len(), 20);
    }
    assert!(start.elapsed().as_millis() < 400, "{:?}", start.elapsed());
}

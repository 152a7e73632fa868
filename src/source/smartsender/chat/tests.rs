//! Chats as the vendor published them, and as a platform that changes may send them.

use chrono_tz::{Europe::Kyiv, UTC};
use serde_json::json;

use super::super::page;
use super::*;
use crate::model::{Page, Window};

const PAGE: &str = include_str!("../../../../tests/published/chats_page.json");
const ONE: &str = include_str!("../../../../tests/published/chat.json");

fn read_value(value: &Value) -> (Result<ListedChat, String>, Vec<Drift>) {
    let mut drift = Vec::new();
    let chat = read(value.as_object().unwrap().clone(), UTC, &mut drift);
    (chat, drift)
}

fn paths(drift: &[Drift]) -> Vec<&str> {
    drift.iter().map(|drift| drift.path.as_str()).collect()
}

fn parsed(json: &Json) -> Value {
    serde_json::from_str(json.as_str()).unwrap()
}

#[test]
fn the_published_page() {
    let date = "2020-02-01 16:12:30.000".parse().unwrap();
    let page: Page<ListedChat> = page::read_list(PAGE, Window::FIRST, date, |object, drift| {
        read(object, Kyiv, drift)
    })
    .unwrap();
    assert_eq!(page.pages, 235);
    assert_eq!(page.rejects().count(), 0);
    assert_eq!(page.drift, []);
    let chats: Vec<&ListedChat> = page.readable().collect();
    assert_eq!(chats[0].chat.id, 2196);
    assert_eq!(
        chats[0].chat.updated_at.to_string(),
        "2019-11-25 19:43:22.000"
    );
    assert_eq!(chats[0].contact.as_ref().unwrap().original_id, Some(2231));
    assert_eq!(chats[0].gates[0].id, 3404);
    let gates: Vec<usize> = chats.iter().map(|chat| chat.gates.len()).collect();
    assert_eq!(gates, [1, 4]);
    let channels: Vec<i64> = chats[1].channels.iter().map(|channel| channel.id).collect();
    assert_eq!(channels, [1, 2, 16, 34]);
    assert_eq!(chats[1].channels[2].referrer, Some(4));
    for chat in chats {
        assert_eq!(chat.chat.extra, Json::empty_object());
        assert!(
            chat.gates
                .iter()
                .all(|gate| gate.extra == Json::empty_object())
        );
    }
}

#[test]
fn the_published_chat() {
    let chat = page::read_object(ONE, |object, drift| read(object, UTC, drift));
    let listed = chat.unwrap().unwrap();
    assert_eq!(listed.chat.id, 2120);
    assert_eq!(listed.chat.name.as_deref(), Some("Helena"));
    assert_eq!(listed.chat.contact_id, Some(3410));
    assert_eq!((listed.gates[0].chat_id, listed.gates[0].id), (2120, 3404));
    assert_eq!(listed.gates[0].channel_id, Some(2));
}

#[test]
fn the_least_that_a_chat_needs() {
    let (chat, _) =
        read_value(&json!({"id": "5", "updatedAt": 1_580_573_541, "gates": {}, "contact": []}));
    let chat = chat.unwrap();
    assert_eq!(chat.chat.id, 5);
    assert_eq!(chat.chat.updated_at.to_string(), "2020-02-01 16:12:21.000");
    assert_eq!((chat.contact, chat.gates.len()), (None, 0));
    assert_eq!(chat.chat.extra, Json::empty_object());
    for (without, why) in [
        (
            json!({"updatedAt": "2020-02-01 16:12:21"}),
            "it has no usable id",
        ),
        (json!({"id": 5}), "it has no usable updatedAt"),
        (
            json!({"id": 5, "updatedAt": null}),
            "it has no usable updatedAt",
        ),
    ] {
        assert_eq!(read_value(&without).0.unwrap_err(), why, "{without}");
    }
}

#[test]
fn a_bad_gate_spoils_only_itself() {
    let bad = json!({"id": "gate", "subscribed": true});
    let (chat, drift) = read_value(&json!({
        "id": 5, "updatedAt": "2020-02-01 16:12:21", "gates": [{"id": 1}, bad, 7, {"id": 1}, {"id": 1, "subscribed": true}],
    }));
    let chat = chat.unwrap();
    assert_eq!(chat.gates.len(), 1);
    let kept = json!({"gates": [bad, 7, {"id": 1, "subscribed": true}]});
    assert_eq!(parsed(&chat.chat.extra), kept);
    assert_eq!(paths(&drift), ["chat.gates[]"; 3]);
}

#[test]
fn a_contact_without_an_id_stays_in_the_chat() {
    let contact = json!({"id": null, "originalId": 9});
    let (chat, drift) =
        read_value(&json!({"id": 5, "updatedAt": "2020-02-01 16:12:21", "contact": contact}));
    let chat = chat.unwrap();
    assert_eq!((chat.contact, chat.chat.contact_id), (None, None));
    assert_eq!(parsed(&chat.chat.extra), json!({"contact": contact}));
    assert_eq!(paths(&drift), ["chat.contact"]);
}

#[test]
fn of_two_words_on_a_channel_the_later_counts_and_the_other_is_kept() {
    let old = json!({"id": 2, "name": "old", "updatedAt": "2019-01-01 00:00:00"});
    let new = json!({"id": 2, "name": "new", "updatedAt": "2020-01-01 00:00:00"});
    let (chat, _) = read_value(&json!({
        "id": 5, "updatedAt": "2020-02-01 16:12:21",
        "gates": [{"id": 1, "channel": old}, {"id": 2, "channel": new}, {"id": 3, "channel": new}],
    }));
    let chat = chat.unwrap();
    assert_eq!(chat.channels.len(), 1);
    assert_eq!(chat.channels[0].name.as_deref(), Some("new"));
    assert_eq!(parsed(&chat.gates[0].extra), json!({"channel": old}));
    assert_eq!(chat.gates[1].extra, Json::empty_object());
    assert_eq!(chat.gates[2].channel_id, Some(2));
}

/// Every text, number and flag in `value`, as text; flags as the columns keep them.
fn scalars(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Null => {}
        Value::Bool(flag) => found.push(u8::from(*flag).to_string()),
        Value::Number(number) => found.push(number.to_string()),
        Value::String(text) => match serde_json::from_str(text) {
            Ok(Value::Object(extra)) => scalars(&Value::Object(extra), found),
            _ => found.push(text.trim_end_matches(".000").to_owned()),
        },
        Value::Array(list) => list.iter().for_each(|value| scalars(value, found)),
        Value::Object(object) => object.values().for_each(|value| scalars(value, found)),
    }
}

#[test]
fn no_value_is_lost() {
    let source = json!({
        "id": 5, "name": 77, "image": {"big": "a.jpg"}, "unreadMessages": 3, "createdAt": "soon",
        "updatedAt": "2020-02-01 16:12:21",
        "contact": {"id": "8", "originalId": -4, "name": "Олена", "phone": ["+380"], "tags": [{"id": 1, "title": "vip"}]},
        "gates": [
            {"id": 1, "subscribed": "yes", "unreadMessages": "4", "mood": 1.50, "channel": {
                "id": 2, "type": "viber", "active": 1, "occupied": 0.5, "referrer": "many", "colour": "red",
                "createdAt": "2019-08-02 18:26:33.123456", "updatedAt": 1_580_573_541, "deep": {"er": [true, "x"]}}},
            {"id": 3, "subscribed": false, "channel": {"id": 2, "type": "telegram"}},
            {"id": 4, "channel": {"id": "none", "name": "odd"}},
            {"id": 6, "channel": ["not", "an", "object"]},
            {"id": {"odd": 9}, "note": "kept"},
            "gate",
        ],
    });
    let (chat, drift) = read_value(&source);
    let ListedChat {
        chat,
        contact,
        gates,
        channels,
    } = chat.unwrap();
    let mut kept = Vec::new();
    scalars(&json!([chat, contact, gates, channels]), &mut kept);
    let mut sent = Vec::new();
    scalars(&source, &mut sent);
    for value in sent {
        // The one value whose column holds it in another form.
        let value = if value == "1580573541" {
            "2020-02-01 16:12:21".to_owned()
        } else {
            value
        };
        let at = kept.iter().position(|kept| *kept == value);
        kept.swap_remove(at.unwrap_or_else(|| panic!("{value} is lost")));
    }
    let expected = [
        "chat.contact.originalId",
        "chat.contact.phone",
        "chat.contact.tags",
        "chat.gates[].channel.colour",
        "chat.gates[].channel.createdAt",
        "chat.gates[].channel.deep",
        "chat.gates[].channel.occupied",
        "chat.gates[].channel.referrer",
        "chat.gates[].mood",
        "chat.gates[].subscribed",
        "chat.gates[].channel",
        "chat.gates[].channel",
        "chat.gates[]",
        "chat.gates[]",
        "chat.gates[].channel",
        "chat.createdAt",
        "chat.image",
        "chat.unreadMessages",
    ];
    assert_eq!(paths(&drift), expected);
}

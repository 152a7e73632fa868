//! Bodies taken apart and put together again: no value is lost, and what cannot be read spoils only itself.

use proptest::collection::btree_map;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

use super::object;
use super::read;
use super::shapes::{Column, Fit, SHAPES, Shape};
use crate::clock::Timestamp;
use crate::model::{ChatState, Delivery, How, Sighting, Thing};

const MESSAGE_CREATED: &str =
    include_str!("../../../tests/published/iqchannels_message_created.json");
const CHAT_CLOSED: &str = include_str!("../../../tests/published/iqchannels_chat_closed.json");

/// The value that the platform wrote, from what a column was given.
fn written(value: &Value, fit: Fit) -> Value {
    match (value, fit) {
        (Value::Array(parts), _) => parts[2].clone(),
        (Value::String(text), Fit::Time) => text.parse::<Timestamp>().unwrap().millis().into(),
        _ => value.clone(),
    }
}

fn give_back(
    columns: &[Column],
    within: &str,
    keys: &mut Map<String, Value>,
) -> Map<String, Value> {
    let mut object = Map::new();
    for (key, column, fit) in columns {
        if let Some(value) = keys.remove(*column) {
            object.insert((*key).to_owned(), written(&value, *fit));
        }
    }
    let prefixes =
        ["extra/", "mark/", "words/", "content/"].map(|prefix| format!("{prefix}{within}"));
    for (key, value) in keys.clone() {
        let path = prefixes.iter().find_map(|prefix| key.strip_prefix(prefix));
        if let Some(name) = path.filter(|path| !path.contains('/')) {
            keys.remove(&key);
            object.insert(name.replace("~1", "/").replace("~0", "~"), value);
        }
    }
    object
}

/// The object that these sightings came from; the last of them is of the object itself.
fn whole(shape: &Shape, mut sightings: Vec<Sighting>) -> Value {
    let mut own = sightings.pop().unwrap();
    let mut object = give_back(shape.columns, "", &mut own.keys);
    // Told a second time in columns of their own.
    for told in ["text", "kind", "file_id", "direction"] {
        own.keys.remove(told);
    }
    assert!(own.keys.is_empty(), "{:?}", own.keys);
    let id = match shape.thing {
        Thing::File => own.id.into(),
        _ => own.id.parse::<i64>().unwrap().into(),
    };
    object.insert("Id".to_owned(), id);
    for mut part in sightings {
        let within = part.keys.iter().next().map(|(key, value)| match value {
            Value::Array(odd) if !key.contains('/') => odd[1].as_str().unwrap().to_owned(),
            _ => key
                .split_once('/')
                .map_or("Details/".to_owned(), |(_, path)| path.to_owned()),
        });
        let within = within.unwrap_or_default();
        let (name, _) = within.split_once('/').unwrap_or(("Details", ""));
        let known = shape.parts.iter().find(|(part, _)| *part == name);
        let columns = known.map(|(_, columns)| *columns).unwrap_or_default();
        let inner = give_back(columns, &format!("{name}/"), &mut part.keys);
        assert!(part.keys.is_empty(), "{:?}", part.keys);
        object.insert(name.replace("~1", "/").replace("~0", "~"), inner.into());
    }
    Value::Object(object)
}

fn sightings_of(shape: &Shape, object: &Value) -> Vec<Sighting> {
    let object = object.as_object().unwrap().clone();
    object::sightings(shape, object, 1, &mut Vec::new()).unwrap()
}

#[test]
fn every_value_of_the_published_objects_is_given_back() {
    for body in [MESSAGE_CREATED, CHAT_CLOSED] {
        let body: Value = serde_json::from_str(body).unwrap();
        let mut lists = body["Rels"].as_object().unwrap().clone();
        for shape in SHAPES {
            let items = lists.remove(shape.list).unwrap_or_else(|| json!([]));
            for item in items.as_array().unwrap() {
                let mut item = item.clone();
                let back = whole(shape, sightings_of(shape, &item));
                item.as_object_mut().unwrap().remove("My");
                assert_eq!(back, item);
            }
        }
        assert!(lists.is_empty());
    }
}

#[test]
fn no_key_of_the_published_bodies_is_unexpected() {
    for body in [MESSAGE_CREATED, CHAT_CLOSED] {
        let delivery = read(body.as_bytes()).unwrap();
        assert_eq!((delivery.drift, delivery.rejects), (vec![], vec![]));
    }
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec![
            json!(null),
            json!(true),
            json!(false),
            json!(0),
            json!(-1),
            json!(7),
            json!(1_542_902_705_511_i64),
            json!(i64::MAX),
            json!(1.5),
            json!(""),
            json!("words"),
            json!("client"),
            json!([]),
            json!([1, "two", null]),
            json!(["a", "b", "c"]),
            json!({ "Stars": 5 }),
        ]),
        any::<String>().prop_map(Value::from),
    ]
}

fn objects() -> impl Strategy<Value = (&'static Shape, Value)> {
    select(&SHAPES[..]).prop_flat_map(|shape| {
        let mut names = vec![
            "Unheard", "a/b", "~1", "TicketId", "Text", "Payload", "FileId", "Read",
        ];
        names.extend(shape.columns.iter().map(|(key, _, _)| *key));
        let part = btree_map(
            select(vec!["Cellphone", "Email", "UpdatedAt", "x/y"]),
            value(),
            1..4,
        );
        let keys = btree_map(select(names), value(), 0..12);
        let id = if shape.thing == Thing::File {
            json!("f")
        } else {
            json!(7)
        };
        (keys, proptest::option::of(part)).prop_map(move |(keys, part)| {
            let mut object: Map<String, Value> = keys
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect();
            object.insert("Id".to_owned(), id.clone());
            if let Some(part) = part.filter(|_| shape.thing == Thing::Contact) {
                let part = part.into_iter().map(|(key, value)| (key.to_owned(), value));
                object.insert("Details".to_owned(), Value::Object(part.collect()));
            }
            (shape, Value::Object(object))
        })
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_an_object_holds_is_given_back((shape, object) in objects()) {
        prop_assert_eq!(whole(shape, sightings_of(shape, &object)), object);
    }

    #[test]
    fn no_body_is_too_odd_to_be_answered(body in any::<Vec<u8>>(), key in value(), rels in value()) {
        let _ = read(&body);
        let body = json!({ "ChatEvent": key, "Rels": { "Chats": rels, "ChatMessages": [rels] } });
        let _ = read(body.to_string().as_bytes());
    }
}

fn seen(delivery: &Delivery, thing: Thing, id: &str) -> Vec<Sighting> {
    let seen = delivery
        .sightings
        .iter()
        .filter(|seen| seen.thing == thing && seen.id == id);
    seen.cloned().collect()
}

#[test]
fn both_envelopes_are_read() {
    let pushed: Value = serde_json::from_str(MESSAGE_CREATED).unwrap();
    let streamed = json!({
        "OK": true, "Error": null, "Result": [pushed["ChatEvent"], { "Id": 609, "Type": "message_read" }], "Rels": pushed["Rels"],
    });
    let pushed = read(MESSAGE_CREATED.as_bytes()).unwrap();
    let streamed = read(streamed.to_string().as_bytes()).unwrap();
    assert_eq!(pushed.happenings[0].event, streamed.happenings[0].event);
    assert_eq!(streamed.last_event(), Some(609));
    // A part of what was shown beside both belongs to the later one.
    assert_eq!(seen(&streamed, Thing::Message, "300")[0].event_id, 609);
    assert_eq!(seen(&pushed, Thing::Message, "300")[0].event_id, 608);
}

#[test]
fn what_can_never_be_read_is_refused_without_a_word_of_it() {
    let refused = |body: &str| read(body.as_bytes()).unwrap_err().to_string();
    assert!(refused("secret words").contains("no JSON"));
    assert!(refused("[1]").contains("no object"));
    assert!(refused("{}").contains("neither"));
    assert!(refused(r#"{"ChatEvent": {}, "Rels": 5}"#).contains("Rels"));
    let own = refused(r#"{"OK": false, "Error": {"Code": 17, "Text": "words"}}"#);
    assert!(own.contains("17") && !own.contains("words"), "{own}");
    assert!(read(b"\xff{}").unwrap_err().to_string().contains("UTF-8"));
}

#[test]
fn an_item_that_cannot_be_read_spoils_only_itself() {
    let body = json!({
        "ChatEvent": { "Id": 1, "Type": "x" },
        "Rels": { "Chats": [{ "Id": 7 }, { "Id": "seven" }, 5], "Users": "none", "Threads": [1] },
    });
    let delivery = read(body.to_string().as_bytes()).unwrap();
    assert_eq!(seen(&delivery, Thing::Chat, "7").len(), 1);
    assert_eq!(delivery.rejects.len(), 2);
    // Lists that nobody expects stay with the event.
    let extra: Value = serde_json::from_str(delivery.happenings[0].event.extra.as_str()).unwrap();
    assert_eq!(extra["Rels"], json!({ "Users": "none", "Threads": [1] }));
}

#[test]
fn what_happens_in_passing_leaves_no_event() {
    for event in [
        json!({ "Id": 5, "Type": "typing", "ChatId": 7, "Transitive": true }),
        json!({ "Id": 0, "Type": "typing", "ChatId": 7 }),
        json!({ "Type": "typing" }),
    ] {
        let body = json!({ "ChatEvent": event, "Rels": { "Chats": [{ "Id": 7 }] } });
        let delivery = read(body.to_string().as_bytes()).unwrap();
        assert!(delivery.happenings.is_empty());
        assert_eq!(seen(&delivery, Thing::Chat, "7")[0].event_id, 0);
    }
}

#[test]
fn closing_edits_and_deletions_are_understood() {
    let closed = read(CHAT_CLOSED.as_bytes()).unwrap();
    let happening = &closed.happenings[0];
    assert_eq!(happening.event.chat_state, Some(ChatState::Closed));
    assert_eq!(happening.deeds[0].thing, Thing::Deed);
    assert_eq!(happening.deeds[0].keys["ticket_id"], 403);
    for (kind, how) in [
        ("message_edited", How::Edited),
        ("delete-messages", How::Deleted),
    ] {
        let body = json!({ "ChatEvent": {
            "Id": 9, "Type": kind, "ChatId": 7, "CreatedAt": 1000, "Messages": [{ "Id": 3, "Text": "new" }, 4],
        } });
        let delivery = read(body.to_string().as_bytes()).unwrap();
        let deeds = &delivery.happenings[0].deeds;
        assert_eq!(deeds.len(), 3);
        assert_eq!(
            Value::Object(deeds[0].keys.clone()),
            json!({ "message/3": true, "message/4": true })
        );
        for (deed, id) in deeds[1..].iter().zip(["3", "4"]) {
            assert_eq!((deed.how, deed.id.as_str()), (how, id));
            assert_eq!(deed.keys["chat_id"], 7);
            assert_eq!(deed.at, Timestamp::from_millis(1000));
        }
    }
}

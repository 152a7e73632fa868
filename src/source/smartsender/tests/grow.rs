//! Made-up JSON: any at all, and objects that grew out of well-formed ones.

use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, Value, json};

/// Keys that mean something somewhere, so that chance meets them.
const KEYS: [&str; 32] = [
    "id",
    "name",
    "image",
    "contact",
    "originalId",
    "phone",
    "gates",
    "gate",
    "subscribed",
    "unreadMessages",
    "channel",
    "active",
    "type",
    "referrer",
    "createdAt",
    "updatedAt",
    "editedAt",
    "content",
    "resource",
    "parameters",
    "url",
    "caption",
    "media",
    "original",
    "context",
    "replacement",
    "sender",
    "state",
    "message",
    "internal",
    "0",
    "$serde_json::private::Number",
];

/// Times in every accepted form, and what only looks like one.
const TIMES: [&str; 16] = [
    "2019-08-05 14:06:39",
    "2019-08-05T14:06:39",
    "2019-08-05 14:06:39.250",
    "2019-08-05 14:06:39.123456",
    "2019-08-05T14:06:39Z",
    "2019-08-05T17:06:39+03:00",
    "2019-08-05T17:06:39+0300",
    "2016-12-31T23:59:60Z",
    "1565013999",
    "1565013999250",
    "2019-10-27 03:30:00",
    "2019-03-31 03:30:00",
    "0000-00-00 00:00:00",
    "0000-00-00 or so",
    "-262143-01-01 00:00:00",
    "+262142-12-31 23:59:59",
];

const NUMBERS: [&str; 12] = [
    "0",
    "1",
    "2",
    "-0",
    "9223372036854775807",
    "9223372036854775808",
    "-9223372036854775808",
    "1565013999000",
    "12.50",
    "1e400",
    "123456789012345678901234567890.10",
    "1.0",
];

const KINDS: [&str; 9] = [
    "text",
    "pendingText",
    "picture",
    "mediaGroup",
    "contact",
    "location",
    "telegramInvoice",
    "transient",
    "hologram",
];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(&KEYS[..]).prop_map(str::to_owned), 1 => any::<String>()]
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        2 => select(&NUMBERS[..]).prop_map(|text| serde_json::from_str(text).unwrap()),
        1 => any::<i64>().prop_map(Value::from),
        1 => select(&NUMBERS[..]).prop_map(Value::from),
        2 => select(&TIMES[..]).prop_map(Value::from),
        1 => select(&KINDS[..]).prop_map(Value::from),
        1 => any::<String>().prop_map(Value::from),
        1 => Just(Value::from("\0a\u{0}🜁\u{2028}\"\\/")),
        1 => Just(json!([])),
        1 => Just(json!({})),
    ]
}

/// Any JSON at all.
pub fn anything() -> impl Strategy<Value = Value> {
    scalar().prop_recursive(4, 24, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::Array),
            object_of(inner).prop_map(Value::Object),
        ]
    })
}

fn object_of(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Map<String, Value>> {
    prop::collection::vec((key(), inner), 0..6).prop_map(|pairs| pairs.into_iter().collect())
}

/// One thing done to an object; the number chooses where.
#[derive(Clone, Debug)]
enum Edit {
    Replace(usize, Value),
    Add(usize, String, Value),
    Remove(usize),
    Repeat(usize),
    Number(usize),
}

fn edit() -> impl Strategy<Value = Edit> {
    let place = any::<usize>();
    prop_oneof![
        4 => (place, anything()).prop_map(|(at, value)| Edit::Replace(at, value)),
        2 => (place, key(), anything()).prop_map(|(at, key, value)| Edit::Add(at, key, value)),
        1 => place.prop_map(Edit::Remove),
        1 => place.prop_map(Edit::Repeat),
        1 => place.prop_map(Edit::Number),
    ]
}

/// What becomes of `seed` by some edits.
pub fn grown(seed: Value) -> impl Strategy<Value = Value> {
    prop::collection::vec(edit(), 0..6).prop_map(move |edits| {
        let mut value = seed.clone();
        for edit in edits {
            apply(&mut value, edit);
        }
        value
    })
}

fn apply(value: &mut Value, edit: Edit) {
    let mut places = Vec::new();
    pointers(value, String::new(), &mut places);
    let (Edit::Replace(at, _)
    | Edit::Add(at, ..)
    | Edit::Remove(at)
    | Edit::Repeat(at)
    | Edit::Number(at)) = edit;
    let place = at % places.len();
    let node = value
        .pointer_mut(&places[place])
        .expect("it was there just now");
    match edit {
        Edit::Replace(_, new) if place != 0 => *node = new,
        Edit::Replace(..) => {}
        Edit::Add(_, key, new) => match node {
            Value::Object(object) => drop(object.insert(key, new)),
            Value::Array(list) => list.push(new),
            _ => {}
        },
        Edit::Remove(_) => match node {
            Value::Object(object) => {
                if let Some(key) = object.keys().nth(at % object.len().max(1)).cloned() {
                    object.remove(&key);
                }
            }
            Value::Array(list) => drop(list.pop()),
            _ => {}
        },
        Edit::Repeat(_) => {
            if let Value::Array(list) = node
                && let Some(last) = list.last().cloned()
            {
                list.push(last);
            }
        }
        Edit::Number(_) => {
            if let Value::Array(list) = node {
                let numbered = list.drain(..).enumerate();
                *node = numbered
                    .map(|(place, item)| ((place * 3).to_string(), item))
                    .collect::<Map<_, _>>()
                    .into();
            }
        }
    }
}

fn pointers(value: &Value, here: String, found: &mut Vec<String>) {
    match value {
        Value::Object(object) => {
            for (key, inner) in object {
                let key = key.replace('~', "~0").replace('/', "~1");
                pointers(inner, format!("{here}/{key}"), found);
            }
        }
        Value::Array(list) => {
            for (place, inner) in list.iter().enumerate() {
                pointers(inner, format!("{here}/{place}"), found);
            }
        }
        _ => {}
    }
    found.push(here);
    // The whole comes first, so that its number is known.
    let last = found.len() - 1;
    if found[last].is_empty() {
        found.swap(0, last);
    }
}

fn channel(id: i64, updated_at: &str) -> Value {
    json!({
        "id": id, "active": true, "occupied": false, "type": "viber", "name": "shop", "referrer": 1,
        "link": "https://viber.me/shop", "app": "viber://pa?chatURI=shop",
        "createdAt": "2019-08-02 18:26:33", "updatedAt": updated_at,
    })
}

/// A well-formed chat; two of its gates tell different things of one channel.
pub fn chat() -> Value {
    let gate = |id: i64, at| {
        json!({
            "id": id, "subscribed": true, "unreadMessages": 0, "channel": channel(2, at),
        })
    };
    json!({
        "id": 2196, "name": "Олена 🌻", "image": "https://example.com/a.jpeg",
        "contact": {"id": 3404, "originalId": 2231, "name": "Олена", "phone": "+380", "email": "o@example.com"},
        "gates": [gate(3404, "2019-11-25 15:07:43"), gate(5, "2019-11-25 15:07:44")],
        "createdAt": "2019-10-23 16:16:38", "updatedAt": "2019-11-25 21:43:22",
    })
}

/// A well-formed message whose content has this type.
pub fn message(kind: &str) -> Value {
    let parameters = json!({
        "content": "Hi %name%", "replacement": {"%name%": "Олена"}, "url": "https://example.com/a",
        "caption": "look", "media": [{"type": "picture", "resource": {"parameters": {"url": "https://example.com/b"}}}],
    });
    let template = json!({"type": kind, "resource": {"parameters": parameters}});
    json!({
        "id": 77, "content": template, "internal": false,
        "state": {"type": "delivered", "message": "ok"},
        "sender": {"type": "contact", "image": "a.png", "fullName": "Олена"},
        "gate": {"id": 3404, "subscribed": true, "unreadMessages": 0, "channel": channel(2, "2019-11-25 15:07:43")},
        "createdAt": "2019-11-25 21:43:22", "deliveredAt": 1_574_718_202, "seenAt": null, "editedAt": null,
    })
}

/// A message of any type, grown.
pub fn grown_message() -> impl Strategy<Value = Value> {
    select(&KINDS[..]).prop_flat_map(|kind| grown(message(kind)))
}

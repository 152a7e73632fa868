//! What must hold of any JSON at all: no panic, nothing dropped unsaid, the same rows for the same object.
//!
//! `PROPTEST_CASES=1000000 cargo test --release --lib smartsender::tests` runs them for long.

mod drift;
mod give_back;
mod grow;
mod moments;

use std::collections::BTreeSet;

use chrono_tz::{Europe::Kyiv, Tz};
use proptest::prelude::*;
use serde_json::Value;

use super::message::{Around, LastGate};
use super::{chat, message, page};
use crate::clock::Timestamp;
use crate::model::{Drift, ListedChat, ListedMessage, Page, Reject, Window};

const ZONE: Tz = Kyiv;

fn date() -> Timestamp {
    "2020-02-01 16:12:30.000".parse().unwrap()
}

/// The page that holds the item `text`.
fn page_of(text: &str) -> String {
    format!(r#"{{"cursor": {{"page": 1, "pages": 1}}, "collection": [{text}]}}"#)
}

fn chats(body: &str) -> Result<Page<ListedChat>, crate::source::SourceError> {
    page::read_list(body, Window::FIRST, date(), |object, drift| {
        chat::read(object, ZONE, drift)
    })
}

fn messages(body: &str) -> Result<Page<ListedMessage>, crate::source::SourceError> {
    let around = Around {
        chat_id: 7,
        zone: ZONE,
        date: date(),
    };
    let mut last_gate = LastGate::default();
    page::read_list(body, Window::FIRST, date(), |object, drift| {
        message::read(object, around, &mut last_gate, drift)
    })
}

/// The one item of a page, and what was noted of it.
fn only<T: Clone>(page: &Page<T>) -> (Result<T, Reject>, BTreeSet<String>) {
    assert_eq!(page.items.len(), 1);
    (page.items[0].clone(), paths(&page.drift))
}

fn paths(drift: &[Drift]) -> BTreeSet<String> {
    drift.iter().map(|drift| drift.path.clone()).collect()
}

fn read_chat(text: &str) -> (Result<ListedChat, Reject>, BTreeSet<String>) {
    only(&chats(&page_of(text)).unwrap())
}

fn read_message(text: &str) -> (Result<ListedMessage, Reject>, BTreeSet<String>) {
    only(&messages(&page_of(text)).unwrap())
}

/// The text of `value` with the keys of its objects from last to first, all that may be escaped escaped.
fn backwards(value: &Value) -> String {
    let join = |parts: Vec<String>| parts.join(" , ");
    match value {
        Value::Object(object) => {
            let pairs = object.iter().rev();
            let pairs = pairs.map(|(key, value)| format!("{}: {}", escaped(key), backwards(value)));
            format!("{{ {} }}", join(pairs.collect()))
        }
        Value::Array(list) => format!("[ {} ]", join(list.iter().map(backwards).collect())),
        Value::String(text) => escaped(text),
        other => other.to_string(),
    }
}

fn escaped(text: &str) -> String {
    let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
    format!("\"{}\"", units.collect::<String>())
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in any::<String>(), value in grow::anything()) {
        for body in [text.clone(), value.to_string(), page_of(&text)] {
            let _ = (chats(&body), messages(&body), page::complaint(&body), page::is_object(&body));
            let _ = page::read_account(&body);
        }
    }

    #[test]
    fn any_item_is_a_row_or_kept_whole(items in prop::collection::vec(grow::anything(), 0..5)) {
        let texts: Vec<String> = items.iter().map(Value::to_string).collect();
        let body = page_of(&texts.join(","));
        let (chats, messages) = (chats(&body).unwrap(), messages(&body).unwrap());
        prop_assert_eq!(chats.items.len(), texts.len());
        prop_assert_eq!(messages.items.len(), texts.len());
        let rejects = chats.items.iter().map(|item| item.as_ref().err());
        let others = messages.items.iter().map(|item| item.as_ref().err());
        for (reject, text) in rejects.zip(&texts).chain(others.zip(&texts)) {
            prop_assert!(reject.is_none_or(|reject| reject.raw == *text));
        }
    }

    #[test]
    fn a_chat_is_given_back(source in grow::grown(grow::chat())) {
        let text = source.to_string();
        let (read, noted) = read_chat(&text);
        match &read {
            Err(reject) => prop_assert_eq!(&reject.raw, &text),
            Ok(listed) => {
                let back = give_back::chat(listed);
                prop_assert_eq!(give_back::missing(&source, &back, "", ZONE), Vec::<String>::new());
                drift::assert_of_chat(listed, &noted);
            }
        }
        let (again, noted_again) = read_chat(&backwards(&source));
        prop_assert_eq!(read.ok(), again.ok());
        prop_assert_eq!(noted, noted_again);
    }

    #[test]
    fn a_message_is_given_back(source in grow::grown_message()) {
        let text = source.to_string();
        let (read, noted) = read_message(&text);
        match &read {
            Err(reject) => prop_assert_eq!(&reject.raw, &text),
            Ok(listed) => {
                let back = give_back::message(listed);
                prop_assert_eq!(give_back::missing(&source, &back, "", ZONE), Vec::<String>::new());
                drift::assert_of_message(listed, &noted);
            }
        }
        let (again, noted_again) = read_message(&backwards(&source));
        prop_assert_eq!(read.ok(), again.ok());
        prop_assert_eq!(noted, noted_again);
    }

    #[test]
    fn words_come_through_as_they_were_written(words in any::<String>()) {
        let mut source = grow::message("text");
        source["content"]["resource"]["parameters"]["content"] = Value::from(words.clone());
        source["sender"]["fullName"] = Value::from(words.clone());
        for text in [source.to_string(), backwards(&source)] {
            let message = read_message(&text).0.unwrap().message;
            prop_assert_eq!(message.text.unwrap_or_default(), words.clone());
            prop_assert_eq!(message.sender_name.unwrap(), words.clone());
        }
    }

    #[test]
    fn numbers_keep_every_digit(number in "-?(0|[1-9][0-9]{0,40})(\\.[0-9]{1,30})?([eE][+-]?[0-9]{1,4})?") {
        let text = format!(r#"{{"id": 1, "odd": {number}, "sender": {{"fullName": {number}}}}}"#);
        let message = read_message(&text).0.unwrap().message;
        // Of an exponent the letter and the sign are always written, and written one way.
        let number = number.replace('E', "e").replace('e', "e+").replace("e++", "e+").replace("e+-", "e-");
        prop_assert_eq!(message.extra.as_str(), format!(r#"{{"odd":{number}}}"#));
        prop_assert_eq!(message.sender_name.unwrap(), number);
    }

    #[test]
    fn half_a_character_is_kept_as_it_came(half in 0xd800_u16..0xe000, path in prop::sample::select(vec!["id", "name", "extra"])) {
        let text = format!(r#"{{"id": 1, "updatedAt": "2019-08-05 14:06:39", "{path}": "a\u{half:04x}"}}"#);
        prop_assert_eq!(read_chat(&text).0.unwrap_err().raw, text.clone());
        prop_assert_eq!(read_message(&text).0.unwrap_err().raw, text);
    }
}

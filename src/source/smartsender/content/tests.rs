//! Each content type: the words a person would read, and what hangs on the message.

use chrono_tz::UTC;
use serde_json::json;

use super::*;

fn read_value(content: &Value) -> Reading {
    read(content.as_object().unwrap(), 7, UTC)
}

fn content(kind: &str, parameters: &Value) -> Value {
    json!({"type": kind, "resource": {"parameters": parameters}})
}

/// Position, kind, address and caption of each attachment.
fn attached(reading: &Reading) -> Vec<(i64, &str, Option<&str>, Option<&str>)> {
    let row = |found: &'_ Attachment| {
        assert_eq!(found.message_id, 7);
        found.position
    };
    let attachments = reading.attachments.iter();
    attachments
        .map(|found| {
            let kind = found.kind.as_deref().unwrap_or_default();
            (
                row(found),
                kind,
                found.url.as_deref(),
                found.caption.as_deref(),
            )
        })
        .collect()
}

#[test]
fn words_of_each_type() {
    let cases = [
        (
            "text",
            json!({"content": "Добрий день"}),
            Some("Добрий день"),
        ),
        ("text", json!({"content": ""}), None),
        ("text", json!({"content": 42}), Some("42")),
        ("text", json!([]), None),
        ("input", json!({"content": "yes"}), Some("yes")),
        (
            "action",
            json!({"content": "Operator joined"}),
            Some("Operator joined"),
        ),
        (
            "contact",
            json!({"name": "Olena", "phoneNumber": "+380441234567"}),
            Some("Olena +380441234567"),
        ),
        (
            "contact",
            json!({"phoneNumber": "+380441234567"}),
            Some("+380441234567"),
        ),
        (
            "location",
            json!({"latitude": "50.45", "longitude": 30}),
            Some("50.45, 30"),
        ),
        (
            "telegramInvoice",
            json!({"receipt": {"title": "Tea", "description": "Green"}}),
            Some("Tea\nGreen"),
        ),
        (
            "sticker",
            json!({"text": "smile", "title": "not this"}),
            Some("smile"),
        ),
        ("sticker", json!({"url": "s.webp"}), None),
    ];
    for (kind, parameters, text) in cases {
        let reading = read_value(&content(kind, &parameters));
        assert_eq!(reading.text.as_deref(), text, "{kind} {parameters}");
        assert_eq!(reading.kind.as_deref(), Some(kind));
        assert_eq!(reading.known, kind != "sticker");
        assert!(!reading.deleted);
    }
}

#[test]
fn a_pending_text_is_filled_in() {
    let cases = [
        (json!({"{{name}}": "Олена"}), "Hi {{name}}!", "Hi Олена!"),
        (json!({"%name%": "Ivan", "%n": "x"}), "%name% %n", "Ivan x"),
        (json!({"name": "n", "nameday": "d"}), "nameday name", "d n"),
        (json!({"a": "b", "b": "a"}), "ab", "ba"),
        (
            json!({"a": 5, "b": null, "c": true, "d": {}}),
            "a b c d",
            "5  true d",
        ),
        (json!([]), "as it is", "as it is"),
        (json!({"": "x"}), "é", "é"),
    ];
    for (replacement, text, filled) in cases {
        let parameters = json!({"content": text, "replacement": replacement});
        let reading = read_value(&content("pendingText", &parameters));
        assert_eq!(reading.text.as_deref(), Some(filled), "{replacement}");
    }
}

#[test]
fn a_file_of_each_type() {
    let types = [
        "link",
        "file",
        "video",
        "telegramVideoNote",
        "audio",
        "voice",
        "picture",
        "telegramCaptionedPicture",
        "animation",
        "sticker",
    ];
    for kind in types {
        let parameters = json!({"url": "/storage/1.bin", "caption": "look", "size": 5});
        let reading = read_value(&content(kind, &parameters));
        let expected = (0, kind, Some("/storage/1.bin"), Some("look"));
        assert_eq!(attached(&reading), [expected]);
        assert_eq!(reading.attachments[0].extra.as_str(), r#"{"size":5}"#);
        assert_eq!(reading.text.as_deref(), Some("look"), "{kind}");
        assert_eq!(read_value(&content(kind, &json!({}))).attachments, []);
    }
    assert_eq!(
        read_value(&content("text", &json!({"content": "x", "url": "u"}))).attachments,
        []
    );
}

#[test]
fn a_media_group_has_an_attachment_for_each_medium() {
    let reading = read_value(&content(
        "mediaGroup",
        &json!({"media": [
            {"type": "picture", "resource": {"parameters": {"url": "1.jpg", "caption": "one"}}},
            {"resource": {"parameters": {"url": "2.mp4"}}},
            {"type": "video", "resource": {"parameters": {"url": "3.mp4", "caption": "three"}}},
        ]}),
    ));
    let expected = [
        (0, "picture", Some("1.jpg"), Some("one")),
        (1, "media", Some("2.mp4"), None),
        (2, "video", Some("3.mp4"), Some("three")),
    ];
    assert_eq!(attached(&reading), expected);
    assert_eq!(reading.text.as_deref(), Some("one\nthree"));
}

#[test]
fn a_deleted_message_shows_what_it_was() {
    let original = content("picture", &json!({"url": "1.jpg", "caption": "gone"}));
    let inner = json!({"original": original, "context": {"timestamp": "2020-02-01 16:12:21"}});
    let places = [
        json!({"type": "transient", "resource": {"parameters": inner}}),
        json!({"type": "transient", "resource": inner}),
        json!({"type": "transient", "original": original, "context": {"timestamp": 1_580_573_541}}),
    ];
    for place in places {
        let reading = read_value(&place);
        assert!(reading.deleted);
        assert_eq!(reading.kind.as_deref(), Some("picture"));
        assert_eq!(reading.text.as_deref(), Some("gone"));
        assert_eq!(
            attached(&reading),
            [(0, "picture", Some("1.jpg"), Some("gone"))]
        );
        let deleted_at = reading.deleted_at.unwrap().to_string();
        assert_eq!(deleted_at, "2020-02-01 16:12:21.000", "{place}");
    }
}

#[test]
fn a_deleted_message_that_says_nothing_is_still_deleted() {
    let reading = read_value(&json!({"type": "transient", "resource": {"parameters": []}}));
    assert!(reading.deleted && reading.known);
    assert_eq!(reading.kind.as_deref(), Some("transient"));
    assert_eq!((reading.text, reading.deleted_at), (None, None));
}

//! Messages: whose they are, which way they went, and that nothing of them is lost.

use serde_json::json;

use super::*;

const DATE: &str = "2020-02-01 16:12:30.000";

fn read_value(value: &Value) -> (Result<ListedMessage, String>, Vec<Drift>) {
    let mut drift = Vec::new();
    let around = Around {
        chat_id: 9,
        zone: Tz::UTC,
        date: DATE.parse().unwrap(),
    };
    let object = value.as_object().unwrap().clone();
    let message = read(object, around, &mut LastGate::default(), &mut drift);
    (message, drift)
}

fn paths(drift: &[Drift]) -> Vec<&str> {
    drift.iter().map(|drift| drift.path.as_str()).collect()
}

fn whole() -> Value {
    json!({
        "id": 1, "internal": false,
        "content": {"type": "text", "resource": {"parameters": {"content": "Hi"}, "buttons": [{"parameters": {"text": "Yes"}}]}},
        "state": {"type": "delivered", "message": null},
        "sender": {"type": "contact", "image": "storage/1.jpg", "fullName": "Олена"},
        "gate": {"id": 3404, "subscribed": true, "unreadMessages": 0, "channel": {"id": 2, "type": "viber"}},
        "createdAt": "2020-02-01 16:12:20", "deliveredAt": "2020-02-01 16:12:21", "seenAt": null, "editedAt": null,
    })
}

#[test]
fn a_whole_message() {
    let source = whole();
    let (listed, drift) = read_value(&source);
    let ListedMessage {
        message,
        attachments,
        gate,
        channel,
    } = listed.unwrap();
    assert_eq!(drift, []);
    assert_eq!(message.extra, Json::empty_object());
    assert_eq!(message.content, Json::new(&source["content"]));
    assert_eq!((message.id, message.chat_id), (1, 9));
    assert_eq!((message.gate_id, message.channel_id), (Some(3404), Some(2)));
    assert_eq!(message.direction, Some(Direction::Inbound));
    assert_eq!(message.text.as_deref(), Some("Hi"));
    assert_eq!(message.sender_name.as_deref(), Some("Олена"));
    assert_eq!(message.sender_image_url.as_deref(), Some("storage/1.jpg"));
    assert_eq!(message.internal, Some(false));
    assert_eq!(message.state.as_deref(), Some("delivered"));
    assert_eq!(
        message.delivered_at.unwrap().to_string(),
        "2020-02-01 16:12:21.000"
    );
    assert_eq!((message.seen_at, message.deleted_at), (None, None));
    assert_eq!(attachments, []);
    assert_eq!((gate.unwrap().chat_id, channel.unwrap().id), (9, 2));
}

#[test]
fn an_id_is_all_it_needs() {
    let (message, drift) =
        read_value(&json!({"id": "1", "content": [], "sender": [], "state": [], "gate": []}));
    let message = message.unwrap().message;
    assert_eq!(
        (message.kind, message.text, message.direction),
        (None, None, None)
    );
    assert_eq!(message.content.as_str(), "[]");
    assert_eq!(drift, []);
    assert_eq!(
        read_value(&json!({"content": {}})).0.unwrap_err(),
        "it has no usable id"
    );
}

#[test]
fn which_way_it_went() {
    let cases = [
        ("contact", Some(Direction::Inbound), None),
        ("operator", Some(Direction::Outbound), None),
        ("project", Some(Direction::Outbound), None),
        ("bot", Some(Direction::Outbound), None),
        ("system", Some(Direction::Outbound), None),
        ("robot", None, Some("message.sender.type=robot")),
        ("Олена К.", None, Some("message.sender.type=?")),
    ];
    for (kind, direction, path) in cases {
        let (message, drift) = read_value(&json!({"id": 1, "sender": {"type": kind}}));
        let message = message.unwrap().message;
        assert_eq!(message.direction, direction, "{kind}");
        assert_eq!(message.sender_type.as_deref(), Some(kind));
        assert_eq!(paths(&drift), Vec::from_iter(path));
    }
}

#[test]
fn when_a_deleted_message_was_deleted() {
    let told = json!({"timestamp": 1_580_573_541});
    let edited = "2020-02-01 16:12:25";
    let cases = [
        (told, json!(edited), "2020-02-01 16:12:21.000"),
        (json!({}), json!(edited), "2020-02-01 16:12:25.000"),
        (json!([]), json!(null), DATE),
    ];
    for (context, edited, deleted_at) in cases {
        let original = json!({"type": "text", "resource": {"parameters": {"content": "gone"}}});
        let parameters = json!({"original": original, "context": context});
        let content = json!({"type": "transient", "resource": {"parameters": parameters}});
        let (message, _) = read_value(&json!({"id": 1, "content": content, "editedAt": edited}));
        let message = message.unwrap().message;
        assert_eq!(message.deleted_at.unwrap().to_string(), deleted_at);
        assert_eq!(
            (message.kind.as_deref(), message.text.as_deref()),
            (Some("text"), Some("gone"))
        );
        assert_eq!(message.content, Json::new(&content));
    }
}

#[test]
fn what_has_no_column_stays_with_the_message() {
    let mut source = whole();
    source["mood"] = json!("good");
    source["internal"] = json!("maybe");
    source["sender"]["id"] = json!(44);
    source["state"]["code"] = json!(500);
    source["gate"]["colour"] = json!("red");
    source["gate"]["channel"]["size"] = json!(1);
    source["content"]["type"] = json!("sticker");
    let (listed, drift) = read_value(&source);
    let listed = listed.unwrap();
    let extra: Value = serde_json::from_str(listed.message.extra.as_str()).unwrap();
    let expected = json!({
        "mood": "good", "internal": "maybe", "sender": {"id": 44}, "state": {"code": 500},
        "gate": {"colour": "red", "channel": {"size": 1}},
    });
    assert_eq!(extra, expected);
    assert_eq!(listed.gate.unwrap().extra.as_str(), r#"{"colour":"red"}"#);
    assert_eq!(listed.channel.unwrap().extra.as_str(), r#"{"size":1}"#);
    let expected = [
        "message.content.type=sticker",
        "message.sender.id",
        "message.state.code",
        "message.gate.channel.size",
        "message.gate.colour",
        "message.internal",
        "message.mood",
    ];
    assert_eq!(paths(&drift), expected);
}

#[test]
fn what_is_no_object_stays_whole() {
    let source =
        json!({"id": 1, "content": "Hi", "sender": "Олена", "state": 5, "gate": {"id": -1}});
    let (listed, drift) = read_value(&source);
    let message = listed.unwrap().message;
    assert_eq!(message.content.as_str(), "\"Hi\"");
    let extra: Value = serde_json::from_str(message.extra.as_str()).unwrap();
    assert_eq!(
        extra,
        json!({"sender": "Олена", "state": 5, "gate": {"id": -1}})
    );
    let expected = [
        "message.content",
        "message.gate",
        "message.sender",
        "message.state",
    ];
    assert_eq!(paths(&drift), expected);
}

#[test]
fn what_a_gate_says_does_not_depend_on_the_messages_before_it() {
    let around = Around {
        chat_id: 9,
        zone: Tz::UTC,
        date: DATE.parse().unwrap(),
    };
    let gates = [
        json!({"id": 1, "colour": "red", "channel": {"id": 2, "type": "viber", "size": 1}}),
        json!({"id": 1, "colour": "red", "channel": {"id": 2, "type": "viber", "size": 1}}),
        json!({"id": 1, "colour": "blue", "channel": {"id": 2, "type": "viber", "size": 1}}),
        json!({"id": 1, "colour": "red", "channel": {"id": 3, "type": "viber", "size": 1}}),
        json!({"id": -1}),
        json!({"id": 1, "colour": "red", "channel": {"id": 2, "type": "viber", "size": 1}}),
        json!({}),
        json!(null),
    ];
    let mut last_gate = LastGate::default();
    for (id, gate) in (1..).zip(gates) {
        let mut source = whole();
        source["id"] = json!(id);
        source["gate"] = gate;
        let mut drift = Vec::new();
        let object = source.as_object().unwrap().clone();
        let listed = read(object, around, &mut last_gate, &mut drift);
        assert_eq!((listed, drift), read_value(&source), "{source}");
    }
}

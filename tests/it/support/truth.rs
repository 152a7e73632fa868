//! What the mirror must equal, told from the account's own state; it shares no code with the program's reading.

use std::collections::BTreeMap;
use std::path::Path;

use chatmirror::clock::Timestamp;
use chatmirror::simulator::{Account, Chat, Content, Message, SenderKind, Template};
use serde_json::{Value, json};

use super::dump::{self, Columns};

type Table = BTreeMap<Vec<i64>, BTreeMap<&'static str, Value>>;

/// Holds the mirror at `path` against the account: the same rows, the same values. Gives the differences, the first ones in words.
pub async fn differences(path: &Path, account: &Account) -> Vec<String> {
    let mut found = Vec::new();
    let chats = dump::table(path, "chats", &["id"]).await;
    compare(
        "chats",
        &expected_chats(account),
        &present(chats, "missing_since"),
        &mut found,
    );
    let gates = dump::table(path, "gates", &["chat_id", "id"]).await;
    let mut gates = present(gates, "removed_at");
    gates.retain(|key, _| account.chats.contains_key(&key[0]));
    compare("gates", &expected_gates(account), &gates, &mut found);
    let messages = present(
        dump::table(path, "messages", &["id"]).await,
        "missing_since",
    );
    compare(
        "messages",
        &expected_messages(account),
        &messages,
        &mut found,
    );
    let mut attachments = dump::table(path, "attachments", &["message_id", "position"]).await;
    attachments.retain(|key, _| messages.contains_key(&key[..1]));
    compare(
        "attachments",
        &expected_attachments(account),
        &attachments,
        &mut found,
    );
    let contacts = dump::table(path, "contacts", &["id"]).await;
    let mut expected = Table::new();
    for chat in account.chats.values() {
        expected.insert(
            vec![chat.contact.id],
            row([("original_id", json!(chat.contact.original_id))]),
        );
    }
    let mut contacts = contacts;
    contacts.retain(|key, _| expected.contains_key(key));
    compare("contacts", &expected, &contacts, &mut found);
    found
}

/// Fails with the differences, if there are any.
pub async fn assert_equal(path: &Path, account: &Account) {
    let found = differences(path, account).await;
    assert!(
        found.is_empty(),
        "{} differences:\n{}",
        found.len(),
        found[..found.len().min(10)].join("\n")
    );
}

/// Rows that the source still has.
fn present(mut rows: BTreeMap<Vec<i64>, Columns>, gone: &str) -> BTreeMap<Vec<i64>, Columns> {
    rows.retain(|_, row| row[gone].is_null());
    rows
}

fn compare(
    name: &str,
    expected: &Table,
    stored: &BTreeMap<Vec<i64>, Columns>,
    found: &mut Vec<String>,
) {
    for (key, row) in expected {
        let Some(columns) = stored.get(key) else {
            found.push(format!("{name} {key:?} is not stored"));
            continue;
        };
        for (column, value) in row {
            if columns[*column] != *value {
                found.push(format!(
                    "{name} {key:?}.{column} is {}, not {value}",
                    columns[*column]
                ));
            }
        }
    }
    for key in stored.keys().filter(|key| !expected.contains_key(*key)) {
        found.push(format!("{name} {key:?} is stored and should not be"));
    }
}

fn row<const N: usize>(columns: [(&'static str, Value); N]) -> BTreeMap<&'static str, Value> {
    columns.into_iter().collect()
}

fn time(moment: Timestamp) -> Value {
    json!(moment.to_string())
}

fn maybe(moment: Option<Timestamp>) -> Value {
    moment.map_or(Value::Null, time)
}

fn expected_chats(account: &Account) -> Table {
    let told = |chat: &Chat| {
        row([
            ("contact_id", json!(chat.contact.id)),
            ("name", json!(chat.name)),
            ("image_url", json!(chat.image)),
            ("state", json!(chat.state.as_str())),
            ("created_at", time(chat.created_at)),
            ("updated_at", time(chat.updated_at)),
            ("deleted_at", Value::Null),
        ])
    };
    account
        .chats
        .values()
        .map(|chat| (vec![chat.id], told(chat)))
        .collect()
}

fn expected_gates(account: &Account) -> Table {
    let mut gates = Table::new();
    for chat in account.chats.values() {
        for gate in &chat.gates {
            let told = row([
                ("channel_id", json!(gate.channel_id)),
                ("subscribed", json!(i64::from(gate.subscribed))),
                ("unread_messages", json!(gate.unread_messages)),
                ("extra", Value::Object(gate.extra.clone())),
            ]);
            gates.insert(vec![chat.id, gate.id], told);
        }
    }
    gates
}

fn expected_messages(account: &Account) -> Table {
    account
        .messages()
        .map(|(chat, message)| (vec![message.id], expected_message(chat, message)))
        .collect()
}

/// The columns of a message's row.
pub fn expected_message(chat: &Chat, message: &Message) -> BTreeMap<&'static str, Value> {
    let (content, deleted_at) = undeleted(&message.content);
    let direction = match &message.sender.kind {
        SenderKind::Contact => json!("inbound"),
        SenderKind::Operator | SenderKind::Project => json!("outbound"),
        SenderKind::Other(_) => Value::Null,
    };
    row([
        ("chat_id", json!(chat.id)),
        ("gate_id", json!(message.gate.id)),
        ("channel_id", json!(message.gate.channel_id)),
        ("direction", direction),
        ("kind", json!(content.template.kind())),
        ("text", words(content)),
        ("sender_type", json!(message.sender.kind.as_str())),
        ("sender_name", json!(message.sender.full_name)),
        ("sender_image_url", json!(message.sender.image)),
        ("internal", json!(i64::from(message.internal))),
        ("state", json!(message.state.kind)),
        ("state_message", json!(message.state.message)),
        ("created_at", time(message.created_at)),
        ("delivered_at", maybe(message.delivered_at)),
        ("seen_at", maybe(message.seen_at)),
        ("edited_at", maybe(message.edited_at)),
        ("deleted_at", maybe(deleted_at)),
    ])
}

fn undeleted(content: &Content) -> (&Content, Option<Timestamp>) {
    match &content.template {
        Template::Transient {
            original,
            deleted_at,
        } => (original, Some(*deleted_at)),
        _ => (content, None),
    }
}

fn words(content: &Content) -> Value {
    let text = match &content.template {
        Template::Text(text) | Template::Input(text) | Template::Action(text) => Some(text.clone()),
        Template::PendingText {
            content,
            replacement,
        } => {
            let mut text = content.clone();
            for (key, value) in replacement {
                text = text.replace(key, value);
            }
            Some(text)
        }
        Template::File { .. } | Template::Transient { .. } => None,
        Template::Picture { caption, .. } => caption.clone(),
        Template::MediaGroup(media) => {
            let captions: Vec<String> = media
                .iter()
                .filter_map(|medium| medium.caption.clone())
                .collect();
            Some(captions.join("\n"))
        }
        Template::Contact { name, phone_number } => Some(format!("{name} {phone_number}")),
        Template::Location {
            latitude,
            longitude,
        } => Some(format!("{latitude}, {longitude}")),
        Template::TelegramInvoice { title, description } => Some(format!("{title}\n{description}")),
        Template::Unknown { parameters, .. } => ["content", "text", "caption", "title"]
            .iter()
            .find_map(|key| parameters.get(*key)?.as_str().map(str::to_owned)),
    };
    json!(text.filter(|text| !text.is_empty()))
}

fn expected_attachments(account: &Account) -> Table {
    let mut attachments = Table::new();
    for (_, message) in account.messages() {
        let (content, _) = undeleted(&message.content);
        for (position, (kind, url, caption)) in (0..).zip(files(content)) {
            attachments.insert(
                vec![message.id, position],
                row([
                    ("kind", json!(kind)),
                    ("url", json!(url)),
                    ("caption", json!(caption)),
                ]),
            );
        }
    }
    attachments
}

fn files(content: &Content) -> Vec<(String, String, Option<String>)> {
    let kind = content.template.kind().to_owned();
    match &content.template {
        Template::File { url, .. } => vec![(kind, url.clone(), None)],
        Template::Picture { url, caption, .. } => vec![(kind, url.clone(), caption.clone())],
        Template::MediaGroup(media) => media
            .iter()
            .map(|medium| {
                (
                    "picture".to_owned(),
                    medium.url.clone(),
                    medium.caption.clone(),
                )
            })
            .collect(),
        Template::Unknown { parameters, .. } => parameters
            .get("url")
            .and_then(Value::as_str)
            .map(|url| (kind, url.to_owned(), None))
            .into_iter()
            .collect(),
        _ => Vec::new(),
    }
}

//! What the two published bodies tell, in either order and any number of times.

use serde_json::{Value, json};

use super::office::{CHAT_CLOSED, MESSAGE_CREATED, Office};
use crate::support::dump::{self, Columns};

/// What they tell of projects, people and channels.
fn of_people() -> Vec<(&'static str, Value)> {
    vec![
        ("select slug from projects where id = 1", json!("asdf")),
        (
            "select name from operators where id = 1",
            json!("Администратор"),
        ),
        (
            "select department is null from operators where id = 1",
            json!(1),
        ),
        (
            "select avatar_id is null from operators where id = 1",
            json!(1),
        ),
        (
            "select count(*) from contacts where id = 21 and name is null and updated_at is null",
            json!(1),
        ),
        (
            "select name || phone || email from contacts where id = 13",
            json!("Альфред Хичкок+7 999 123-456alfred@example.com"),
        ),
        (
            "select extra->>'$.Details.Birthday' from contacts where id = 13",
            json!("13.08.1899"),
        ),
        (
            "select title from channels where id = 1",
            json!("Внутренний чат"),
        ),
        (
            "select extra->>'TotalTickets' from channels where id = 1",
            json!(292),
        ),
        (
            "select extra->>'$.IQChat.UpdatedAt' from channels where id = 1",
            json!(1_523_604_582_471_i64),
        ),
    ]
}

/// What they tell of chats, and what follows from it.
fn of_chats() -> Vec<(&'static str, Value)> {
    vec![
        ("select state from chats where id = 13", json!("closed")),
        ("select state from chats where id = 21", Value::Null),
        ("select contact_id from chats where id = 21", json!(21)),
        (
            "select updated_at from chats where id = 13",
            json!("2021-09-27 13:58:08.394"),
        ),
        (
            "select channel_id from gates where chat_id = 21 and id = 21",
            json!(1),
        ),
        (
            "select direction || sender_type || kind || operator_id from messages where id = 300",
            json!("outbounduserfile1"),
        ),
        (
            "select created_at from messages where id = 300",
            json!("2018-11-22 16:05:05.504"),
        ),
        ("select channel_id from messages where id = 300", json!(1)),
        (
            "select file_id from attachments where message_id = 300 and position = 0",
            json!("6054cfb4-ee70-11e8-8b35-3fa764e1543e.json"),
        ),
        (
            "select name from files join attachments on file_id = files.id",
            json!("example-request.json"),
        ),
        ("select owner_contact_id from files", json!(21)),
        (
            "select closed_at from tickets where id = 403 and chat_id = 13",
            json!("2021-09-27 13:58:08.427"),
        ),
        (
            "select closing_event_id from tickets where id = 403",
            json!(4622),
        ),
        (
            "select closed_at from tickets where id = 84 and chat_id = 21",
            Value::Null,
        ),
        (
            "select type || message_id || actor from events where id = 608",
            json!("message_created300user"),
        ),
        ("select contact_id from events where id = 4622", json!(13)),
        ("select count(*) from rejects", json!(0)),
        ("select count(*) from schema_drift", json!(0)),
        (
            "select messages from chat_totals where chat_id = 21",
            json!(1),
        ),
        (
            "select count(*) from changes where table_name = 'events' and op = 'insert'",
            json!(2),
        ),
    ]
}

/// The facts that both bodies together tell.
pub async fn hold(office: &Office) {
    for (sql, value) in of_people().into_iter().chain(of_chats()) {
        assert_eq!(office.value(sql).await, value, "{sql}");
    }
    let orphans = dump::query(&office.database(), "pragma foreign_key_check").await;
    assert_eq!(orphans.len(), 0, "{orphans:?}");
}

#[tokio::test]
async fn the_published_bodies_in_either_order_and_twice_each_tell_the_same() {
    let one = Office::open();
    assert_eq!(one.ingest(&[MESSAGE_CREATED, CHAT_CLOSED].concat()).code, 0);
    hold(&one).await;
    let rows = one.rows().await;
    for order in [
        vec![CHAT_CLOSED, MESSAGE_CREATED],
        vec![CHAT_CLOSED, CHAT_CLOSED, MESSAGE_CREATED, MESSAGE_CREATED],
        vec![MESSAGE_CREATED, CHAT_CLOSED, MESSAGE_CREATED, CHAT_CLOSED],
    ] {
        let other = Office::open();
        for body in order {
            let ended = other.ingest(body);
            assert_eq!(ended.code, 0, "{ended:?}");
        }
        hold(&other).await;
        assert_eq!(other.rows().await, rows);
    }
    // What was known changes nothing.
    let ended = one.ingest(CHAT_CLOSED);
    assert_eq!(ended.json()["taken"]["events"], 0);
    assert_eq!(ended.json()["taken"]["updated"], 0);
}

/// The values that a row tells, those in its JSON columns included.
fn values(row: &Columns, found: &mut Vec<Value>) {
    fn walk(value: &Value, found: &mut Vec<Value>) {
        match value {
            Value::Object(object) => object.values().for_each(|value| walk(value, found)),
            Value::Array(list) => list.iter().for_each(|value| walk(value, found)),
            value => found.push(value.clone()),
        }
    }
    row.values().for_each(|value| walk(value, found));
}

#[tokio::test]
async fn every_value_of_a_published_body_is_found_in_its_row() {
    for body in [MESSAGE_CREATED, CHAT_CLOSED] {
        let office = Office::open();
        assert_eq!(office.ingest(body).code, 0);
        let body: Value = serde_json::from_str(body).unwrap();
        for (list, table) in [
            ("Projects", "projects"),
            ("Channels", "channels"),
            ("Users", "operators"),
            ("Clients", "contacts"),
            ("Chats", "chats"),
            ("ChatMessages", "messages"),
            ("Files", "files"),
        ] {
            for object in body["Rels"][list].as_array().into_iter().flatten() {
                let id = object["Id"].to_string().replace('"', "'");
                let also = match table {
                    "chats" => {
                        ", (select channel_id from gates where chat_id = chats.id) as channel"
                    }
                    _ => "",
                };
                let sql = format!("select *{also} from {table} where id = {id}");
                let row = dump::query(&office.database(), &sql).await;
                let mut found = Vec::new();
                values(&row[0], &mut found);
                let mut asked = Vec::new();
                values(object.as_object().unwrap(), &mut asked);
                for value in asked.iter().filter(|value| !value.is_null()) {
                    assert!(
                        is_among(value, &found),
                        "{table} {id}: {value} is not in {found:?}"
                    );
                }
            }
        }
    }
}

/// As it is, as a flag that a column has as a number, or as a moment that a column has as text.
fn is_among(value: &Value, found: &[Value]) -> bool {
    let moment = value
        .as_i64()
        .and_then(chatmirror::clock::Timestamp::from_millis);
    let moment = moment.map(|at| json!(at.to_string()));
    let flag = value.as_bool().map(|flag| json!(i64::from(flag)));
    found.contains(value)
        || [moment, flag].into_iter().flatten().any(|value| found.contains(&value))
        // Computed for whoever asked; not kept.
        || *value == json!(false)
}

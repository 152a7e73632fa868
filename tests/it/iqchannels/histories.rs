//! Made-up histories: delivered in any order, any number of times, together or alone, they end in what is so.

use std::collections::BTreeMap;
use std::path::Path;

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::config::Config;
use chatmirror::daemon::Mailbox;
use chatmirror::pass::Parcel;
use chatmirror::store::RunStatus;
use fastrand::Rng;
use serde_json::{Value, json};

use super::account::Installation;
use super::office::rows;
use crate::support::dump;

/// Delivers the bodies in this order, some of them together.
async fn deliver(path: &Path, bodies: &[String], rng: &mut Rng) {
    let mut config = Config::parse("[source]\nkind = \"iqchannels\"").unwrap();
    config.database.path = path.to_owned();
    let now = Timestamp::from_millis(1_700_000_000_000).unwrap();
    let mailbox = Mailbox::open(&config, Clock::simulated(now)).await.unwrap();
    let mut rest = bodies;
    while !rest.is_empty() {
        let (now, later) = rest.split_at(rng.usize(1..=rest.len().min(9)));
        let parcels: Vec<Parcel> = now
            .iter()
            .map(|body| Parcel {
                body: body.clone().into_bytes(),
                origin: None,
            })
            .collect();
        let receipt = mailbox.take_in(&parcels).await.unwrap();
        assert!(receipt.refused.is_empty(), "{:?}", receipt.refused);
        rest = later;
    }
    mailbox.close(RunStatus::Complete).await.unwrap();
}

fn text(at: i64) -> String {
    Timestamp::from_millis(at).unwrap().to_string()
}

fn at(value: &Value) -> Value {
    value.as_i64().map_or(Value::Null, |at| text(at).into())
}

/// Where the mirror is not what the installation is.
#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    async fn of(path: &Path, truth: &Installation) -> Vec<String> {
        let mut found = Self::default();
        let events = dump::value(path, "select count(*) from events").await;
        found.compare("events", 0, &events, json!(truth.events));
        found.of_people(path, truth).await;
        found.of_chats(path, truth).await;
        found.of_messages(path, truth).await;
        found.0
    }

    fn compare(&mut self, what: &str, id: i64, is: &Value, should: impl Into<Value>) {
        let should = should.into();
        if *is != should {
            self.0
                .push(format!("{what} of {id} is {is} and should be {should}"));
        }
    }

    async fn of_people(&mut self, path: &Path, truth: &Installation) {
        for (id, row) in dump::table(path, "contacts", &["id"]).await {
            let client = &truth.clients[&id[0]];
            self.compare("name", id[0], &row["name"], client["Name"].clone());
            self.compare(
                "phone",
                id[0],
                &row["phone"],
                client["Details"]["Cellphone"].clone(),
            );
        }
        for (id, row) in dump::table(path, "operators", &["id"]).await {
            let operator = &truth.operators[&id[0]];
            self.compare("name", id[0], &row["name"], operator["Name"].clone());
        }
    }

    async fn of_chats(&mut self, path: &Path, truth: &Installation) {
        for (id, row) in dump::table(path, "chats", &["id"]).await {
            let chat = &truth.chats[&id[0]];
            self.compare(
                "updated_at",
                id[0],
                &row["updated_at"],
                at(&chat["ChangedAt"]),
            );
            self.compare(
                "contact",
                id[0],
                &row["contact_id"],
                chat["ClientId"].clone(),
            );
            self.compare(
                "ticket",
                id[0],
                &row["extra"]["TicketId"],
                chat["TicketId"].clone(),
            );
            let state = truth.states.get(&id[0]);
            let state = state.map(|open| if *open { "open" } else { "closed" });
            self.compare("state", id[0], &row["state"], json!(state));
        }
        let tickets = dump::table(path, "tickets", &["id"]).await;
        self.compare("tickets", 0, &json!(tickets.len()), truth.tickets.len());
        for (id, row) in tickets {
            let closed = truth.tickets[&id[0]].map(text);
            self.compare("closed_at", id[0], &row["closed_at"], json!(closed));
        }
    }

    async fn of_messages(&mut self, path: &Path, truth: &Installation) {
        let messages = dump::table(path, "messages", &["id"]).await;
        self.compare("messages", 0, &json!(messages.len()), truth.messages.len());
        for (id, row) in messages {
            let message = &truth.messages[&id[0]];
            self.compare("text", id[0], &row["text"], message["Text"].clone());
            self.compare("chat", id[0], &row["chat_id"], message["ChatId"].clone());
            self.compare("seen_at", id[0], &row["seen_at"], at(&message["ReadAt"]));
            self.compare(
                "delivered_at",
                id[0],
                &row["delivered_at"],
                at(&message["ReceivedAt"]),
            );
            self.compare(
                "read",
                id[0],
                &row["extra"]["Read"],
                message["Read"].clone(),
            );
            self.compare("channel", id[0], &row["channel_id"], 1);
            let moment =
                |moments: &BTreeMap<i64, i64>| json!(moments.get(&id[0]).map(|at| text(*at)));
            self.compare("edited_at", id[0], &row["edited_at"], moment(&truth.edited));
            self.compare(
                "deleted_at",
                id[0],
                &row["deleted_at"],
                moment(&truth.deleted),
            );
        }
    }
}

/// The kept tables, against what can be counted.
async fn kept_differences(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (what, kept, counted) in [
        (
            "chat_totals",
            "select chat_id, messages from chat_totals where messages > 0 order by 1",
            "select chat_id, count(*) from messages where deleted_at is null group by 1 order by 1",
        ),
        (
            "daily_counts",
            "select coalesce(sum(messages), 0) from daily_counts",
            "select count(*) from conversation",
        ),
        (
            "messages_fts",
            "select count(*) from messages_fts where messages_fts match 'words OR edited'",
            "select count(*) from messages where deleted_at is null",
        ),
    ] {
        let (kept, counted) = (
            dump::lists(path, kept).await,
            dump::lists(path, counted).await,
        );
        if kept != counted {
            found.push(format!("{what}: {kept:?} instead of {counted:?}"));
        }
    }
    found
}

#[tokio::test]
async fn whatever_the_order_the_mirror_is_what_the_installation_is() {
    for seed in 0..24 {
        let mut rng = Rng::with_seed(seed);
        let mut truth = Installation::after(seed, 40);
        let mut bodies = truth.pushed.clone();
        for _ in 0..rng.usize(0..40) {
            let again = if rng.bool() {
                truth.tell_again()
            } else {
                rng.choice(&truth.pushed).unwrap().clone()
            };
            bodies.push(again);
        }
        rng.shuffle(&mut bodies);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mirror.db");
        deliver(&path, &bodies, &mut rng).await;
        let mut found = Differences::of(&path, &truth).await;
        found.extend(kept_differences(&path).await);
        assert!(found.is_empty(), "seed {seed}:\n{}", found.join("\n"));
    }
}

/// A body that no server would send: few ids, few versions, any values.
fn noise(rng: &mut Rng) -> String {
    let value = |rng: &mut Rng| {
        let values = [
            json!(null),
            json!(0),
            json!(1),
            json!(2),
            json!(""),
            json!("a"),
            json!("b"),
            json!(true),
            json!(false),
        ];
        rng.choice(values).unwrap()
    };
    let object = |rng: &mut Rng, keys: &[&str]| {
        let mut object = json!({ "Id": rng.i64(1..4) });
        for key in keys {
            if rng.bool() {
                object[*key] = value(rng);
            }
        }
        for key in ["UpdatedAt", "ChangedAt", "CreatedAt", "ReadAt"] {
            if rng.bool() {
                object[key] = rng.i64(0..4).into();
            }
        }
        object
    };
    let mut message = object(
        rng,
        &[
            "ChatId", "Text", "Read", "UserId", "FileId", "Author", "Odd",
        ],
    );
    message["My"] = value(rng);
    let kinds = [
        "message_edited",
        "delete-messages",
        "chat_closed",
        "chat_opened",
        "message_created",
    ];
    let kind = rng.choice(kinds).unwrap();
    let mut event = object(
        rng,
        &["ChatId", "MessageId", "ClientId", "UserId", "Actor", "Odd"],
    );
    event["Id"] = rng.i64(0..8).into();
    event["Type"] = kind.into();
    if rng.bool() {
        event["Messages"] = json!([object(rng, &["Text", "ChatId", "Odd"])]);
    }
    let mut client = object(rng, &["Name", "ParentId", "Odd"]);
    client["Details"] = object(rng, &["Email", "Cellphone", "INN"]);
    json!({ "ChatEvent": event, "Rels": {
        "Chats": [object(rng, &["ClientId", "ChannelId", "TicketId", "Odd"])],
        "ChatMessages": [message],
        "Clients": [client],
        "Users": [object(rng, &["Name", "Active", "Odd"])],
        "Channels": [object(rng, &["Name", "ProjectId", "IQChat"])],
        "Files": [{ "Id": rng.choice(["a", "b"]), "Type": value(rng), "ClientId": value(rng) }],
    } })
    .to_string()
}

#[tokio::test]
async fn whatever_is_delivered_the_order_tells_nothing() {
    for seed in 0..40 {
        let mut rng = Rng::with_seed(seed);
        let bodies: Vec<String> = (0..rng.usize(2..14)).map(|_| noise(&mut rng)).collect();
        let mut ends = Vec::new();
        for _ in 0..3 {
            let mut order = bodies.clone();
            for _ in 0..rng.usize(0..4) {
                order.push(rng.choice(&bodies).unwrap().clone());
            }
            rng.shuffle(&mut order);
            let dir = tempfile::tempdir().unwrap();
            let path = dir.path().join("mirror.db");
            deliver(&path, &order, &mut rng).await;
            let orphans = dump::query(&path, "pragma foreign_key_check").await;
            assert!(orphans.is_empty(), "seed {seed}: {orphans:?}");
            ends.push(rows(&path).await);
        }
        for end in &ends[1..] {
            for (table, rows) in end {
                assert_eq!(rows, &ends[0][table], "seed {seed}: {table}");
            }
        }
    }
}

//! Made-up histories: delivered in any order, any number of times, together or alone, they end in what is so.

use std::path::Path;

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::config::Config;
use chatmirror::daemon::Mailbox;
use chatmirror::pass::Parcel;
use chatmirror::simulator::iqchannels::{Habits, History, Recipe};
use chatmirror::store::RunStatus;
use fastrand::Rng;
use serde_json::json;

use super::office::rows;
use super::truth;
use crate::support::dump;

/// A history that has not begun.
pub fn history(seed: u64, chats: i64) -> History {
    History::new(Recipe {
        seed,
        chats,
        began: Timestamp::from_millis(1_600_000_000_000).unwrap(),
        pause_ms: 5000,
    })
}

/// Delivers the bodies in this order, some of them together.
pub async fn deliver(path: &Path, bodies: &[String], rng: &mut Rng) {
    let mut config = Config::parse("[source]\nkind = \"iqchannels\"").unwrap();
    config.database.path = path.to_owned();
    let now = Timestamp::from_millis(1_700_000_000_000).unwrap();
    let mailbox = Mailbox::open(&config, Clock::simulated(now)).await.unwrap();
    take_in(&mailbox, bodies, rng).await;
    mailbox.close(RunStatus::Complete).await.unwrap();
}

/// Takes the bodies in, some of them together.
pub async fn take_in(mailbox: &Mailbox, bodies: &[String], rng: &mut Rng) {
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
}

/// The kept tables, against what can be counted.
pub async fn kept_differences(path: &Path) -> Vec<String> {
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
            "select rowid from messages_fts where messages_fts match 'Исправлено' order by 1",
            "select id from messages where deleted_at is null and text like '%Исправлено%' order by 1",
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
        let mut history = history(seed, 3);
        let habits = Habits {
            lost: 0,
            repeated: 40,
            overtaken: 100_000,
        };
        let told = habits.tell(&mut history, 60);
        let mut rng = Rng::with_seed(seed);
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("mirror.db");
        deliver(&path, &told.bodies, &mut rng).await;
        let mut found = truth::differences(&path, history.account(), &told.lost).await;
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

//! The vendor's own published bodies, served as they are: every value of them is found in the tables.

use std::collections::BTreeSet;

use chatmirror::clock::{Clock, Timestamp};
use chatmirror::config::Config;
use chatmirror::daemon::Mirror;
use chatmirror::pass::Progress;
use chatmirror::plan::Mode;
use chatmirror::simulator::Published;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::dump;

const CHATS_PAGE: &str = include_str!("../published/chats_page.json");
const CHAT: &str = include_str!("../published/chat.json");

#[derive(Deserialize)]
struct Page<'a> {
    #[serde(borrow)]
    collection: Vec<&'a RawValue>,
}

/// The published page with the published single chat behind its own items, each byte for byte.
fn all_chats() -> String {
    let page: Page = serde_json::from_str(CHATS_PAGE).unwrap();
    let mut items: Vec<&str> = page.collection.iter().map(|item| item.get()).collect();
    items.push(CHAT);
    format!(
        r#"{{"cursor":{{"page":1,"pages":1}},"collection":[{}]}}"#,
        items.join(",")
    )
}

#[tokio::test]
async fn every_published_value_is_found_in_the_tables() {
    let dir = tempfile::tempdir().unwrap();
    let stop = CancellationToken::new();
    let base_url = Published::new(&all_chats(), CHAT, Clock::System)
        .unwrap()
        .spawn(stop.clone())
        .await
        .unwrap();
    let mut config = Config::parse("").unwrap();
    config.source.base_url = base_url.parse().unwrap();
    config.source.requests_per_minute = 0;
    config.database.path = dir.path().join("mirror.db");
    let mirror = Mirror::open(&config, "any".into(), Clock::System)
        .await
        .unwrap();
    mirror.bind(&stop).await.unwrap();
    let (progress, _) = watch::channel(Progress::default());
    mirror
        .pass(
            Mode::Backfill.into(),
            &stop,
            &CancellationToken::new(),
            &progress,
        )
        .await
        .unwrap();
    mirror.close().await;
    let path = &config.database.path;

    let gates = dump::query(
        path,
        "select chat_id from gates where id = 3404 order by chat_id",
    )
    .await;
    let chats: Vec<i64> = gates
        .iter()
        .map(|row| row["chat_id"].as_i64().unwrap())
        .collect();
    assert_eq!(chats, [2120, 2196]);
    let counts = dump::query(
        path,
        "select chat_id, count(*) as n from gates group by chat_id order by chat_id",
    )
    .await;
    let counts: Vec<i64> = counts
        .iter()
        .map(|row| row["n"].as_i64().unwrap())
        .collect();
    assert_eq!(counts, [1, 1, 4]);
    let channels = dump::query(path, "select id from channels order by id").await;
    let channels: Vec<i64> = channels
        .iter()
        .map(|row| row["id"].as_i64().unwrap())
        .collect();
    assert_eq!(channels, [1, 2, 16, 34]);

    let mut stored = BTreeSet::new();
    for row in dump::mirror(path).await.into_values().flatten() {
        scalars(&Value::Object(row), &mut stored);
    }
    let mut sent = BTreeSet::new();
    let page: Page = serde_json::from_str(CHATS_PAGE).unwrap();
    for item in page.collection.iter().map(|item| item.get()).chain([CHAT]) {
        scalars(&serde_json::from_str(item).unwrap(), &mut sent);
    }
    let lost: Vec<&String> = sent.difference(&stored).collect();
    assert!(lost.is_empty(), "{lost:?}");
}

/// Every value in `value`, in the form that a column has for it.
fn scalars(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(object) => object.values().for_each(|value| scalars(value, found)),
        Value::Array(items) => items.iter().for_each(|value| scalars(value, found)),
        Value::Bool(flag) => drop(found.insert(i64::from(*flag).to_string())),
        Value::String(text) => {
            let as_moment = format!("{text}.000").parse::<Timestamp>();
            found.insert(as_moment.map_or_else(|_| text.clone(), |moment| moment.to_string()));
        }
        other => drop(found.insert(other.to_string())),
    }
}

//! The simulated installation does what the documents say of the platform.

use serde_json::{Value, json};

use super::*;
use crate::clock::Timestamp;
use tokio_util::sync::CancellationToken;

fn history(seed: u64) -> History {
    History::new(Recipe {
        seed,
        chats: 6,
        began: Timestamp::from_millis(1_600_000_000_000).unwrap(),
        pause_ms: 4000,
    })
}

fn mixed() -> Habits {
    Habits {
        lost: 20,
        repeated: 30,
        overtaken: 9,
    }
}

#[test]
fn a_seed_tells_the_whole_story() {
    let (one, other) = (
        mixed().tell(&mut history(3), 200),
        mixed().tell(&mut history(3), 200),
    );
    assert_eq!(one.bodies, other.bodies);
    assert!(!one.lost.is_empty());
    assert_ne!(one.bodies, mixed().tell(&mut history(4), 200).bodies);
}

#[test]
fn good_habits_tell_each_event_once_and_in_order() {
    let mut history = history(1);
    let told = Habits::good().tell(&mut history, 150);
    let ids: Vec<i64> = told
        .bodies
        .iter()
        .map(|body| {
            serde_json::from_str::<Value>(body).unwrap()["ChatEvent"]["Id"]
                .as_i64()
                .unwrap()
        })
        .collect();
    let events: Vec<i64> = history
        .account()
        .events
        .iter()
        .map(|event| event.id)
        .collect();
    assert_eq!(ids, events);
    assert!(ids.windows(2).all(|two| two[0] < two[1]));
}

async fn ask(base: &str, path: &str, query: Value, token: &str) -> Value {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let http = reqwest::Client::builder().no_proxy().build().unwrap();
    let request = http
        .post(format!("{base}/api/v1/{path}"))
        .body(query.to_string());
    let mut answer = request.bearer_auth(token).send().await.unwrap();
    let mut body = Vec::new();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        body.extend_from_slice(&chunk);
    }
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test]
async fn lists_are_pages_of_what_there_is() {
    let mut history = history(2);
    history.go_on(400);
    let installation = Installation::new(history, Options::default());
    let stop = CancellationToken::new();
    let base = installation.spawn(stop.clone()).await.unwrap();
    let token = "simulated-token";
    let channels = ask(&base, "channels/query", json!({}), token).await;
    assert_eq!(channels["Result"].as_array().unwrap().len(), 2);
    let mut listed = 0;
    for (channel, open) in [(1, true), (1, false), (2, true), (2, false)] {
        let path = format!("chats/query_by_channel/{channel}");
        let chats = ask(&base, &path, json!({ "Open": open }), token).await;
        listed += chats["Result"].as_array().unwrap().len();
    }
    assert_eq!(listed, installation.account(|account| account.chats.len()));
    let mut ids = Vec::new();
    let mut most = i64::MAX;
    loop {
        let query = json!({ "MaxId": most, "Limit": 7 });
        let page = ask(&base, "chats/messages/query_by_chat/1", query, token).await;
        let page: Vec<i64> = page["Result"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["Id"].as_i64().unwrap())
            .collect();
        let older: Vec<i64> = page.into_iter().filter(|id| *id < most).collect();
        let Some(least) = older.first() else { break };
        most = *least;
        ids.extend(older);
    }
    ids.sort_unstable();
    let truth: Vec<i64> =
        installation.account(|account| account.listed(1).map(|(id, _)| id).collect());
    assert_eq!(ids, truth);
    let refused = ask(&base, "channels/query", json!({}), "wrong").await;
    assert_eq!(refused["OK"], false);
    stop.cancel();
}

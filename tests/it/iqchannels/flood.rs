//! Senders who mean no good: a flood of the largest bodies gets its answers and takes no more room than a few of them, and who says nothing is cut off.

use futures_util::future::join_all;
use serde_json::json;

use super::office::MESSAGE_CREATED;
use super::receiver::{Receiver, SECRET};

const SENDERS: i64 = 80;

/// What a few bodies at a time come to, and the program itself. All at once would take several times as much.
const MOST_MEMORY: u64 = 256;

fn large_message(id: i64) -> String {
    json!({
        "ChatEvent": { "Id": id, "Type": "message_created", "ChatId": 1, "MessageId": id, "CreatedAt": 1_600_000_000_000_i64 + id },
        "Rels": { "ChatMessages": [{ "Id": id, "ChatId": 1, "Author": "client", "Payload": "text", "Text": "word ".repeat(180_000) }] },
    })
    .to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_large_bodies_is_answered_and_takes_bounded_room() {
    let receiver = Receiver::start().await;
    let bodies: Vec<String> = (1..=SENDERS).map(large_message).collect();
    let answers = join_all(bodies.iter().map(|body| receiver.delivers(body))).await;
    let taken = answers.iter().filter(|(status, _)| *status == 200).count();
    for (status, answer) in &answers {
        // Who is sent back after the head may find the connection closed before the body is sent, and the answer with it.
        let is_cut_off = *status == 0 && answer.is_empty();
        assert!(
            is_cut_off || [200, 503].contains(status),
            "{status} {answer}"
        );
    }
    if let Some(most) = receiver.most_memory() {
        assert!(most < MOST_MEMORY, "{most} MiB");
    }
    let office = receiver.ends("TERM").await;
    assert!(taken > 0);
    assert_eq!(office.value("select count(*) from messages").await, taken);
}

#[tokio::test]
async fn who_says_nothing_or_not_enough_is_cut_off() {
    let receiver = Receiver::start().await;
    let secret = format!("authorization: Bearer {SECRET}\r\n");
    let half = format!("POST /events HTTP/1.1\r\nhost: x\r\n{secret}content-length: 100\r\n\r\n{{");
    let (silent, unfinished, body) = tokio::join!(
        receiver.sends(b""),
        receiver.sends(b"POST /events HTTP/1.1\r\nhost:"),
        receiver.sends(half.as_bytes()),
    );
    assert!(silent.1.is_empty() && !unfinished.1.contains("200"));
    assert_eq!(body.0, 408, "{}", body.1);
    assert_eq!(receiver.delivers(MESSAGE_CREATED).await.0, 200);
}

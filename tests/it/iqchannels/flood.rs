//! A flood of the largest bodies there may be: each gets an answer, and they take no more room than a few of them.

use futures_util::future::join_all;
use serde_json::json;

use super::receiver::Receiver;

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

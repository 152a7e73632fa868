//! The reports that were written for one platform, on the other.

use chatmirror::simulator::iqchannels::{Habits, History, Recipe};
use fastrand::Rng;

use super::histories::deliver;
use crate::support::dump;

#[tokio::test]
async fn every_documented_question_has_an_answer_and_people_have_names() {
    // The questions are about February 2026.
    let mut history = History::new(Recipe {
        seed: 11,
        chats: 30,
        began: "2026-02-01 00:00:00.000".parse().unwrap(),
        pause_ms: 3_000_000,
    });
    let told = Habits::good().tell(&mut history, 1500);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror.db");
    deliver(&path, &told.bodies, &mut Rng::with_seed(1)).await;
    let text = include_str!("../../../docs/questions.md");
    let questions: Vec<&str> = text.split("```sql\n").skip(1).collect();
    assert!(questions.len() >= 10);
    let mut unanswered = Vec::new();
    for question in questions {
        let (sql, _) = question.split_once("```").unwrap();
        if dump::query(&path, sql).await.is_empty() {
            unanswered.push(sql);
        }
    }
    assert!(unanswered.is_empty(), "{}", unanswered.join("\n"));
    for nameless in [
        "select count(*) from operator_activity where operator like 'operator %' or operator = 'nameless'",
        "select count(*) from replies where operator like 'operator %'",
        "select count(*) from message_feed where sender_name is null and sender_type <> 'system'",
        "select count(*) from message_feed where chat_name is null",
        "select count(*) from chat_overview where chat_name is null",
        "select count(*) from unanswered_chats where chat_name is null",
    ] {
        assert_eq!(dump::value(&path, nameless).await, 0, "{nameless}");
    }
    let renamed = "select count(distinct operator) from operator_activity";
    assert_eq!(dump::value(&path, renamed).await, 4);
}

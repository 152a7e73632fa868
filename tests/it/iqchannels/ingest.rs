//! `chatmirror ingest`: what cannot be read is set aside, and the rest goes on.

use serde_json::{Value, json};

use super::office::{CHAT_CLOSED, MESSAGE_CREATED, Office};
use crate::support::program::ended;

fn line(body: &str) -> String {
    let body: Value = serde_json::from_str(body).unwrap();
    body.to_string()
}

#[tokio::test]
async fn a_bad_line_is_set_aside_with_its_number_and_the_rest_goes_on() {
    let office = Office::open();
    let text = format!(
        "{}\nnonsense\n{{\"OK\": false, \"Error\": {{\"Code\": 5}}}}\n{}\n",
        line(MESSAGE_CREATED),
        line(CHAT_CLOSED)
    );
    let path = office.file("events.jsonl", &text);
    let ended = ended(office.program(&["ingest", &path])).await;
    assert_eq!(ended.code, 65, "{ended:?}");
    assert!(
        ended.out.contains("4 bodies read, 2 new events"),
        "{}",
        ended.out
    );
    assert!(
        ended.out.contains("events.jsonl, line 2: it is no JSON"),
        "{}",
        ended.out
    );
    assert!(
        ended
            .out
            .contains("line 3: it is the platform's own refusal"),
        "{}",
        ended.out
    );
    assert_eq!(office.value("select count(*) from events").await, 2);
    assert_eq!(
        office.value("select raw from rejects order by id").await,
        "nonsense\n"
    );
    let run = "select mode || ' ' || status || ' ' || rejects from sync_runs";
    assert_eq!(office.value(run).await, "events partial 2");
}

#[tokio::test]
async fn files_of_one_body_each_and_of_many_are_read() {
    let one = Office::open();
    assert_eq!(one.ingest(&[MESSAGE_CREATED, CHAT_CLOSED].concat()).code, 0);
    let other = Office::open();
    let paths = [
        other.file("a.json", MESSAGE_CREATED),
        other.file("b.json", CHAT_CLOSED),
    ];
    let ended = ended(other.program(&["ingest", "--json", &paths[0], &paths[1]])).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    assert_eq!(ended.json()["bodies"], 2);
    assert_eq!(other.rows().await, one.rows().await);
}

#[tokio::test]
async fn bodies_are_kept_for_as_long_as_is_wanted() {
    let office = Office::open();
    office.ingest(MESSAGE_CREATED);
    let kept = "select body from deliveries where applied_at is not null and event_id = 608";
    assert_eq!(office.value(kept).await, MESSAGE_CREATED);
    let office = Office::with("[receiver]\nkeep_days = 0\n");
    office.ingest(MESSAGE_CREATED);
    assert_eq!(office.value("select count(*) from deliveries").await, 0);
}

#[tokio::test]
async fn of_two_events_with_one_id_one_is_believed_whichever_comes_first() {
    let event = |kind: &str, chat: i64| {
        let body = json!({
            "ChatEvent": { "Id": 5, "Type": kind, "ChatId": chat, "CreatedAt": 1000 },
            "Rels": { "Chats": [{ "Id": chat, "TicketId": 70 + chat, "ChangedAt": 900 }] },
        });
        format!("{body}\n")
    };
    let bodies = [
        event("chat_closed", 7),
        event("chat_opened", 7),
        event("chat_closed", 8),
    ];
    let mut seen = Vec::new();
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0]] {
        let office = Office::open();
        for place in order {
            office.ingest(&bodies[place]);
        }
        assert_eq!(
            office.value("select type || chat_id from events").await,
            "chat_closed7"
        );
        assert_eq!(
            office.value("select state from chats where id = 7").await,
            "closed"
        );
        assert_eq!(
            office.value("select state from chats where id = 8").await,
            Value::Null
        );
        assert_eq!(
            office
                .value("select closed_at from tickets where id = 78")
                .await,
            Value::Null
        );
        assert_eq!(office.value("select count(*) from rejects").await, 2);
        seen.push(office.rows().await);
    }
    assert!(seen.windows(2).all(|two| two[0] == two[1]));
}

#[tokio::test]
async fn a_mirror_of_one_platform_takes_nothing_of_another() {
    let office = Office::open();
    office.ingest(MESSAGE_CREATED);
    let before = office.rows().await;
    // Another installation: the same ids are other people.
    let config = std::fs::read_to_string(office.dir().join("config.toml")).unwrap();
    let other = config.replace(
        "kind = \"iqchannels\"",
        "kind = \"iqchannels\"\nbase_url = \"https://other.example\"",
    );
    std::fs::write(office.dir().join("config.toml"), &other).unwrap();
    let ended_other = office.ingest(CHAT_CLOSED);
    assert_eq!(ended_other.code, 78, "{ended_other:?}");
    let asked = config.replace("kind = \"iqchannels\"", "kind = \"smartsender\"");
    std::fs::write(office.dir().join("config.toml"), &asked).unwrap();
    let ended_asked = office.ingest(CHAT_CLOSED);
    assert_eq!(ended_asked.code, 78, "{ended_asked:?}");
    assert!(ended_asked.out.contains("iqchannels"), "{ended_asked:?}");
    std::fs::write(office.dir().join("config.toml"), &config).unwrap();
    let mut sync = office.program(&["sync"]);
    sync.env("CHATMIRROR_TOKEN", "t");
    let sync = ended(sync).await;
    assert_eq!(sync.code, 78, "{sync:?}");
    assert!(sync.err.contains("chatmirror run"), "{sync:?}");
    assert_eq!(office.rows().await, before);
}

#[tokio::test]
async fn status_and_check_claim_nothing_that_cannot_be_known() {
    let office = Office::open();
    office.ingest(&[MESSAGE_CREATED, CHAT_CLOSED].concat());
    let status = ended(office.program(&["status"])).await;
    assert_eq!(status.code, 0, "{status:?}");
    assert!(status.out.contains("complete  not known"), "{}", status.out);
    assert!(
        status.out.contains("tickets                2"),
        "{}",
        status.out
    );
    let check = ended(office.program(&["check"])).await;
    assert_eq!(check.code, 0, "{check:?}");
    assert!(check.out.contains("http.listen is empty"), "{}", check.out);
}

#[tokio::test]
async fn a_file_that_is_not_there_is_told_before_any_is_read() {
    let office = Office::open();
    let path = office.file("a.json", MESSAGE_CREATED);
    let ended = ended(office.program(&["ingest", &path, "missing.json"])).await;
    assert_eq!(ended.code, 2, "{ended:?}");
    assert!(ended.err.contains("missing.json"), "{ended:?}");
    assert!(!office.database().exists());
}

//! The views answer as one reckons by hand, and what is kept for them is what all messages together say.

mod kept;

use chatmirror::config::Config;
use chatmirror::model::{ChatState, Message};
use serde_json::{Value, json};

use crate::support::desk::{Desk, moment, said};
use crate::support::dump;

/// Every view that there is.
const VIEWS: [&str; 11] = [
    "channel_activity",
    "chat_overview",
    "conversation",
    "coverage",
    "daily_activity",
    "freshness",
    "message_feed",
    "operator_activity",
    "replies",
    "searchable",
    "unanswered_chats",
];

/// What `sql` gives, a row a list.
async fn asked(desk: &Desk, sql: &str) -> Value {
    let rows = dump::lists(&desk.path(), sql).await;
    rows.into_iter().map(Value::from).collect()
}

/// Chat 1: two questions in one go, a bot at once, a human later; then a question that nobody answers.
/// Chat 2: a human answers at once, after midnight in Kyiv. Chat 3 is closed and its question stands.
async fn three_chats() -> Desk {
    let desk = Desk::open().await;
    desk.channel(5, "telegram").await;
    desk.chats([1, 2], ChatState::Open).await;
    desk.chats([3], ChatState::Closed).await;
    let through_telegram = |message| Message {
        channel_id: Some(5),
        ..message
    };
    let messages = vec![
        said(10, 1, "2026-03-02 09:00:00", "contact", "Hello?"),
        said(11, 1, "2026-03-02 09:00:30", "contact", "Anybody?"),
        said(
            12,
            1,
            "2026-03-02 09:00:31",
            "project",
            "We will be with you",
        ),
        Message {
            internal: Some(true),
            ..said(13, 1, "2026-03-02 09:05", "operator", "who takes this?")
        },
        Message {
            kind: Some("action".to_owned()),
            ..said(14, 1, "2026-03-02 09:06", "project", "assigned to Olha")
        },
        said(15, 1, "2026-03-02 09:10", "operator", "Good morning"),
        said(16, 1, "2026-03-02 09:20", "contact", "Where is it?"),
        said(17, 1, "2026-03-02 09:21", "contact", "Still there?"),
        said(20, 2, "2026-03-02 22:30", "contact", "Are you open?"),
        said(21, 2, "2026-03-02 22:31", "operator", "No"),
        said(30, 3, "2026-03-03 10:00", "contact", "Thanks"),
    ];
    desk.say(messages.into_iter().map(through_telegram).collect())
        .await;
    desk
}

#[tokio::test]
async fn a_turn_is_what_was_asked_in_one_go_and_its_first_answers() {
    let desk = three_chats().await;
    let told = asked(
        &desk,
        "select chat_id, is_first, asked_message_id, asked_messages, answered_message_id, answered_by, seconds,
                human_message_id, operator, human_seconds, business_seconds
         from replies order by asked_at",
    )
    .await;
    let expected = json!([
        [1, 1, 10, 2, 12, "bot", 31, 15, "Olha", 600, null],
        [1, 0, 16, 2, null, null, null, null, null, null, null],
        [2, 1, 20, 1, 21, "human", 60, 21, "Olha", 60, null],
        [3, 1, 30, 1, null, null, null, null, null, null, null],
    ]);
    assert_eq!(told, expected);
}

#[tokio::test]
async fn a_chat_waits_since_the_first_message_that_nobody_answered() {
    let desk = three_chats().await;
    let told = asked(
        &desk,
        "select chat_id, messages, inbound, outbound, first_message_at, last_message_at, waiting_since
         from chat_overview order by chat_id",
    )
    .await;
    let (nine, twenty_past, half_past_ten) = (
        "2026-03-02 09:00:00.000",
        "2026-03-02 09:20:00.000",
        "2026-03-02 22:30:00.000",
    );
    let expected = json!([
        [1, 8, 4, 2, nine, "2026-03-02 09:21:00.000", twenty_past],
        [2, 2, 1, 1, half_past_ten, "2026-03-02 22:31:00.000", null],
        [
            3,
            1,
            1,
            0,
            "2026-03-03 10:00:00.000",
            "2026-03-03 10:00:00.000",
            "2026-03-03 10:00:00.000"
        ],
    ]);
    assert_eq!(told, expected);
    let waiting = "select chat_id, channel_type, waiting_since, unanswered_messages, last_words from unanswered_chats";
    let expected = json!([[1, "telegram", twenty_past, 2, "Still there?"]]);
    assert_eq!(asked(&desk, waiting).await, expected);
}

#[tokio::test]
async fn days_begin_at_midnight_in_the_report_zone() {
    let desk = three_chats().await;
    let days = "select day, channel_type, direction, messages, by_human, by_bot from daily_activity order by 1, 3";
    let in_utc = json!([
        ["2026-03-02", "telegram", "inbound", 5, 0, 0],
        ["2026-03-02", "telegram", "outbound", 3, 2, 1],
        ["2026-03-03", "telegram", "inbound", 1, 0, 0],
    ]);
    assert_eq!(asked(&desk, days).await, in_utc);
    count_by(&desk, "time_zone = \"Europe/Kyiv\"").await;
    let in_kyiv = json!([
        ["2026-03-02", "telegram", "inbound", 4, 0, 0],
        ["2026-03-02", "telegram", "outbound", 2, 1, 1],
        ["2026-03-03", "telegram", "inbound", 2, 0, 0],
        ["2026-03-03", "telegram", "outbound", 1, 1, 0],
    ]);
    assert_eq!(asked(&desk, days).await, in_kyiv);
    let operators = "select day, operator, messages, answers, average_seconds, longest_seconds from operator_activity";
    let expected = json!([
        ["2026-03-02", "Olha", 1, 1, 600.0, 600],
        ["2026-03-03", "Olha", 1, 1, 60.0, 60],
    ]);
    assert_eq!(asked(&desk, operators).await, expected);
    let channels = "select channel_type, messages, inbound, by_human, by_bot, first_day, last_day from channel_activity";
    let expected = json!([["telegram", 9, 6, 2, 1, "2026-03-02", "2026-03-03"]]);
    assert_eq!(asked(&desk, channels).await, expected);
    count_by(&desk, "time_zone = \"UTC\"").await;
    assert_eq!(asked(&desk, days).await, in_utc);
}

#[tokio::test]
async fn an_hour_later_in_summer() {
    let desk = Desk::open().await;
    desk.chats([1], ChatState::Open).await;
    count_by(&desk, "time_zone = \"Europe/Kyiv\"").await;
    desk.say(vec![
        said(1, 1, "2026-03-28 21:30", "contact", "winter: 23:30"),
        said(2, 1, "2026-03-29 00:59:59", "contact", "winter: 02:59:59"),
        said(3, 1, "2026-03-29 01:00", "contact", "summer: 04:00"),
        said(4, 1, "2026-03-29 21:30", "contact", "summer: 00:30"),
    ])
    .await;
    let told = asked(
        &desk,
        "select message_id, local_at from message_feed order by 1",
    )
    .await;
    let expected = json!([
        [1, "2026-03-28 23:30:00.000"],
        [2, "2026-03-29 02:59:59.000"],
        [3, "2026-03-29 04:00:00.000"],
        [4, "2026-03-30 00:30:00.000"],
    ]);
    assert_eq!(told, expected);
    let days = asked(
        &desk,
        "select day, messages from daily_activity order by day",
    )
    .await;
    let expected = json!([["2026-03-28", 1], ["2026-03-29", 2], ["2026-03-30", 1]]);
    assert_eq!(days, expected);
}

#[tokio::test]
async fn business_seconds_leave_out_nights_and_week_ends() {
    let desk = Desk::open().await;
    desk.chats(1..=4, ChatState::Open).await;
    count_by(&desk, "business_hours = \"09:00-18:00\"").await;
    desk.say(vec![
        // Within a day.
        said(10, 1, "2026-03-03 10:00", "contact", "?"),
        said(11, 1, "2026-03-03 10:05", "operator", "!"),
        // Friday evening to Monday morning: half an hour, and an hour.
        said(20, 2, "2026-03-06 17:30", "contact", "?"),
        said(21, 2, "2026-03-09 10:00", "operator", "!"),
        // Asked and answered while the desk was closed.
        said(30, 3, "2026-03-07 12:00", "contact", "?"),
        said(31, 3, "2026-03-07 12:10", "operator", "!"),
        // Asked by night: counted from nine.
        said(40, 4, "2026-03-03 03:00", "contact", "?"),
        said(41, 4, "2026-03-03 09:01", "operator", "!"),
    ])
    .await;
    let sql =
        "select seconds, business_seconds, human_business_seconds from replies order by chat_id";
    let expected = json!([
        [300, 300, 300],
        [232_200, 5400, 5400],
        [600, 0, 0],
        [21_660, 60, 60]
    ]);
    assert_eq!(asked(&desk, sql).await, expected);
    count_by(&desk, "").await;
    let without = asked(&desk, "select count(business_seconds) from replies").await;
    assert_eq!(without, json!([[0]]));
}

#[tokio::test]
async fn what_was_deleted_no_longer_asks_and_no_longer_answers() {
    let desk = three_chats().await;
    let deleted = |message| Message {
        channel_id: Some(5),
        deleted_at: moment("2026-03-04"),
        ..message
    };
    desk.say(vec![
        deleted(said(10, 1, "2026-03-02 09:00:00", "contact", "Hello?")),
        deleted(said(
            12,
            1,
            "2026-03-02 09:00:31",
            "project",
            "We will be with you",
        )),
        deleted(said(21, 2, "2026-03-02 22:31", "operator", "No")),
    ])
    .await;
    let sql = "select asked_message_id, asked_messages, answered_message_id, seconds from replies
               where chat_id < 3 order by asked_at";
    let expected = json!([[11, 1, 15, 570], [16, 2, null, null], [20, 1, null, null]]);
    assert_eq!(asked(&desk, sql).await, expected);
    let counts = asked(
        &desk,
        "select messages, inbound, outbound from chat_overview order by chat_id",
    )
    .await;
    assert_eq!(counts, json!([[6, 3, 1], [1, 1, 0], [1, 1, 0]]));
    let feed = asked(
        &desk,
        "select count(*), count(deleted_at) from message_feed",
    )
    .await;
    assert_eq!(feed, json!([[11, 3]]));
}

#[tokio::test]
async fn views_of_an_empty_mirror_and_of_messages_without_times_are_no_errors() {
    let desk = Desk::open().await;
    let listed = asked(
        &desk,
        "select name from sqlite_schema where type = 'view' order by name",
    )
    .await;
    assert_eq!(listed, json!(VIEWS.map(|view| [view])));
    for view in VIEWS.iter().filter(|view| **view != "freshness") {
        let rows = asked(&desk, &format!("select * from {view}")).await;
        assert_eq!(rows, json!([]), "{view}");
    }
    desk.chats([1], ChatState::Open).await;
    let nameless = |message| Message {
        text: None,
        kind: None,
        sender_name: None,
        ..message
    };
    desk.say(vec![
        nameless(said(1, 1, "", "contact", "")),
        nameless(said(2, 1, "", "operator", "")),
        nameless(said(3, 1, "2026-03-02", "integration", "")),
        nameless(said(4, 1, "2026-03-02", "operator", "")),
    ])
    .await;
    for view in VIEWS {
        asked(&desk, &format!("select * from {view}")).await;
    }
    let overview = asked(
        &desk,
        "select messages, inbound, outbound from chat_overview",
    )
    .await;
    assert_eq!(overview, json!([[4, 0, 1]]));
    let operators = asked(&desk, "select operator, messages from operator_activity").await;
    assert_eq!(operators, json!([["nameless", 1]]));
}

/// Counts by a `[report]` with these lines.
async fn count_by(desk: &Desk, lines: &str) {
    let config = Config::parse(&format!("[report]\n{lines}\n")).unwrap();
    desk.store.count_by(&config.report).await.unwrap();
}

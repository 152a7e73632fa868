//! How fast a mirror of many messages is written and asked. Ignored: run it by hand, in release, and read what it prints.
//!
//! `CHATMIRROR_MESSAGES=1000000 cargo test --release --test it measure -- --ignored --nocapture --test-threads=1`

use std::path::PathBuf;
use std::time::Instant;

use chatmirror::model::{ChatState, Json, Message};
use chatmirror::store::{Search, Store};
use fastrand::Rng;
use futures_util::{StreamExt, stream};
use serde_json::json;
use sqlx::{Connection, SqliteConnection};

use crate::support::desk::{Desk, said};
use crate::support::{account, dump};

/// What one answer of the source brings.
const PAGE: usize = 20;

/// Chats that are read side by side where nothing paces them.
const SIDE_BY_SIDE: usize = 32;

/// Messages a chat has.
const PER_CHAT: i64 = 50;

/// Each view's question, and the same asked of the bare tables where that can be done.
const QUESTIONS: [(&str, &str, &str); 9] = [
    (
        "chat_overview: the ten chats with most messages",
        "select chat_name, messages from chat_overview order by messages desc limit 10",
        "select chats.name, count(*) from messages join chats on chats.id = chat_id where messages.deleted_at is null
         group by chat_id order by 2 desc limit 10",
    ),
    (
        "chat_overview: one chat",
        "select * from chat_overview where chat_id = 77",
        "select count(*), min(created_at), max(created_at) from messages where chat_id = 77 and deleted_at is null",
    ),
    (
        "message_feed: the last 100 messages",
        "select * from message_feed order by created_at desc limit 100",
        "select * from messages order by created_at desc limit 100",
    ),
    (
        "replies: median seconds to a human answer, by channel, of a month",
        "with ranked as (
             select channel_type, human_seconds,
                 row_number() over (partition by channel_type order by human_seconds) as place,
                 count(*) over (partition by channel_type) as answers
             from replies where day between '2026-01-01' and '2026-01-31' and human_seconds is not null
         )
         select channel_type, answers, human_seconds from ranked where place = (answers + 1) / 2",
        "with said as (
             select chat_id, channel_id, created_at, sender_type,
                 lag(sender_type, 1, '') over (partition by chat_id order by created_at, id) as before
             from messages where created_at >= '2026-01-01' and created_at < '2026-02-01' and deleted_at is null
         )
         select channel_id, count(*), avg((
             select min(strftime('%s', answer.created_at)) from messages as answer
             where answer.chat_id = said.chat_id and answer.created_at > said.created_at and answer.sender_type = 'operator'
         ) - strftime('%s', created_at)) from said where sender_type = 'contact' and before <> 'contact' group by 1",
    ),
    (
        "replies: average of all, by who answered",
        "select answered_by, count(*), avg(seconds) from replies group by answered_by",
        "",
    ),
    (
        "unanswered_chats: the twenty that wait longest",
        "select * from unanswered_chats order by waiting_since limit 20",
        "select chat_id, max(created_at) from messages group by chat_id
         having max(iif(direction = 'outbound', created_at, '')) < max(created_at) order by 2 limit 20",
    ),
    (
        "daily_activity: all",
        "select day, sum(messages) from daily_activity group by day",
        "select date(created_at), count(*) from messages where deleted_at is null group by 1",
    ),
    (
        "channel_activity: all",
        "select * from channel_activity",
        "select channel_id, count(*) from messages where deleted_at is null group by 1",
    ),
    (
        "operator_activity: a month, by operator",
        "select operator, sum(messages), sum(answers), max(longest_seconds) from operator_activity
         where day between '2026-01-01' and '2026-01-31' group by operator",
        "select sender_name, count(*) from messages where sender_type = 'operator' and deleted_at is null
             and created_at >= '2026-01-01' and created_at < '2026-02-01' group by 1",
    ),
];

const SEARCHES: [&str; 6] = [
    "доставка",
    "замовлення",
    "дост",
    "delivery tomorrow",
    "0671234",
    "никтотакнепишет",
];

fn wanted() -> i64 {
    let set = std::env::var("CHATMIRROR_MESSAGES").ok();
    set.map_or(200_000, |number| number.parse().unwrap())
}

/// Words as the simulated people use them.
fn vocabulary() -> Vec<String> {
    let account = account(500, 14_000, 7);
    let messages = account.chats.values().flat_map(|chat| &chat.messages);
    messages
        .filter_map(|message| match &message.content.template {
            chatmirror::simulator::Template::Text(text) => Some(text.clone()),
            _ => None,
        })
        .flat_map(|text| text.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect()
}

/// Pages of messages, chat by chat, each chat's newest first, as a backfill brings them.
fn page(
    rng: &mut Rng,
    words: &[String],
    chat: i64,
    ids: std::ops::Range<i64>,
    seconds: i64,
) -> Vec<Message> {
    let mut at = seconds + rng.i64(0..2000);
    let mut page: Vec<Message> = ids
        .map(|id| {
            at += rng.i64(1..1800);
            let sender = rng
                .choice(["contact", "contact", "operator", "project"])
                .unwrap();
            let mut text: Vec<&str> = (0..rng.usize(2..16))
                .map(|_| rng.choice(words).unwrap().as_str())
                .collect();
            let number = format!(
                "+380 67 {:03}-{:02}-{:02}",
                rng.u16(..1000),
                rng.u8(..100),
                rng.u8(..100)
            );
            if rng.u8(..20) == 0 {
                text.push(&number);
            }
            let text = text.join(" ");
            let moment = chatmirror::clock::Timestamp::from_millis(at * 1000);
            Message {
                channel_id: Some(rng.i64(1..=5)),
                created_at: moment,
                delivered_at: moment,
                sender_name: Some(format!(
                    "{} {}",
                    sender,
                    if sender == "operator" {
                        rng.u8(..12)
                    } else {
                        0
                    }
                )),
                content: Json::new(
                    &json!({ "type": "text", "resource": { "parameters": { "content": text } } }),
                ),
                ..said(id, chat, "", sender, &text)
            }
        })
        .collect();
    page.reverse();
    page
}

/// The pages of all chats, a chat a list.
fn chats(messages: i64, words: &[String]) -> impl Iterator<Item = Vec<Vec<Message>>> {
    let mut rng = Rng::with_seed(1);
    (1..=messages / PER_CHAT).map(move |chat| {
        let seconds = 1_735_000_000 + rng.i64(0..45_000_000);
        let mut left = PER_CHAT;
        let mut pages = Vec::new();
        while left > 0 {
            let here = left.min(i64::try_from(PAGE).unwrap());
            let id = chat * PER_CHAT - left + 1;
            let from = seconds + left * 900;
            pages.push(page(&mut rng, words, chat, id..id + here, from));
            left -= here;
        }
        pages
    })
}

async fn desk_with_chats(messages: i64) -> Desk {
    let desk = match std::env::var("CHATMIRROR_MEASURE_DIR") {
        Ok(dir) => Desk::open_in(PathBuf::from(dir)).await,
        Err(_) => Desk::open().await,
    };
    for (id, kind) in (1..).zip(["telegram", "viber", "whatsapp", "facebook", "instagram"]) {
        desk.channel(id, kind).await;
    }
    let chats: Vec<i64> = (1..=messages / PER_CHAT).collect();
    for some in chats.chunks(1000) {
        desk.chats(some.iter().copied(), ChatState::Open).await;
    }
    desk
}

async fn written(name: &str, search: bool, messages: i64, words: &[String]) -> Desk {
    let desk = desk_with_chats(messages).await;
    desk.store.keep_index(search).await.unwrap();
    let begun = Instant::now();
    let at = &desk;
    stream::iter(chats(messages, words))
        .for_each_concurrent(SIDE_BY_SIDE, |pages| async move {
            for page in pages {
                at.page(page).await;
            }
        })
        .await;
    tell(name, messages, begun);
    desk
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people to read")]
fn tell(name: &str, messages: i64, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    println!(
        "{name:<44} {:>9.0} messages a second",
        messages as f64 / seconds
    );
}

/// The same rows in pages of the same size into the same table with its indexes, and nothing else.
async fn bare(messages: i64, words: &[String]) {
    let desk = desk_with_chats(messages).await;
    let path = desk.path();
    let _dir = desk.into_dir().await;
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display()))
        .await
        .unwrap();
    sqlx::raw_sql("pragma synchronous = normal; pragma cache_size = -6000")
        .execute(&mut connection)
        .await
        .unwrap();
    let begun = Instant::now();
    for page in chats(messages, words).flatten() {
        let mut transaction = connection.begin().await.unwrap();
        for message in page {
            sqlx::query(
                "insert into messages (id, chat_id, channel_id, direction, kind, text, sender_type, sender_name, internal,
                                       created_at, delivered_at, content)
                 values (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?11)",
            )
            .bind(message.id)
            .bind(message.chat_id)
            .bind(message.channel_id)
            .bind(if message.sender_type.as_deref() == Some("contact") { "inbound" } else { "outbound" })
            .bind(message.kind)
            .bind(message.text)
            .bind(message.sender_type)
            .bind(message.sender_name)
            .bind(message.internal)
            .bind(message.created_at.map(|at| at.to_string()))
            .bind(message.content.as_str())
            .execute(&mut *transaction)
            .await
            .unwrap();
        }
        transaction.commit().await.unwrap();
    }
    tell("bare inserts, a statement a row", messages, begun);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and only prints"]
async fn writing() {
    let (messages, words) = (wanted(), vocabulary());
    bare(messages, &words).await;
    written("the store, without search", false, messages, &words).await;
    written("the store, with search", true, messages, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes, and only prints"]
async fn asking() {
    let path = match std::env::var("CHATMIRROR_MEASURE_DIR")
        .map(|dir| PathBuf::from(dir).join("mirror.db"))
    {
        Ok(path) if path.exists() => path,
        _ => {
            let desk = written("the store, with search", true, wanted(), &vocabulary()).await;
            let path = desk.path();
            std::mem::forget(desk.into_dir().await);
            path
        }
    };
    println!(
        "{}: {} MB",
        path.display(),
        path.metadata().unwrap().len() / 1_000_000
    );
    for (question, view, tables) in QUESTIONS {
        println!(
            "{question:<68} {:>9} ms   on bare tables {:>9} ms",
            millis(&path, view).await,
            millis(&path, tables).await
        );
    }
    for (title, sql) in documented() {
        println!(
            "docs/questions.md {title:<50} {:>9} ms",
            millis(&path, sql).await
        );
    }
    let store = Store::open(&path).await.unwrap();
    for words in SEARCHES {
        let search = Search {
            query: words.to_owned(),
            limit: 20,
            ..Search::default()
        };
        let mut took = Vec::new();
        let mut found = 0;
        for _ in 0..5 {
            let begun = Instant::now();
            found = store.reader().search(&search).await.unwrap().len();
            took.push(begun.elapsed().as_millis());
        }
        took.sort_unstable();
        let like = format!(
            "select count(*) from (select id from messages where text like '%{words}%' order by id desc limit 20)"
        );
        println!(
            "search {words:<28} {:>5} ms (first shown {found}; slowest of 5: {} ms)   like: {} ms",
            took[2],
            took[4],
            millis(&path, &like).await
        );
    }
    store.close().await;
}

/// The worked questions, each with its title.
fn documented() -> impl Iterator<Item = (&'static str, &'static str)> {
    let sections = include_str!("../../docs/questions.md").split("\n## ");
    sections.filter_map(|section| {
        let (title, rest) = section.split_once('\n')?;
        let (_, rest) = rest.split_once("```sql\n")?;
        Some((title, rest.split_once("```")?.0))
    })
}

/// The middle of three times, with the file as warm as the machine keeps it.
async fn millis(path: &std::path::Path, sql: &str) -> u128 {
    let mut took = Vec::new();
    for _ in 0..if sql.is_empty() { 0 } else { 3 } {
        let begun = Instant::now();
        dump::lists(path, sql).await;
        took.push(begun.elapsed().as_millis());
    }
    took.sort_unstable();
    took.get(1).copied().unwrap_or(0)
}

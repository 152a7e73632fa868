//! The kept tables against their slow definitions, after histories made up from a seed.

use chatmirror::config::Config;
use chatmirror::model::{ChatState, Direction, Message};
use chatmirror::plan::Mode;
use chatmirror::simulator::Options;
use fastrand::Rng;
use std::path::Path;
use std::time::Duration;

use crate::support::desk::{Desk, moment, said};
use crate::support::{World, account, dump};

/// What counts as said, told from the table itself.
const SAID: &str = "said as (
    select id, chat_id, created_at as at, channel_id,
        case
            when direction = 'inbound' then 'contact'
            when sender_type in ('operator', 'user') or operator_id is not null then 'human'
            else 'bot'
        end as author,
        coalesce(sender_name, 'nameless') as operator,
        coalesce((
            select date(created_at, minutes || ' minutes') from report_offsets
            where starts_at <= created_at and created_at < ends_at
        ), substr(created_at, 1, 10)) as day
    from messages
    where deleted_at is null and created_at is not null and direction in ('inbound', 'outbound')
        and coalesce(internal, 0) = 0 and coalesce(kind, '') <> 'action' and coalesce(sender_type, '') <> 'system'
)";

/// A turn begins where the contact speaks and did not speak just before; all else is found from there, one by one.
const TURNS: &str = "
    select asked.chat_id, asked.at, asked.id, asked.day, asked.channel_id,
        (select count(*) from said where chat_id = asked.chat_id and author = 'contact' and (at, id) >= (asked.at, asked.id)
            and not exists (select 1 from said as between_them where between_them.chat_id = asked.chat_id
                and between_them.author <> 'contact' and (between_them.at, between_them.id) > (asked.at, asked.id)
                and (between_them.at, between_them.id) < (said.at, said.id))) as asked_messages,
        answer.at, answer.id, answer.author, strftime('%s', answer.at) - strftime('%s', asked.at),
        human.at, human.id, human.day, strftime('%s', human.at) - strftime('%s', asked.at), human.operator
    from said as asked
    left join said as answer on answer.id = (
        select id from said where chat_id = asked.chat_id and author <> 'contact' and (at, id) > (asked.at, asked.id)
        order by at, id limit 1)
    left join said as next on next.id = (
        select id from said where chat_id = asked.chat_id and author = 'contact' and (at, id) > (answer.at, answer.id)
        order by at, id limit 1)
    left join said as human on human.id = (
        select id from said where chat_id = asked.chat_id and author = 'human' and (at, id) > (asked.at, asked.id)
            and (next.id is null or (at, id) < (next.at, next.id))
        order by at, id limit 1)
    where asked.author = 'contact' and coalesce((
        select author from said where chat_id = asked.chat_id and (at, id) < (asked.at, asked.id)
        order by at desc, id desc limit 1), '') <> 'contact'";

const TOTALS: &str = "
    select chat_id, count(*),
        (select count(*) from said where chat_id = messages.chat_id and author = 'contact'),
        (select count(*) from said where chat_id = messages.chat_id and author <> 'contact'),
        min(created_at), max(created_at)
    from messages where deleted_at is null group by chat_id";

const DAYS: &str = "
    select day, coalesce(channel_id, 0), author, iif(author = 'human', operator, ''), count(*) from said
    group by 1, 2, 3, 4";

/// Holds what is kept against what the messages say; what is there and not said, and what is said and not there.
async fn differences(path: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for (kept, slow) in [
        ("select * from turns", TURNS),
        ("select * from chat_totals where messages <> 0", TOTALS),
        ("select * from daily_counts where messages <> 0", DAYS),
    ] {
        for (what, one, other) in [("kept", kept, slow), ("said", slow, kept)] {
            let sql = format!("with {SAID} select * from ({one}) except select * from ({other})");
            for row in dump::query(path, &sql).await {
                found.push(format!("only {what}: {row:?}"));
            }
        }
    }
    found
}

/// A message made up: times that tie, senders of all kinds, now and then without a time or deleted.
fn made_up(rng: &mut Rng, id: i64) -> Message {
    let at = format!("2026-03-{:02} {:02}:00", rng.u8(28..=30), rng.u8(0..24));
    let sender = rng.choice([
        "contact",
        "contact",
        "operator",
        "operator",
        "project",
        "system",
        "integration",
    ]);
    let message = said(
        id,
        rng.i64(1..=3),
        if rng.u8(0..12) == 0 { "" } else { &at },
        sender.unwrap(),
        "words",
    );
    Message {
        sender_name: rng.choice(["Olha", "Taras", "T\0ras"]).map(str::to_owned),
        internal: Some(rng.u8(0..10) == 0),
        kind: Some(if rng.u8(0..10) == 0 { "action" } else { "text" }.to_owned()),
        deleted_at: (rng.u8(0..6) == 0).then(|| moment("2026-04-01").unwrap()),
        channel_id: rng.bool().then_some(5),
        ..message
    }
}

#[tokio::test]
async fn what_is_kept_is_what_the_messages_say_however_they_came() {
    for seed in 0..40 {
        let mut rng = Rng::with_seed(seed);
        let desk = Desk::open().await;
        desk.channel(5, "viber").await;
        desk.chats(1..=3, ChatState::Open).await;
        for _ in 0..12 {
            // New ones, and ones that are written again as something else, even in another chat.
            let ids: std::collections::BTreeSet<i64> =
                (0..rng.usize(1..8)).map(|_| rng.i64(1..60)).collect();
            let page = ids.into_iter().map(|id| made_up(&mut rng, id)).collect();
            desk.say(page).await;
            if rng.u8(0..6) == 0 {
                let zone = rng
                    .choice(["UTC", "Europe/Kyiv", "America/New_York"])
                    .unwrap();
                let text = format!("[report]\ntime_zone = \"{zone}\"\n");
                desk.store
                    .count_by(&Config::parse(&text).unwrap().report)
                    .await
                    .unwrap();
            }
            let found = differences(&desk.path()).await;
            assert!(found.is_empty(), "seed {seed}: {found:#?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_is_what_the_messages_say_after_passes_over_a_changing_account() {
    let mut world = World::new(account(40, 900, 11), Options::default()).await;
    world.config.report = Config::parse("[report]\ntime_zone = \"Asia/Tokyo\"\n")
        .unwrap()
        .report;
    let mut rng = Rng::with_seed(11);
    for mode in [
        Mode::Backfill,
        Mode::Incremental,
        Mode::Reconcile,
        Mode::Backfill,
        Mode::Reconcile,
    ] {
        world.pass(mode).await.unwrap();
        let found = differences(&world.database()).await;
        assert!(found.is_empty(), "{mode:?}: {found:#?}");
        world.clock.advance(Duration::from_mins(10));
        world.simulator.churn(60, &mut rng);
        world.clock.advance(Duration::from_mins(10));
    }
    let deleted = dump::value(
        &world.database(),
        "select count(*) from messages where deleted_at is not null",
    )
    .await;
    assert!(
        deleted.as_i64() > Some(0),
        "the account should have lost something"
    );
}

#[tokio::test]
async fn a_kept_row_that_is_wrong_is_found() {
    let desk = Desk::open().await;
    desk.chats([1], ChatState::Open).await;
    let message = said(1, 1, "2026-03-01", "contact", "?");
    assert_eq!(message.direction, Some(Direction::Inbound));
    desk.say(vec![message]).await;
    assert!(differences(&desk.path()).await.is_empty());
    dump::execute(&desk.path(), "update turns set asked_messages = 2").await;
    dump::execute(&desk.path(), "update chat_totals set inbound = 0").await;
    dump::execute(&desk.path(), "delete from daily_counts").await;
    assert_eq!(differences(&desk.path()).await.len(), 5);
}

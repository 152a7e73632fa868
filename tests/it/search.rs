//! Search finds what people type, in whatever way they type it, and the index is what the messages say.

use chatmirror::clock::Timestamp;
use chatmirror::model::{ChatState, Message};
use chatmirror::plan::Mode;
use chatmirror::simulator::Options;
use chatmirror::store::{Found, Reader, Search, StoreError};
use fastrand::Rng;
use std::time::Duration;

use crate::support::desk::{Desk, moment, said};
use crate::support::program::ended;
use crate::support::{World, account, dump};

fn query(words: &str) -> Search {
    Search {
        query: words.to_owned(),
        limit: 100,
        ..Search::default()
    }
}

async fn ids(reader: &Reader, search: Search) -> Vec<i64> {
    let found = reader.search(&search).await.unwrap();
    found
        .into_iter()
        .map(|found: Found| found.message_id)
        .collect()
}

/// Fails if the index does not hold exactly what the view gives it to read.
async fn assert_sound(desk_or_world: &std::path::Path) {
    let check = "insert into messages_fts (messages_fts, rank) values ('integrity-check', 1)";
    dump::execute(desk_or_world, check).await;
}

/// Six messages in two chats.
async fn six() -> Desk {
    let desk = Desk::open().await;
    desk.channel(5, "telegram").await;
    desk.chats([1, 2], ChatState::Open).await;
    desk.say(vec![
        said(1, 1, "2026-03-01 10:00", "contact", "Жду ещё доставку"),
        said(
            2,
            1,
            "2026-03-01 10:01",
            "operator",
            "Доставка завтра, заказ 12-345",
        ),
        said(
            3,
            2,
            "2026-03-02 10:00",
            "contact",
            "Мій під’їзд другий, +38 (067) 123-45-67",
        ),
        Message {
            channel_id: Some(5),
            ..said(
                4,
                2,
                "2026-03-02 10:01",
                "operator",
                "Недоставка? \"Quoted\" 100% NEAR(you)",
            )
        },
        said(5, 2, "2026-03-03", "contact", "The delivery is LATE"),
        said(6, 2, "", "contact", "Без времени, доставка"),
    ])
    .await;
    desk
}

#[tokio::test]
async fn words_are_found_in_any_letters_by_their_beginning_and_by_their_parts() {
    let desk = six().await;
    let reader = desk.store.reader();
    for (typed, found) in [
        // Whole words first, then beginnings, then parts; of equal ones the newest.
        ("доставка", vec![6, 2, 4]),
        ("ДОСТАВ", vec![6, 2, 1, 4]),
        ("еще", vec![1]),
        ("ЕЩЁ", vec![1]),
        ("підїзд", vec![]),
        ("під'їзд", vec![3]),
        ("пiд'їзд", vec![3]),
        ("мій", vec![3]),
        ("0671234567", vec![3]),
        ("067 123", vec![3]),
        ("345", vec![2, 3]),
        ("12345", vec![2, 3]),
        ("заказ 12345", vec![2]),
        ("late delivery", vec![5]),
        ("ost", vec![]),
        ("до завтра", vec![2]),
    ] {
        let mut expected = found.clone();
        let mut got = ids(reader, query(typed)).await;
        if typed == "345" || typed == "12345" {
            expected.sort_unstable();
            got.sort_unstable();
        }
        assert_eq!(got, expected, "{typed}");
    }
}

#[tokio::test]
async fn what_is_syntax_elsewhere_is_only_words_here() {
    let desk = six().await;
    let reader = desk.store.reader();
    assert_eq!(ids(reader, query("\"Quoted\"")).await, [4]);
    assert_eq!(ids(reader, query("100%")).await, [4]);
    assert_eq!(ids(reader, query("NEAR(you)")).await, [4]);
    for words in [
        "\"\"\"",
        "dos* OR",
        "text:delivery",
        "a AND b AND c",
        "^the",
        "-late",
        "(((",
        "{x}",
        "'; drop",
    ] {
        match reader.search(&query(words)).await {
            Ok(found) => assert!(found.is_empty(), "{words}: {found:?}"),
            Err(StoreError::ShortQuery) => {}
            Err(error) => panic!("{words}: {error}"),
        }
    }
    for short in ["", "до", "a b c", "12"] {
        let answer = reader.search(&query(short)).await;
        assert!(matches!(answer, Err(StoreError::ShortQuery)), "{short}");
    }
}

#[tokio::test]
async fn a_search_can_be_narrowed_down() {
    let desk = six().await;
    let reader = desk.store.reader();
    let narrowed = async |narrow: &dyn Fn(&mut Search)| {
        let mut search = query("достав");
        narrow(&mut search);
        let mut found = ids(reader, search).await;
        found.sort_unstable();
        found
    };
    assert_eq!(narrowed(&|_| {}).await, [1, 2, 4, 6]);
    assert_eq!(narrowed(&|search| search.chat = Some(1)).await, [1, 2]);
    let since: Option<Timestamp> = moment("2026-03-01 10:01");
    assert_eq!(narrowed(&|search| search.since = since).await, [2, 4]);
    for channel in ["5", "telegram", "our telegram"] {
        assert_eq!(
            narrowed(&|search| search.channel = Some(channel.to_owned())).await,
            [4]
        );
    }
    let inbound = Some(chatmirror::model::Direction::Inbound);
    assert_eq!(narrowed(&|search| search.direction = inbound).await, [1, 6]);
    assert_eq!(narrowed(&|search| search.limit = 1).await, [6]);
}

#[tokio::test]
async fn edits_and_deletions_are_followed() {
    let desk = six().await;
    let reader = desk.store.reader();
    desk.say(vec![
        said(1, 1, "2026-03-01 10:00", "contact", "Уже привезли"),
        Message {
            deleted_at: moment("2026-03-04"),
            ..said(
                2,
                1,
                "2026-03-01 10:01",
                "operator",
                "Доставка завтра, заказ 12-345",
            )
        },
        Message {
            text: None,
            ..said(5, 2, "2026-03-03", "contact", "")
        },
    ])
    .await;
    assert_eq!(ids(reader, query("привезли")).await, [1]);
    assert_eq!(ids(reader, query("достав")).await, [6, 4]);
    assert_eq!(ids(reader, query("late")).await, [0_i64; 0]);
    assert_sound(&desk.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_part_of_every_message_finds_it_after_passes_over_a_changing_account() {
    let world = World::new(account(30, 600, 5), Options::default()).await;
    let mut rng = Rng::with_seed(5);
    for mode in [Mode::Backfill, Mode::Reconcile, Mode::Backfill] {
        world.pass(mode).await.unwrap();
        world.clock.advance(Duration::from_mins(10));
        world.simulator.churn(40, &mut rng);
        world.clock.advance(Duration::from_mins(10));
    }
    let path = world.database();
    let reader = Reader::open(&path).await.unwrap();
    let texts = dump::lists(
        &path,
        "select id, chat_id, text from messages where text is not null and deleted_at is null",
    );
    let mut tried = 0;
    for row in texts.await {
        let (id, chat, text) = (
            row[0].as_i64().unwrap(),
            row[1].as_i64(),
            row[2].as_str().unwrap(),
        );
        let letters: Vec<char> = text.chars().collect();
        if letters.len() < 3 {
            continue;
        }
        let from = rng.usize(..=letters.len() - 3);
        let to = rng.usize(from + 3..=letters.len());
        let part: String = letters[from..to].iter().collect();
        let typed = if rng.bool() {
            part.to_uppercase()
        } else {
            part.replace('ё', "е")
        };
        let search = Search {
            chat,
            ..query(&typed)
        };
        match reader
            .search(&Search {
                limit: 2000,
                ..search
            })
            .await
        {
            Ok(found) => {
                tried += 1;
                assert!(
                    found.iter().any(|found| found.message_id == id),
                    "{typed:?} in {text:?}"
                );
            }
            Err(StoreError::ShortQuery) => {}
            Err(error) => panic!("{typed:?}: {error}"),
        }
    }
    assert!(tried > 300, "{tried}");
    assert_sound(&path).await;
}

#[tokio::test]
async fn the_index_can_be_switched_off_and_on_again() {
    let desk = six().await;
    let reader = desk.store.reader();
    desk.store.keep_index(false).await.unwrap();
    desk.say(vec![said(7, 1, "2026-03-05", "contact", "Где доставка?")])
        .await;
    let size = dump::value(&desk.path(), "select count(*) from messages_fts_docsize").await;
    assert_eq!(size, 0);
    let answer = reader.search(&query("доставка")).await;
    assert!(matches!(answer, Err(StoreError::NoIndex)));
    desk.store.keep_index(true).await.unwrap();
    assert_eq!(ids(reader, query("доставка")).await, [7, 6, 2, 4]);
    assert_sound(&desk.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_searches_and_says_why_it_cannot() {
    let world = World::real(account(8, 120, 3), Options::default()).await;
    assert_eq!(ended(world.program(&["sync", "--backfill"])).await.code, 0);
    let sql = "select text from messages where length(text) > 12 and deleted_at is null order by id desc limit 1";
    let text = dump::value(&world.database(), sql).await;
    let found = ended(world.program(&["search", "--json", text.as_str().unwrap()])).await;
    assert_eq!(found.code, 0, "{found:?}");
    assert_eq!(found.json()["found"][0]["text"], text);
    let nothing = ended(world.program(&["search", "никтотакнепишет"])).await;
    assert_eq!((nothing.code, nothing.out.as_str()), (0, ""));
    assert!(nothing.err.contains("nothing found"), "{nothing:?}");
    let short = ended(world.program(&["search", "до"])).await;
    assert_eq!(short.code, 2);
    assert!(short.err.contains("three characters"), "{short:?}");
    for wrong in [
        ["--since", "yesterday"],
        ["--limit", "0"],
        ["--direction", "up"],
    ] {
        let mut arguments = vec!["search", "доставка"];
        arguments.extend(wrong);
        assert_eq!(ended(world.program(&arguments)).await.code, 2, "{wrong:?}");
    }
    world.write_config("[search]\nindex = false\n");
    assert_eq!(ended(world.program(&["sync"])).await.code, 0);
    let off = ended(world.program(&["search", "доставка"])).await;
    assert_eq!(off.code, 78);
    assert!(off.err.contains("search.index = true"), "{off:?}");
}

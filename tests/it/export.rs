//! Exports: every row as the mirror has it, only what has changed written again, and never half of a dataset.

mod program;
mod reading;

use std::fs;
use std::panic::resume_unwind;
use std::path::Path;
use std::time::Duration;

use chatmirror::export::{ExportError, Exported, Format, Order, Progress, export};
use chatmirror::model::{Account, ChatState, Message};
use chatmirror::plan::Mode;
use chatmirror::simulator::Options;
use chatmirror::store::{Binding, Reader};
use fastrand::Rng;
use tokio::task::JoinError;
use tokio_util::sync::CancellationToken;

use crate::support::desk::{Desk, moment, said};
use crate::support::{World, account, dump, noon};
use reading::{data, files};

const FORMATS: [Format; 3] = [Format::Parquet, Format::Csv, Format::Jsonl];

async fn exported(mirror: &Path, format: Format, out: &Path) -> Result<Exported, ExportError> {
    let reader = Reader::open(mirror).await.unwrap();
    let order = Order {
        format,
        out: out.to_owned(),
        full: false,
    };
    export(&reader, &order, &|_| {}, &CancellationToken::new()).await
}

/// Fails if the dataset is not, byte for byte, what a first export writes.
async fn assert_as_if_new(mirror: &Path, format: Format, out: &Path) {
    let new = tempfile::tempdir().unwrap();
    exported(mirror, format, new.path()).await.unwrap();
    let (new, old) = (
        data(&reading::account(new.path())),
        data(&reading::account(out)),
    );
    assert_eq!(
        new.keys().collect::<Vec<_>>(),
        old.keys().collect::<Vec<_>>()
    );
    assert!(new == old, "files differ");
}

/// A mirror with messages in three months, and one without a time.
async fn desk() -> Desk {
    let desk = Desk::open().await;
    let binding = Binding {
        kind: "smartsender",
        account: Account {
            id: "7".to_owned(),
            name: None,
            time_zone: None,
        },
        activities: true,
    };
    desk.store.bind(&binding, noon()).await.unwrap();
    desk.channel(5, "telegram").await;
    desk.chats([1, 2], ChatState::Open).await;
    desk.say(vec![
        said(
            1,
            1,
            "2026-01-31 23:59:59.999",
            "contact",
            "January, \"quoted\"\nand broken",
        ),
        said(2, 1, "2026-02-01", "operator", ""),
        said(3, 2, "2026-02-28 23:59", "contact", "February"),
        said(4, 2, "2026-03-01", "contact", "March"),
        said(5, 2, "", "contact", "Without a time"),
    ])
    .await;
    desk
}

#[tokio::test(flavor = "multi_thread")]
async fn every_format_gives_back_every_row_of_the_mirror() {
    let world = World::new(account(15, 400, 9), Options::default()).await;
    let mut rng = Rng::with_seed(9);
    for mode in [Mode::Backfill, Mode::Reconcile] {
        world.pass(mode).await.unwrap();
        world.clock.advance(Duration::from_mins(10));
        world.simulator.churn(30, &mut rng);
    }
    for format in FORMATS {
        let out = world.dir().join(format.ending());
        let made = exported(&world.database(), format, &out).await.unwrap();
        let directory = reading::account(&out);
        let mut rows = 0;
        for table in [
            "attachments",
            "channels",
            "chats",
            "contacts",
            "gates",
            "messages",
        ] {
            let truth = reading::truth(&world.database(), table).await;
            let read = reading::rows(&directory, table, format, &truth);
            assert!(!truth.is_empty());
            assert_eq!(read, truth, "{table} in {format}");
            rows += truth.len() as u64;
        }
        assert_eq!(made.rows, rows);
    }
}

#[tokio::test]
async fn texts_that_are_syntax_and_times_that_are_not_known_come_through() {
    let desk = desk().await;
    for format in FORMATS {
        let out = tempfile::tempdir().unwrap();
        exported(&desk.path(), format, out.path()).await.unwrap();
        let truth = reading::truth(&desk.path(), "messages").await;
        let read = reading::rows(&reading::account(out.path()), "messages", format, &truth);
        assert_eq!(read, truth, "{format}");
    }
}

#[tokio::test]
async fn only_months_in_which_something_has_changed_are_written_again() {
    let desk = desk().await;
    let out = tempfile::tempdir().unwrap();
    let again = async || {
        exported(&desk.path(), Format::Jsonl, out.path())
            .await
            .unwrap()
    };
    let first = again().await;
    assert!(first.full_because.is_some());
    assert_eq!((first.files, first.files_kept), (6, 0));
    let quiet = again().await;
    assert_eq!((quiet.files, quiet.files_kept), (0, 6));
    assert_eq!(quiet.full_because, None);

    desk.say(vec![said(3, 2, "2026-02-28 23:59", "contact", "edited")])
        .await;
    let edited = again().await;
    assert_eq!((edited.files, edited.rows, edited.files_kept), (1, 2, 5));
    assert_as_if_new(&desk.path(), Format::Jsonl, out.path()).await;

    // One comes to have a time, and one has another: both of their months are other than they were.
    desk.say(vec![
        said(5, 2, "2026-04-01", "contact", "Without a time"),
        said(4, 2, "2026-04-02", "contact", "March"),
    ])
    .await;
    let moved = again().await;
    assert_eq!((moved.files, moved.rows, moved.files_removed), (1, 2, 2));
    assert_as_if_new(&desk.path(), Format::Jsonl, out.path()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_any_changes_the_dataset_is_as_if_written_anew() {
    let world = World::new(account(12, 250, 4), Options::default()).await;
    let out = world.dir().join("out");
    let mut rng = Rng::with_seed(4);
    for (round, mode) in [
        Mode::Backfill,
        Mode::Incremental,
        Mode::Reconcile,
        Mode::Incremental,
    ]
    .into_iter()
    .enumerate()
    {
        world.pass(mode).await.unwrap();
        let made = exported(&world.database(), Format::Parquet, &out)
            .await
            .unwrap();
        assert_eq!(made.full_because.is_some(), round == 0);
        assert_eq!(made.files_kept > 0, round > 0);
        assert_as_if_new(&world.database(), Format::Parquet, &out).await;
        world.clock.advance(Duration::from_hours(24 * 20));
        world.simulator.churn(25, &mut rng);
        world.clock.advance(Duration::from_mins(10));
    }
}

/// Exports until so many rows are written, and is gone then, as if it had been killed.
async fn killed_after(rows: u64, mirror: &Path, out: &Path) {
    let reader = Reader::open(mirror).await.unwrap();
    let order = Order {
        format: Format::Csv,
        out: out.to_owned(),
        full: true,
    };
    let never = CancellationToken::new();
    // Not by a word to somebody else: it might have come to its end before that is heard.
    let watch = move |progress: Progress| {
        if progress.rows >= rows {
            resume_unwind(Box::new("killed"));
        }
    };
    let export = tokio::spawn(async move { export(&reader, &order, &watch, &never).await });
    let ended = export.await;
    assert!(
        ended.as_ref().is_err_and(JoinError::is_panic),
        "it should not have come to its end: {ended:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_killed_leaves_the_old_dataset_whole_and_the_next_one_is_right() {
    let world = World::new(account(12, 300, 6), Options::default()).await;
    let out = world.dir().join("out");
    world.pass(Mode::Backfill).await.unwrap();
    exported(&world.database(), Format::Csv, &out)
        .await
        .unwrap();
    let old = files(&reading::account(&out));
    world.clock.advance(Duration::from_hours(24 * 40));
    world.simulator.churn(60, &mut Rng::with_seed(6));
    world.clock.advance(Duration::from_mins(10));
    world.pass(Mode::Incremental).await.unwrap();

    killed_after(200, &world.database(), &out).await;
    let mut left = files(&reading::account(&out));
    left.retain(|name, _| !name.starts_with("_staged/"));
    assert!(left == old);

    exported(&world.database(), Format::Csv, &out)
        .await
        .unwrap();
    assert!(files(&reading::account(&out)) != old);
    assert!(!reading::account(&out).join("_staged").exists());
    assert_as_if_new(&world.database(), Format::Csv, &out).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_is_told_to_stop_leaves_everything_as_it_was() {
    let desk = desk().await;
    let out = tempfile::tempdir().unwrap();
    exported(&desk.path(), Format::Csv, out.path())
        .await
        .unwrap();
    let old = data(&reading::account(out.path()));
    desk.say(vec![said(3, 2, "2026-02-28 23:59", "contact", "edited")])
        .await;
    let reader = Reader::open(&desk.path()).await.unwrap();
    let order = Order {
        format: Format::Csv,
        out: out.path().to_owned(),
        full: false,
    };
    let stop = CancellationToken::new();
    let stopped = export(&reader, &order, &|_| stop.cancel(), &stop).await;
    assert!(matches!(stopped, Err(ExportError::Stopped)), "{stopped:?}");
    assert!(data(&reading::account(out.path())) == old);
    exported(&desk.path(), Format::Csv, out.path())
        .await
        .unwrap();
    assert_as_if_new(&desk.path(), Format::Csv, out.path()).await;
}

#[tokio::test]
async fn everything_is_written_again_where_it_cannot_be_told_what_has_changed() {
    let desk = desk().await;
    let out = tempfile::tempdir().unwrap();
    let again = async || {
        exported(&desk.path(), Format::Csv, out.path())
            .await
            .unwrap()
    };
    again().await;
    // Somebody has removed a file, and spoilt another.
    let directory = reading::account(out.path());
    let removed = "table=messages/month=2026-01/part-0.csv";
    fs::remove_file(directory.join(removed)).unwrap();
    fs::write(
        directory.join("table=messages/month=2026-03/part-0.csv"),
        "x",
    )
    .unwrap();
    let mended = again().await;
    assert_eq!((mended.files, mended.full_because), (2, None));
    assert_as_if_new(&desk.path(), Format::Csv, out.path()).await;

    // The mirror has forgotten what has changed; a file of a month that is no more is left.
    let stray = directory.join("table=messages/month=2019-01/part-0.csv");
    fs::create_dir_all(stray.parent().unwrap()).unwrap();
    fs::write(&stray, "id\n1\n").unwrap();
    desk.say(vec![Message {
        deleted_at: moment("2026-03-04"),
        ..said(3, 2, "2026-02-28 23:59", "contact", "February")
    }])
    .await;
    dump::execute(&desk.path(), "delete from changes").await;
    let anew = again().await;
    assert!(anew.full_because.unwrap().contains("no longer"), "{anew:?}");
    assert_eq!(anew.files_removed, 1);
    assert_as_if_new(&desk.path(), Format::Csv, out.path()).await;

    dump::execute(
        &desk.path(),
        "update source_account set bound_at = '2026-03-02 00:00:00.000'",
    )
    .await;
    assert!(again().await.full_because.unwrap().contains("begun anew"));
}

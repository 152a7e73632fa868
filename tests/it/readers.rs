//! What those who open the file meet: an empty mirror, times that nobody knows, queries that are none; and what they do to it by staying.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::process::Command;

use chatmirror::model::ChatState;
use chatmirror::plan::Mode;
use chatmirror::simulator::Options;
use chatmirror::store::Store;
use serde_json::{Value, json};
use sqlx::Connection;

use crate::support::desk::{Desk, said};
use crate::support::program::{ended, integrity};
use crate::support::{World, account, dump};

#[tokio::test]
async fn every_view_of_an_empty_mirror_answers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mirror.db");
    Store::open(&path).await.unwrap().close().await;
    let views = dump::lists(&path, "select name from sqlite_schema where type = 'view'").await;
    assert!(views.len() >= 11, "{views:?}");
    for view in views {
        let view = view[0].as_str().unwrap();
        let rows = dump::query(&path, &format!("select * from {view}")).await;
        assert_eq!(rows.len(), usize::from(view == "freshness"), "{view}");
    }
    let freshness = dump::query(&path, "select * from freshness").await;
    assert_eq!(freshness[0]["complete_through"], Value::Null);
    assert_eq!(freshness[0]["owed_chats"], 0);
    let found = "select count(*) from messages_fts where messages_fts match 'доставка'";
    assert_eq!(dump::value(&path, found).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_that_read_an_empty_mirror_say_so() {
    let world = World::real(account(2, 10, 3), Options::default()).await;
    Store::open(&world.database()).await.unwrap().close().await;
    let found = ended(world.program(&["search", "доставка"])).await;
    assert_eq!((found.code, found.out.as_str()), (0, ""), "{found:?}");
    assert!(found.err.contains("nothing found"), "{found:?}");
    let status = ended(world.program(&["status"])).await;
    assert_eq!(status.code, 0, "{status:?}");
    assert!(
        status.out.contains("has not been read to its end yet"),
        "{status:?}"
    );
    let out = world.dir().join("out");
    let arguments = ["export", "--format", "csv", "--out", out.to_str().unwrap()];
    let exported = ended(world.program(&arguments)).await;
    assert_eq!(exported.code, 78);
    assert!(
        exported.err.contains("not bound to an account yet"),
        "{exported:?}"
    );
    assert!(!out.exists());
}

#[tokio::test]
async fn messages_whose_time_is_not_known_are_shown_and_not_dated() {
    let desk = Desk::open().await;
    desk.chats([1], ChatState::Open).await;
    desk.say(vec![
        said(1, 1, "", "contact", "Коли це було?"),
        said(2, 1, "2026-03-01 10:00", "operator", "Не знаю"),
    ])
    .await;
    let path = desk.path();
    let feed = "select message_id, created_at, local_at from message_feed order by message_id";
    assert_eq!(
        dump::lists(&path, feed).await,
        [
            [json!(1), Value::Null, Value::Null],
            [
                json!(2),
                json!("2026-03-01 10:00:00.000"),
                json!("2026-03-01 10:00:00.000")
            ]
        ]
    );
    let overview = "select messages, inbound, outbound, first_message_at, last_message_at, waiting_since from chat_overview";
    assert_eq!(
        dump::lists(&path, overview).await,
        [[
            json!(2),
            json!(0),
            json!(1),
            json!("2026-03-01 10:00:00.000"),
            json!("2026-03-01 10:00:00.000"),
            Value::Null
        ]]
    );
    // There is nothing to reckon from: no turn, no day.
    assert_eq!(dump::value(&path, "select count(*) from replies").await, 0);
    let days = "select day, direction, messages from daily_activity";
    assert_eq!(
        dump::lists(&path, days).await,
        [[json!("2026-03-01"), json!("outbound"), json!(1)]]
    );
}

#[tokio::test]
async fn a_query_that_the_index_does_not_understand_is_told_so_and_harms_nothing() {
    let desk = Desk::open().await;
    desk.chats([1], ChatState::Open).await;
    desk.say(vec![said(
        1,
        1,
        "2026-03-01 10:00",
        "contact",
        "Жду доставку",
    )])
    .await;
    let mut connection = dump::connect(&desk.path()).await;
    let count = "select count(*) from messages_fts where messages_fts match ?1";
    for (query, why) in [
        ("\"достав", "unterminated string"),
        ("достав AND", "fts5: syntax error"),
        ("(достав", "fts5: syntax error"),
        ("body:достав", "no such column: body"),
        ("*", "unknown special query"),
    ] {
        let refused = sqlx::query_scalar::<_, i64>(count)
            .bind(query)
            .fetch_one(&mut connection)
            .await;
        let refused = refused.unwrap_err().to_string();
        assert!(refused.contains(why), "{query}: {refused}");
    }
    let found: i64 = sqlx::query_scalar(count)
        .bind("\"достав\"")
        .fetch_one(&mut connection)
        .await
        .unwrap();
    assert_eq!(found, 1);
    connection.close().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_stays_blocks_nobody_and_is_named_when_the_log_grows() {
    let world = World::real(account(8, 120, 3), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    let status = async || ended(world.program(&["status", "--json"])).await.json();
    let before = status().await;
    assert_eq!(before["readers"], json!([]));
    assert_eq!(before["wal_is_held"], false);

    let mut staying = dump::connect(&world.database()).await;
    let mut transaction = staying.begin().await.unwrap();
    let count = "select count(*) from messages";
    let seen: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    // More than is left over of a log in the ordinary way.
    let ballast = "create table ballast (bytes); insert into ballast values (zeroblob(80000000)); drop table ballast";
    dump::execute(&world.database(), ballast).await;
    let held = status().await;
    assert_eq!(held["wal_is_held"], true, "{held}");
    if cfg!(target_os = "linux") {
        assert_eq!(held["readers"][0]["pid"], std::process::id(), "{held}");
        let told = ended(world.program(&["status"])).await.out;
        let named = format!("(pid {}) keeps a transaction open", std::process::id());
        assert!(told.contains(&named), "{told}");
    }

    // The mirror goes on meanwhile, and who stays sees what was there.
    world.simulator.churn(20, &mut fastrand::Rng::with_seed(3));
    assert_eq!(ended(world.program(&["sync"])).await.code, 0);
    let changed = "select max(rows_inserted + rows_updated) > 0 from sync_runs where id = (select max(id) from sync_runs)";
    assert_eq!(dump::value(&world.database(), changed).await, 1);
    let still: i64 = sqlx::query_scalar(count)
        .fetch_one(&mut *transaction)
        .await
        .unwrap();
    assert_eq!(still, seen);

    transaction.rollback().await.unwrap();
    staying.close().await.unwrap();
    assert_eq!(ended(world.program(&["sync"])).await.code, 0);
    let after = status().await;
    assert_eq!(after["wal_is_held"], false, "{after}");
    assert_eq!(after["readers"], json!([]));
    assert_eq!(integrity(&world.database()).await, "ok");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_may_only_read_opens_a_mirror_at_rest_by_its_bare_path() {
    let world = World::real(account(4, 40, 3), Options::default()).await;
    assert_eq!(ended(world.program(&["sync", "--backfill"])).await.code, 0);
    let Some(mut sqlite) = as_nobody("sqlite3") else {
        println!("skipped: only root may become somebody else, and sqlite3 has to be there");
        return;
    };
    let permit = |path: &std::path::Path, mode: u32| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
    };
    permit(world.dir(), 0o755);
    for file in mirror_files(&world) {
        permit(&file, 0o644);
    }
    sqlite
        .arg(world.database())
        .arg("select count(*) from messages; delete from messages");
    let read = ended(sqlite).await;
    let there = dump::value(&world.database(), "select count(*) from messages").await;
    assert_eq!(read.out.trim(), there.to_string(), "{read:?}");
    assert!(read.err.contains("readonly"), "{read:?}");
}

/// The mirror and what stands beside it.
fn mirror_files(world: &World) -> Vec<std::path::PathBuf> {
    let entries = std::fs::read_dir(world.dir()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .filter(|path| path.to_str().unwrap().contains("mirror.db"))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_mirror_is_for_its_owner_and_the_readers_of_its_group() {
    let world = World::real(account(2, 10, 3), Options::default()).await;
    assert_eq!(ended(world.program(&["sync"])).await.code, 0);
    let copy = world.dir().join("copy-of-mirror.db");
    let copied = ended(world.program(&["snapshot", copy.to_str().unwrap()])).await;
    assert_eq!(copied.code, 0, "{copied:?}");
    let files = mirror_files(&world);
    assert_eq!(files.len(), 5, "{files:?}");
    for file in files {
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o640, "{}", file.display());
    }
}

/// The program, to be run by nobody; nothing if that cannot be.
fn as_nobody(program: &str) -> Option<Command> {
    let there = Command::new(program).arg("--version").output().is_ok();
    let root = std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0);
    let mut command = Command::new(program);
    command.uid(65534).gid(65534);
    (there && root).then_some(command)
}

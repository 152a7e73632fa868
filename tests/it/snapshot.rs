//! Sealed copies: whole, compact, alone, and made while the mirror is written.

use std::path::Path;

use chatmirror::plan::Mode;
use chatmirror::simulator::Options;
use chatmirror::store::Reader;
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::support::program::{Running, ended, files_beside, integrity, until};
use crate::support::{World, account, dump};

/// The names in a directory, in order.
fn names(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    // What SQLite keeps beside a mirror that is read comes and goes.
    names.retain(|name| !name.ends_with("-wal") && !name.ends_with("-shm"));
    names.sort();
    names
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_is_the_mirror_in_one_sound_file_that_nothing_stands_beside() {
    let world = World::real(account(20, 400, 3), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    let copies = world.dir().join("copies");
    std::fs::create_dir(&copies).unwrap();
    let copy = copies.join("copy.db");
    for _ in 0..2 {
        // The second one takes the place of the first.
        let made = ended(world.program(&["snapshot", "--json", copy.to_str().unwrap()])).await;
        assert_eq!(made.code, 0, "{made:?}");
        assert_eq!(made.json()["bytes"], copy.metadata().unwrap().len());
        let through =
            dump::value(&world.database(), "select complete_through from freshness").await;
        assert_eq!(made.json()["complete_through"], through);
        assert_eq!(std::fs::read_dir(&copies).unwrap().count(), 1);
    }
    assert_eq!(integrity(&copy).await, "ok");
    assert_eq!(dump::value(&copy, "pragma journal_mode").await, "delete");
    assert_eq!(dump::value(&copy, "pragma freelist_count").await, 0);
    assert_eq!(
        dump::mirror(&copy).await,
        dump::mirror(&world.database()).await
    );
    assert_eq!(files_beside(&copy), Vec::<String>::new());
    let found = "select count(*) > 0 from messages_fts where messages_fts match 'ост'";
    assert_eq!(dump::value(&copy, found).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_but_a_copy_is_replaced() {
    let world = World::real(account(4, 30, 3), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    let at = |name: &str| world.dir().join(name).to_str().unwrap().to_owned();
    std::fs::write(at("notes.txt"), "mine").unwrap();
    std::fs::copy(world.database(), at("other.db")).unwrap();
    std::fs::write(at("other.db-lock"), "").unwrap();
    std::os::unix::fs::symlink(world.database(), at("link.db")).unwrap();
    let before = names(world.dir());
    for (to, why) in [
        ("mirror.db", "it is the mirror itself"),
        ("link.db", "it is the mirror itself"),
        ("other.db", "another mirror is there"),
        ("notes.txt", "it is no snapshot"),
        ("nowhere/copy.db", "its directory does not exist"),
        (".", "it is a directory"),
    ] {
        let refused = ended(world.program(&["snapshot", &at(to)])).await;
        assert_eq!(refused.code, 78, "{to}: {refused:?}");
        assert!(refused.err.contains(why), "{to}: {refused:?}");
        assert_eq!(names(world.dir()), before, "{to}");
    }
    assert_eq!(std::fs::read(at("notes.txt")).unwrap(), b"mine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_that_is_called_off_leaves_nothing_and_keeps_the_old_one() {
    let world = World::real(account(20, 400, 3), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    let copy = world.dir().join("copy.db");
    let reader = Reader::open(&world.database()).await.unwrap();
    let stop = CancellationToken::new();
    reader.snapshot(&copy, &stop).await.unwrap();
    let (old, before) = (std::fs::read(&copy).unwrap(), names(world.dir()));
    stop.cancel();
    reader.snapshot(&copy, &stop).await.unwrap_err();
    assert_eq!(std::fs::read(&copy).unwrap(), old);
    assert_eq!(names(world.dir()), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_service_makes_copies_while_it_works_and_keeps_the_newest() {
    let world = World::real(account(30, 900, 5), Options::default()).await;
    let copies = world.dir().join("copies");
    std::fs::create_dir(&copies).unwrap();
    let account = world.simulator.account(|account| account.project.id);
    let old = &format!("mirror-{account}-2026-01-01T00-00-00Z.db");
    let abandoned = &format!("{old}.partial-1");
    // Of another account whose mirror has the same name, and of nobody.
    let others = [
        "mirror-9-2026-01-01T00-00-00Z.db",
        "mirror-9-2026-01-01T00-00-00Z.db.partial-1",
        "mirror-notes.db",
    ];
    for name in [abandoned.as_str(), old].into_iter().chain(others) {
        std::fs::write(copies.join(name), "").unwrap();
    }
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let schedule = format!(
        "[schedule]\nincremental = \"* * * * * *\"\nsnapshot = \"* * * * * *\"\n\
         [snapshot]\ndirectory = \"{}\"\nkeep = 2\n",
        copies.display()
    );
    std::fs::write(world.config_path(), config + &schedule).unwrap();
    let mut service = Running::start(&world, world.program(&["run"]));
    let mut rng = fastrand::Rng::with_seed(1);
    until(
        "three copies were made and the oldest are gone",
        async || {
            world.simulator.churn(3, &mut rng);
            let made = service.said().matches("snapshot made").count();
            made >= 3
                && !names(&copies)
                    .iter()
                    .any(|name| name == old || name == abandoned)
        },
    )
    .await;
    service.signal("TERM");
    assert_eq!(service.end().await.0.code(), Some(0), "{}", service.said());
    let left = names(&copies);
    let (own, rest): (Vec<_>, Vec<_>) = left
        .iter()
        .partition(|name| name.starts_with(&format!("mirror-{account}-")));
    assert_eq!(rest, others.iter().collect::<Vec<_>>());
    assert_eq!(own.len(), 2, "{left:?}");
    for name in own {
        let copy = copies.join(name);
        assert_eq!(integrity(&copy).await, "ok");
        // One moment: what is kept and what it is kept of agree.
        let sums = dump::lists(
            &copy,
            "select (select sum(messages) from chat_totals), (select count(*) from messages where deleted_at is null)",
        );
        let sums = sums.await;
        assert_eq!(sums[0][0], sums[0][1]);
        assert_ne!(sums[0][0], json!(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_of_copies_is_taken_up_and_given_up_by_reload() {
    let world = World::real(account(3, 20, 5), Options::default()).await;
    let without = std::fs::read_to_string(world.config_path()).unwrap();
    let copies = world.dir().join("copies");
    let with = format!(
        "{without}[schedule]\nsnapshot = \"* * * * * *\"\n[snapshot]\ndirectory = \"{}\"\nkeep = 2\n",
        copies.display()
    );
    let mut service = Running::start(&world, world.program(&["run"]));
    service.says("pass done").await;
    std::fs::write(world.config_path(), with).unwrap();
    service.signal("HUP");
    service.says("snapshot made").await;
    std::fs::write(world.config_path(), without).unwrap();
    service.signal("HUP");
    let taken_up = async || {
        service
            .said()
            .matches("the new configuration is in use")
            .count()
            == 2
    };
    until("the old configuration is in use again", taken_up).await;
    // A copy that was being made just then may still come; after it, there is nobody who would make another.
    std::fs::remove_dir_all(&copies).unwrap();
    std::fs::write(&copies, "no directory").unwrap();
    service.signal("TERM");
    assert_eq!(service.end().await.0.code(), Some(0), "{}", service.said());
    assert!(!service.said().contains("ERROR"), "{}", service.said());
}

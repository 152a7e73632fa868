//! The command: what it refuses, in which words, and what it tells.

use std::fs;
use std::path::{Path, PathBuf};

use chatmirror::plan::Mode;
use chatmirror::simulator::Options;

use super::reading::{self, data, files};
use crate::support::program::ended;
use crate::support::{World, account, dump};

/// The `account=…` directories of a dataset.
fn accounts(out: &Path) -> Vec<PathBuf> {
    let mut found: Vec<_> = fs::read_dir(out)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    found.sort();
    found
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_another_accounts_or_in_another_format_is_refused_in_words() {
    let world = World::real(account(4, 40, 3), Options::default()).await;
    let other = World::real(account(4, 40, 8), Options::default()).await;
    let out = world.dir().join("out");
    let export = async |world: &World, format: &str, out: &Path| {
        let out = out.to_str().unwrap();
        ended(world.program(&["export", "--format", format, "--out", out])).await
    };
    let early = export(&world, "csv", &out).await;
    assert_eq!(early.code, 78, "{early:?}");
    for world in [&world, &other] {
        world.pass(Mode::Backfill).await.unwrap();
        // Side by side they are one dataset.
        assert_eq!(export(world, "csv", &out).await.code, 0);
    }
    let both = accounts(&out);
    assert_eq!(both.len(), 2);
    let before = files(&out);
    let [first, second] = &both[..] else {
        panic!("{both:?}")
    };
    for (to, format, code, why) in [
        (first, "csv", 78, ""),
        (second, "csv", 78, ""),
        (&first.join("table=chats"), "csv", 78, ""),
        (&out, "jsonl", 78, "is in csv"),
        (&out, "orc", 2, "[possible values: parquet, csv, jsonl]"),
    ] {
        let refused = export(&world, format, to).await;
        assert_eq!(refused.code, code, "{to:?}: {refused:?}");
        assert!(refused.err.contains(why), "{refused:?}");
        assert!(files(&out) == before, "{to:?} {format}");
    }
    let theirs = export(&world, "csv", first).await.err + &export(&world, "csv", second).await.err;
    assert!(
        theirs.contains("this mirror is of smartsender account"),
        "{theirs}"
    );
    assert!(theirs.contains("inside an account's part"), "{theirs}");

    // One directory put in the other's place.
    fs::rename(first, world.dir().join("away")).unwrap();
    fs::rename(second, first).unwrap();
    fs::rename(world.dir().join("away"), second).unwrap();
    let swapped = export(&world, "csv", &out).await;
    assert_eq!(swapped.code, 78, "{swapped:?}");
    assert!(swapped.err.contains("holds the export of"), "{swapped:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_program_tells_what_it_wrote_and_two_do_not_write_at_once() {
    let world = World::real(account(6, 80, 3), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    let out = world.dir().join("out");
    let arguments = [
        "export",
        "--json",
        "--format",
        "parquet",
        "--out",
        out.to_str().unwrap(),
    ];
    let made = ended(world.program(&arguments)).await;
    assert_eq!(made.code, 0, "{made:?}");
    let directory = reading::account(&out);
    assert_eq!(made.json()["files"], data(&directory).len());
    let last = dump::value(&world.database(), "select max(seq) from changes").await;
    assert_eq!(made.json()["position"], last);
    let told = ended(
        world.program(
            &arguments[..1]
                .iter()
                .chain(&arguments[2..])
                .copied()
                .collect::<Vec<_>>(),
        ),
    )
    .await;
    assert!(told.out.contains("0 rows in 0 files written"), "{told:?}");

    let lock = fs::File::open(directory.join("_lock")).unwrap();
    lock.lock().unwrap();
    let held = ended(world.program(&arguments)).await;
    assert_eq!(held.code, 75, "{held:?}");
}

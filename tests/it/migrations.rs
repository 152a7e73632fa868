//! Mirrors of earlier versions: a sample of each schema version is brought up to date, loses nothing, and goes on.
//!
//! `CHATMIRROR_WRITE_SAMPLE=1` writes the sample of the present version; once that version is released, it stays as it is.

use std::path::{Path, PathBuf};

use chatmirror::simulator::Options;

use crate::service::something_new;
use crate::support::program::{ended, integrity};
use crate::support::{World, account, dump, truth};

/// The account that all samples mirror.
async fn world() -> World {
    World::real(account(2, 12, 21), Options::default()).await
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples")
}

async fn version(path: &Path) -> i64 {
    let version = dump::value(path, "pragma user_version").await;
    version.as_i64().unwrap()
}

/// Mirrors the account anew, and puts the mirror among the samples, in pages as small as they can be.
async fn write_sample() {
    let world = world().await;
    let made = ended(world.program(&["sync", "--backfill"])).await;
    assert_eq!(made.code, 0, "{made:?}");
    let path = world.database();
    let shrink = "pragma journal_mode = delete; pragma page_size = 512; vacuum";
    dump::execute(&path, shrink).await;
    let name = format!("schema-{}.db", version(&path).await);
    std::fs::copy(&path, samples().join(name)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_each_version_is_brought_up_to_date_loses_nothing_and_goes_on() {
    if std::env::var_os("CHATMIRROR_WRITE_SAMPLE").is_some() {
        write_sample().await;
    }
    let mut versions = Vec::new();
    let mut newest = 0;
    for sample in std::fs::read_dir(samples()).unwrap() {
        let sample = sample.unwrap().path();
        assert!(sample.metadata().unwrap().len() < 100_000, "{sample:?}");
        let world = world().await;
        std::fs::copy(&sample, world.database()).unwrap();
        versions.push(version(&world.database()).await);
        let before = dump::mirror(&world.database()).await;
        let synced = ended(world.program(&["sync"])).await;
        assert_eq!(
            synced.code, 0,
            "{sample:?}: {synced:?}\nbefore its release, a schema may be edited in place: CHATMIRROR_WRITE_SAMPLE=1 writes the sample anew"
        );
        newest = version(&world.database()).await;
        let after = dump::mirror(&world.database()).await;
        for (table, rows) in before {
            assert_eq!(after[table].len(), rows.len(), "{table}");
            for (row, now) in rows.iter().zip(&after[table]) {
                for (column, value) in row {
                    assert_eq!(now[column], *value, "{table}.{column}");
                }
            }
        }
        something_new(&world.simulator, "Ви ще тут?");
        assert_eq!(ended(world.program(&["sync"])).await.code, 0);
        truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
        assert_eq!(integrity(&world.database()).await, "ok");
    }
    assert!(
        versions.contains(&newest),
        "schema version {newest} has no sample: CHATMIRROR_WRITE_SAMPLE=1 writes it"
    );
}

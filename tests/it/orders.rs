//! What the operator or the schedule asks for is done, whatever comes in between.

use std::collections::BTreeSet;
use std::time::Duration;

use chatmirror::simulator::{Fault, Target};

use crate::service::{always, catches_up, stops, stored, world};
use crate::support::program::{Running, ended, until};
use crate::support::{World, dump};

const RECONCILED: &str =
    "select count(*) from sync_runs where mode = 'reconcile' and status = 'complete'";

/// What the mirror keeps of the last reconcile pass is a year old.
async fn was_long_ago(world: &World) {
    let path = world.database();
    dump::execute(
        &path,
        "update source_traits set value = '\"2025-01-01 00:00:00.000\"' where name = 'daemon.reconciled'",
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_pass_that_was_due_while_nobody_ran_is_made_good() {
    let world = world(5, 40, 0).await;
    for (round, expected) in [0, 0, 1, 1].into_iter().enumerate() {
        let mut daemon = Running::start(&world, world.program(&["run"]));
        catches_up(&world).await;
        until("as many as were due", async || {
            stored(&world, RECONCILED).await == expected
        })
        .await;
        let before = world.simulator.request_count();
        until("more looks", async || {
            world.simulator.request_count() > before + 4
        })
        .await;
        assert_eq!(stored(&world, RECONCILED).await, expected, "round {round}");
        stops(&world, &mut daemon).await;
        if round == 1 {
            was_long_ago(&world).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reconcile_pass_that_fails_is_tried_again() {
    let world = world(60, 120, 0).await;
    let mut daemon = Running::start(&world, world.program(&["run"]));
    catches_up(&world).await;
    stops(&world, &mut daemon).await;
    was_long_ago(&world).await;
    always(&world, Target::Anything, Fault::Status(503));
    let mut daemon = Running::start(&world, world.program(&["run"]));
    let tried = "select count(*) from sync_runs where mode = 'reconcile'";
    until("a try", async || stored(&world, tried).await > 0).await;
    world.simulator.clear_faults();
    until("a reconcile pass", async || {
        stored(&world, RECONCILED).await == 1
    })
    .await;
    stops(&world, &mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_is_asked_for_while_another_is_read_follows_it() {
    let world = world(60, 600, 40).await;
    let mut daemon = Running::start(&world, world.program(&["run"]));
    let read = "select count(*) from chat_sync where owed is null";
    until("a few chats are read", async || {
        let tables = "select count(*) from sqlite_schema where name = 'messages_by_time'";
        stored(&world, tables).await > 0 && stored(&world, read).await > 3
    })
    .await;
    // However long the program takes to ask, the daemon must not be done by then.
    let answers_within = |latency| {
        world
            .simulator
            .change_options(|options| options.latency = latency);
    };
    answers_within(Duration::from_secs(5));
    let asked = ended(world.program(&["sync", "--backfill"])).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let owed = "select count(*) from chat_sync where owed is not null";
    assert!(
        stored(&world, owed).await > 0,
        "it came too late to prove anything"
    );
    let asked_before = world.simulator.requests().len();
    answers_within(Duration::ZERO);
    until("every chat is read again", async || {
        let requests = world.simulator.requests();
        let read = requests[asked_before..].iter().filter_map(|request| {
            let (path, _) = request.target.split_once("/messages")?;
            path.rsplit('/').next()?.parse::<i64>().ok()
        });
        read.collect::<BTreeSet<_>>().len() == 60
    })
    .await;
    catches_up(&world).await;
    stops(&world, &mut daemon).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_configuration_waits_for_a_source_that_is_away() {
    let world = world(5, 40, 0).await;
    let mut daemon = Running::start(&world, world.program(&["run"]));
    catches_up(&world).await;
    always(&world, Target::Me, Fault::Status(503));
    // Another name of the same address must be seen to lead to the same account.
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    assert!(config.contains("127.0.0.1"), "{config}");
    let config = config.replacen("127.0.0.1", "localhost", 1);
    std::fs::write(world.config_path(), config).unwrap();
    daemon.signal("HUP");
    daemon.says("the new configuration waits").await;
    world.simulator.clear_faults();
    daemon.says("the new configuration is in use").await;
    catches_up(&world).await;
    stops(&world, &mut daemon).await;
}

//! The service: it rings, mirrors while the account lives, stops when told to, and goes on where it was.

use std::path::Path;
use std::time::Duration;

use chatmirror::simulator::{
    Fault, FaultRule, Mutation, Occasion, Options, Simulator, Speaker, Target,
};

use crate::support::program::{Running, ended, files_beside, integrity, until};
use crate::support::{World, account, dump, truth};

/// How soon the service must have ended after it was told to.
const SOON: Duration = Duration::from_secs(5);

/// A world whose service rings every second.
pub async fn world(chats: usize, messages: usize, latency_ms: u64) -> World {
    let options = Options {
        latency: Duration::from_millis(latency_ms),
        ..Options::default()
    };
    let world = World::real(account(chats, messages, 5), options).await;
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let rings = "[schedule]\nincremental = \"* * * * * *\"\n";
    std::fs::write(world.config_path(), config + rings).unwrap();
    world
}

fn service(world: &World) -> Running {
    Running::start(world, world.program(&["run"]))
}

/// All is in the file, and what readers need stands beside it.
fn assert_log_is_empty(path: &Path) {
    assert_eq!(files_beside(path), ["-wal", "-shm"]);
    let log = format!("{}-wal", path.display());
    assert_eq!(std::fs::metadata(log).unwrap().len(), 0);
}

/// Tells the service to end, and holds it to ending soon, without complaint and without leaving a file half closed.
pub async fn stops(world: &World, service: &mut Running) {
    service.signal("TERM");
    let (status, after) = service.end().await;
    assert_eq!(status.code(), Some(0), "{}", service.said());
    assert!(after < SOON, "ended after {after:?}: {}", service.said());
    let path = world.database();
    assert_log_is_empty(&path);
    assert_eq!(integrity(&path).await, "ok");
}

/// Waits until the mirror equals the account as it is now.
pub async fn catches_up(world: &World) {
    until("the mirror equals the account", async || {
        let stored = stored(
            world,
            "select count(*) from sqlite_schema where name = 'freshness'",
        );
        if stored.await == 0 {
            return false;
        }
        let account = world.simulator.account(Clone::clone);
        truth::differences(&world.database(), &account)
            .await
            .is_empty()
    })
    .await;
}

/// A number from the mirror; 0 while there is no file.
pub async fn stored(world: &World, sql: &str) -> i64 {
    if !world.database().exists() {
        return 0;
    }
    dump::value(&world.database(), sql).await.as_i64().unwrap()
}

async fn messages_come_in(world: &World) {
    let tables = "select count(*) from sqlite_schema where name = 'messages_by_time'";
    until("the first messages", async || {
        stored(world, tables).await > 0 && stored(world, "select count(*) from messages").await > 0
    })
    .await;
}

pub fn something_new(simulator: &Simulator, words: &str) {
    let chat = simulator.account(|account| *account.chats.keys().next().unwrap());
    simulator
        .apply(Mutation::say(chat, Speaker::Contact, words))
        .unwrap();
}

pub fn always(world: &World, target: Target, fault: Fault) {
    world.simulator.fault(FaultRule {
        target,
        fault,
        occasion: Occasion::Always,
    });
}

#[tokio::test(flavor = "multi_thread")]
async fn it_mirrors_what_changes_while_it_runs_and_passes_never_overlap() {
    // A pass takes longer than it is from ring to ring.
    let world = world(3, 20, 600).await;
    let mut first = service(&world);
    catches_up(&world).await;
    for words in ["Чи є знижка?", "Дякую!"] {
        something_new(&world.simulator, words);
        catches_up(&world).await;
    }
    stops(&world, &mut first).await;
    something_new(&world.simulator, "Is anybody there?");
    let mut second = service(&world);
    catches_up(&world).await;
    stops(&world, &mut second).await;
    let passes = stored(&world, "select count(*) from sync_runs").await;
    assert!(passes >= 4, "{passes} passes");
    let overlaps = "select count(*) from sync_runs a join sync_runs b on b.id > a.id
                    where a.finished_at is null or b.started_at < a.finished_at";
    assert_eq!(stored(&world, overlaps).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_in_the_middle_of_a_backfill_and_goes_on_with_it() {
    let world = world(60, 600, 40).await;
    let mut first = service(&world);
    messages_come_in(&world).await;
    stops(&world, &mut first).await;
    let before = world.simulator.request_count();
    let left = stored(
        &world,
        "select count(*) from chat_sync where owed is not null",
    )
    .await;
    assert!(left > 0, "it was stopped too late to prove anything");
    let mut second = service(&world);
    catches_up(&world).await;
    assert!(world.simulator.request_count() > before);
    stops(&world, &mut second).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_while_a_request_hangs() {
    let world = world(5, 40, 0).await;
    always(&world, Target::Messages, Fault::Stall(None));
    let mut hanging = service(&world);
    let asks = |path: &str| {
        let requests = world.simulator.requests();
        requests.iter().any(|request| request.target.contains(path))
    };
    until("a request that hangs", async || asks("/messages")).await;
    stops(&world, &mut hanging).await;
    // So does one that hangs before it knows whose account it is.
    world.simulator.clear_faults();
    std::fs::remove_file(world.database()).unwrap();
    always(&world, Target::Me, Fault::Stall(None));
    let before = world.simulator.request_count();
    let mut hanging = service(&world);
    until("a request that hangs", async || {
        world.simulator.request_count() > before
    })
    .await;
    stops(&world, &mut hanging).await;
    world.simulator.clear_faults();
    let mut freed = service(&world);
    catches_up(&world).await;
    stops(&world, &mut freed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn it_stops_while_it_waits_out_a_lock_and_does_not_ask_a_locked_source_again() {
    let world = world(20, 200, 0).await;
    // Requests that are under way when the lock falls cannot be called back: one at a time, there are none.
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let config = config.replace("[source]", "[source]\nmax_in_flight = 1");
    std::fs::write(world.config_path(), config).unwrap();
    world
        .simulator
        .change_options(|options| options.requests_per_minute = Some(6));
    let mut first = service(&world);
    first.says("the source asks to wait").await;
    stops(&world, &mut first).await;
    let before = world.simulator.request_count();
    let mut second = service(&world);
    second.says("the source asks to wait").await;
    stops(&world, &mut second).await;
    assert_eq!(world.simulator.request_count(), before);
    // Those that were on their way when it locked could not be called back.
    let violations = world.simulator.violations();
    let late = violations.iter().filter(|request| request.while_locked);
    assert!(late.count() < 4, "{violations:?}");
    // The doctor does not ask it either.
    let doctor = ended(world.program(&["check"])).await;
    assert_eq!(doctor.code, 69, "{doctor:?}");
    assert!(doctor.out.contains("takes no requests until"), "{doctor:?}");
    assert_eq!(world.simulator.request_count(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_backfill_goes_on_instead_of_beginning_again() {
    let whole = world(60, 600, 0).await;
    assert_eq!(ended(whole.program(&["sync", "--backfill"])).await.code, 0);
    let price = whole.simulator.request_count();

    let world = world(60, 600, 20).await;
    let mut first = Running::start(&world, world.program(&["sync", "--backfill"]));
    messages_come_in(&world).await;
    first.signal("INT");
    let (status, after) = first.end().await;
    assert_eq!(status.code(), Some(130), "{}", first.said());
    assert!(after < SOON, "{after:?}");
    assert!(
        first.said().contains("run the same command again"),
        "{}",
        first.said()
    );
    let done = world.simulator.request_count();
    assert!(done < price, "{done} of {price}: interrupted too late");

    let second = ended(world.program(&["sync", "--backfill"])).await;
    assert_eq!(second.code, 0, "{second:?}");
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
    // Whatever was in flight is asked for again, four requests at most, and the pass looks at its lists' heads once more.
    let all = world.simulator.request_count();
    assert!(
        all <= price + 4 + 3,
        "{done}, then {}: {price} are the price of all",
        all - done
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn it_keeps_trying_while_the_source_is_down() {
    let world = world(5, 40, 0).await;
    always(&world, Target::Anything, Fault::Reset);
    let mut service = service(&world);
    service.says("trying again").await;
    world.simulator.clear_faults();
    catches_up(&world).await;
    // And when it goes down later, the next ring tries again.
    always(&world, Target::Anything, Fault::Status(503));
    something_new(&world.simulator, "Алло?");
    service.says("the next ring tries again").await;
    world.simulator.clear_faults();
    catches_up(&world).await;
    stops(&world, &mut service).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_revoked_ends_it() {
    let world = world(5, 40, 0).await;
    let mut service = service(&world);
    catches_up(&world).await;
    world.simulator.set_token_valid(false);
    let (status, _) = service.end().await;
    assert_eq!(status.code(), Some(77), "{}", service.said());
    assert!(
        service.said().contains("make a new token"),
        "{}",
        service.said()
    );
    assert!(!service.said().contains(&world.simulator.options().token));
    assert_log_is_empty(&world.database());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backfill_that_is_asked_for_beside_it_becomes_its_own_work() {
    let world = world(5, 40, 0).await;
    let mut daemon = service(&world);
    let backfills = async |number| {
        let complete =
            "select count(*) from sync_runs where mode = 'backfill' and status = 'complete'";
        until("a backfill", async || {
            catches_up(&world).await;
            stored(&world, complete).await == number
        })
        .await;
    };
    backfills(1).await;
    let asked = ended(world.program(&["sync", "--backfill"])).await;
    assert_eq!(asked.code, 0, "{asked:?}");
    let words = format!("the daemon (pid {})", daemon.pid());
    assert!(asked.out.contains(&words), "{asked:?}");
    backfills(2).await;
    stops(&world, &mut daemon).await;
    let order = world.dir().join("mirror.db-backfill");
    assert!(!order.exists());
    // As a daemon leaves it that was killed before it came to it.
    std::fs::write(&order, "").unwrap();
    let mut daemon = service(&world);
    backfills(3).await;
    stops(&world, &mut daemon).await;
    assert!(!order.exists());
}

//! A file that is not the mirror it should be, is held by somebody else, or may not be written.

use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use super::{TOKEN, completes, mirrored, options, refused, told, world};
use crate::support::program::{Running, ended, files_beside};
use crate::support::{World, account, dump};

/// Nobody's number, on every system with one.
const NOBODY: u32 = 65534;

/// Both a pass and a report refuse the file, and leave its bytes and its directory as they were.
async fn untouched(world: &World, words: &[&str]) {
    let before = std::fs::read(world.database()).unwrap();
    for command in [&["sync"][..], &["status"], &["sync", "--dry-run"], &["run"]] {
        told(|| world.program(command), 78, words).await;
    }
    assert!(std::fs::read(world.database()).unwrap() == before);
    assert_eq!(files_beside(&world.database()), Vec::<String>::new());
    assert_eq!(world.simulator.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process() {
    let world = mirrored().await;
    let first = Running::start(&world, world.program(&["run"]));
    first.says("mirroring").await;
    let pid = format!("pid {}", first.pid());
    let words = [pid.as_str(), "one writer"];
    refused(&world, || world.program(&["sync"]), 75, &words).await;
    refused(&world, || world.program(&["run"]), 75, &words).await;
    // Readers are welcome all the same.
    for reading in [&["status"][..], &["check"], &["sync", "--dry-run"]] {
        let ended = ended(world.program(reading)).await;
        assert_eq!(ended.code, 0, "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_another_account() {
    let world = mirrored().await;
    let mut other = account(3, 10, 8);
    other.project.id = 777;
    other.project.name = "Somebody else".to_owned();
    let other = World::real(other, options()).await;
    std::fs::copy(world.database(), other.database()).unwrap();
    let own = world.simulator.account(|account| account.project.clone());
    let (id, name) = (own.id.to_string(), own.name);
    let words = [&id, &name, "777", "Somebody else", "one account"];
    refused(&other, || other.program(&["sync"]), 78, &words).await;
    refused(&other, || other.program(&["run"]), 78, &words).await;
    std::fs::copy(other.database(), world.database()).unwrap();
    completes(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_a_newer_version() {
    let made = mirrored().await;
    let world = world().await;
    dump::execute(&made.database(), "pragma user_version = 99").await;
    std::fs::copy(made.database(), world.database()).unwrap();
    let words = ["schema version 99", "versions up to ", "newer chatmirror"];
    untouched(&world, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mirror_of_an_older_version_is_not_read_before_it_is_brought_up_to_date() {
    let world = mirrored().await;
    dump::execute(&world.database(), "pragma user_version = 1").await;
    let words = ["schema version 1", "chatmirror sync"];
    refused(&world, || world.program(&["status"]), 78, &words).await;
    completes(&world).await;
    assert_eq!(ended(world.program(&["status"])).await.code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_no_database() {
    let world = world().await;
    let prose = "Dear diary, this is not a database at all. ".repeat(100);
    std::fs::write(world.database(), prose).unwrap();
    untouched(&world, &["is no SQLite file", "database.path"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_program() {
    let world = world().await;
    dump::execute(
        &world.database(),
        "create table recipes (name text); insert into recipes values ('borscht')",
    )
    .await;
    untouched(&world, &["another program made it", "database.path"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_mirror() {
    let world = mirrored().await;
    let mut bytes = std::fs::read(world.database()).unwrap();
    bytes[100..].fill(0xAA);
    std::fs::write(world.database(), bytes).unwrap();
    let command = || world.program(&["status"]);
    let for_person = ended(command()).await;
    super::told_clearly(&for_person, 1, &["is damaged", "snapshot"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_in_place_of_the_file() {
    let world = world().await;
    std::fs::create_dir(world.database()).unwrap();
    for command in [&["sync"][..], &["status"]] {
        let words = ["it is a directory", "database.path"];
        refused(&world, || world.program(command), 78, &words).await;
    }
    assert_eq!(world.simulator.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_that_is_not_there() {
    let mut world = world().await;
    world.config.database.path = world.dir().join("no/such/mirror.db");
    world.write_config("");
    let words = ["no/such does not exist", "make the directory"];
    refused(&world, || world.program(&["sync"]), 78, &words).await;
    let words = ["there is no mirror", "sync --backfill"];
    refused(&world, || world.program(&["status"]), 78, &words).await;
}

/// The program as a user whom permissions concern: root may write anywhere, so it is run as nobody, from a copy in a place that
/// everybody may enter.
fn as_nobody(world: &World, arguments: &[&str]) -> Command {
    let is_root = world.dir().metadata().unwrap().uid() == 0;
    let mut command = world.program(arguments);
    if is_root {
        let copy = world.dir().join("program");
        if !copy.exists() {
            std::fs::copy(command.get_program(), &copy).unwrap();
        }
        command = Command::new(copy);
        command.arg("--config").arg(world.config_path());
        command.args(arguments).env("CHATMIRROR_TOKEN", TOKEN);
        command.current_dir(world.dir()).uid(NOBODY).gid(NOBODY);
    }
    command
}

fn permit(path: &Path, mode: u32) {
    std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_directory() {
    for world in [world().await, mirrored().await] {
        // Whatever nobody runs must be there before the directory is closed.
        drop(as_nobody(&world, &[]));
        // As a clean stop leaves it: the test's own look at the file has put these beside it.
        for suffix in files_beside(&world.database()) {
            let beside = format!("{}{suffix}", world.database().display());
            std::fs::remove_file(beside).unwrap();
        }
        permit(world.dir(), 0o555);
        if world.database().exists() {
            permit(&world.database(), 0o644);
            // A mirror at rest can be read even there.
            let ended = ended(as_nobody(&world, &["status"])).await;
            assert_eq!(ended.code, 0, "{ended:?}");
        }
        let words = ["cannot be written", "its directory", "database.path"];
        refused(&world, || as_nobody(&world, &["sync"]), 78, &words).await;
        refused(&world, || as_nobody(&world, &["run"]), 78, &words).await;
        permit(world.dir(), 0o755);
        completes(&world).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_only_file() {
    let world = mirrored().await;
    drop(as_nobody(&world, &[]));
    permit(world.dir(), 0o777);
    permit(&world.database(), 0o444);
    let lock = world.dir().join("mirror.db-lock");
    permit(&lock, 0o666);
    let words = ["mirror.db cannot be written", "let this user write"];
    refused(&world, || as_nobody(&world, &["sync"]), 78, &words).await;
    permit(&world.database(), 0o000);
    let words = ["mirror.db cannot be read", "let this user read"];
    refused_unread(&world, &words).await;
    permit(&world.database(), 0o644);
    completes(&world).await;
}

/// As `refused`, where the test itself may not look into the file either.
async fn refused_unread(world: &World, words: &[&str]) {
    let for_person = ended(as_nobody(world, &["status"])).await;
    super::told_clearly(&for_person, 78, words);
}

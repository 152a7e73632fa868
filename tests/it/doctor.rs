//! The doctor and the status: a line a thing, the way out where something is wrong, and exit codes for scripts.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Stdio;

use chatmirror::simulator::Options;
use chatmirror::store::WriterLock;

use crate::support::program::{Ended, ended, until};
use crate::support::{World, account};

async fn mirrored() -> World {
    let world = World::real(account(5, 40, 5), Options::default()).await;
    assert_eq!(ended(world.program(&["sync", "--backfill"])).await.code, 0);
    allow(&world.database(), 0o640);
    world
}

fn allow(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// The line of a finding.
#[track_caller]
fn line<'a>(doctor: &'a Ended, what: &str) -> &'a str {
    let mut lines = doctor.out.lines();
    lines
        .find(|line| line.split_whitespace().nth(1) == Some(what))
        .unwrap_or_else(|| panic!("{what}: {doctor:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn where_all_is_well_every_line_says_so() {
    let world = mirrored().await;
    let doctor = ended(world.program(&["check"])).await;
    assert_eq!(doctor.code, 0, "{doctor:?}");
    for (what, words) in [
        ("config", "config.toml"),
        ("source", "opens account"),
        ("clock", "within"),
        ("zone", "are read as"),
        ("database", "is sound"),
        ("account", "the mirror is of account"),
        ("disk", "left, about"),
        ("learned", "chats are listed in the order"),
    ] {
        let line = line(&doctor, what);
        assert!(line.contains(words), "{line}");
        assert!(line.starts_with('✔') || what == "zone", "{line}");
    }
    let script = ended(world.program(&["check", "--json"])).await;
    let findings = script.json()["findings"].as_array().unwrap().clone();
    assert_eq!(findings.len(), 8, "{findings:?}");
    assert!(findings.iter().all(|finding| finding["good"] == true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_and_messages_that_everybody_may_read_are_told_with_the_way_out() {
    let world = mirrored().await;
    let token = world.dir().join("token");
    std::fs::write(&token, world.simulator.options().token).unwrap();
    world.write_config(&format!("token_file = \"{}\"", token.display()));
    allow(&token, 0o644);
    allow(&world.database(), 0o644);
    let mut program = world.program(&["check"]);
    program.env_remove("CHATMIRROR_TOKEN");
    let doctor = ended(program).await;
    assert_eq!(doctor.code, 0, "{doctor:?}");
    assert!(line(&doctor, "token").starts_with('!'), "{doctor:?}");
    assert!(line(&doctor, "mirror").starts_with('!'), "{doctor:?}");
    assert!(doctor.out.contains("what to do: chmod 600"), "{doctor:?}");
    assert!(doctor.out.contains("what to do: chmod 640"), "{doctor:?}");
    assert!(!doctor.out.contains(&world.simulator.options().token));
    allow(&token, 0o600);
    allow(&world.database(), 0o640);
    let doctor = ended(world.program(&["check"])).await;
    assert!(!doctor.out.contains("chmod"), "{doctor:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_token_that_systemd_is_given_is_looked_at_too() {
    let world = mirrored().await;
    let token = world.dir().join("token");
    std::fs::write(&token, world.simulator.options().token).unwrap();
    let doctor = async || {
        let mut program = world.program(&["check"]);
        program.env_remove("CHATMIRROR_TOKEN");
        program.env("CREDENTIALS_DIRECTORY", world.dir());
        ended(program).await
    };
    allow(&token, 0o644);
    assert!(line(&doctor().await, "token").starts_with('!'));
    allow(&token, 0o600);
    assert!(!doctor().await.out.contains("chmod"));
}

#[tokio::test(flavor = "multi_thread")]
async fn beside_a_daemon_with_a_budget_the_source_is_not_asked() {
    let world = mirrored().await;
    let _held = WriterLock::take(&world.database()).unwrap();
    let (doctor, asked) = world.requests_of(ended(world.program(&["check"]))).await;
    assert_eq!((doctor.code, asked), (0, 1), "no ceiling: {doctor:?}");
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    let config = config.replace("requests_per_minute = 0", "requests_per_minute = 120");
    std::fs::write(world.config_path(), config).unwrap();
    let (doctor, asked) = world.requests_of(ended(world.program(&["check"]))).await;
    assert_eq!((doctor.code, asked), (0, 0), "{doctor:?}");
    let told = line(&doctor, "source");
    let pid = format!("pid {}", std::process::id());
    assert!(told.starts_with('!') && told.contains(&pid), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_is_refused_and_a_file_that_is_missing_are_two_lines() {
    let world = mirrored().await;
    world.simulator.set_token_valid(false);
    std::fs::remove_file(world.database()).unwrap();
    let doctor = ended(world.program(&["check"])).await;
    assert_eq!(doctor.code, 77, "{doctor:?}");
    assert!(line(&doctor, "source").starts_with('✘'), "{doctor:?}");
    assert!(doctor.out.contains("what to do: make a new token"));
    assert!(line(&doctor, "database").contains("the first pass makes it"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_begins_with_how_things_are() {
    let world = mirrored().await;
    let status = ended(world.program(&["status"])).await;
    assert_eq!(status.code, 0, "{status:?}");
    assert!(
        status
            .out
            .contains("now       fresh, and nothing is missing"),
        "{status:?}"
    );
    assert!(!status.out.contains('\x1b'), "{status:?}");
    assert!(status.out.lines().count() < 24, "one screen: {status:?}");
    let config = std::fs::read_to_string(world.config_path()).unwrap();
    std::fs::write(world.config_path(), config + "[http]\nfresh_seconds = 1\n").unwrap();
    until("a mirror that is behind", async || {
        let status = ended(world.program(&["status"])).await;
        status
            .out
            .contains("now       behind: what happened in the last")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_told_again_until_the_watcher_leaves() {
    let world = mirrored().await;
    let seen = world.dir().join("seen");
    let mut watching = world.program(&["status", "--watch"]);
    watching.stdout(std::fs::File::create(&seen).unwrap());
    let mut watching = watching.stderr(Stdio::null()).spawn().unwrap();
    until("two looks", async || {
        let seen = std::fs::read_to_string(&seen).unwrap();
        seen.matches("now       ").count() >= 2
    })
    .await;
    let told = std::process::Command::new("kill")
        .args(["-s", "INT", &watching.id().to_string()])
        .status();
    assert!(told.unwrap().success());
    let status = tokio::task::spawn_blocking(move || watching.wait()).await;
    assert_eq!(status.unwrap().unwrap().code(), Some(0));
}

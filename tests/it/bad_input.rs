//! Bad input: each has its exit code, a sentence that says what to do, and leaves the mirror as it was.

mod configuration;
mod file;
mod room;
mod source;

use std::process::Command;

use chatmirror::simulator::Options;

use crate::support::program::{Ended, ended, integrity};
use crate::support::{World, account, dump, truth};

/// Would be easy to find in any output.
const TOKEN: &str = "tkn-9f83-never-to-be-shown";

fn options() -> Options {
    Options {
        token: TOKEN.to_owned(),
        ..Options::default()
    }
}

/// A small account, and nothing mirrored yet.
async fn world() -> World {
    World::real(account(6, 60, 5), options()).await
}

/// A small account, and the whole mirror of it.
async fn mirrored() -> World {
    let world = world().await;
    completes(&world).await;
    world
}

/// Lets the real program bring the mirror up to date, and holds it against the account.
async fn completes(world: &World) {
    let ended = ended(world.program(&["sync"])).await;
    assert_eq!(ended.code, 0, "{ended:?}");
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
}

/// Runs the command for a person and for a script: both are told the same, with `words` in it, and the mirror is untouched.
async fn refused(world: &World, command: impl Fn() -> Command, exit: i32, words: &[&str]) {
    let path = world.database();
    let is_mirror = std::fs::read(&path).is_ok_and(|bytes| bytes[68..72] == *b"chmr");
    let before = if is_mirror {
        Some(dump::mirror(&path).await)
    } else {
        None
    };
    told(command, exit, words).await;
    if let Some(before) = before {
        assert_eq!(dump::mirror(&path).await, before);
        assert_eq!(integrity(&path).await, "ok");
    }
}

/// Runs the command twice: for a person, and for a script.
async fn told(command: impl Fn() -> Command, exit: i32, words: &[&str]) {
    told_clearly(&ended(command()).await, exit, words);
    let mut for_script = command();
    for_script.arg("--json");
    told_to_script(&ended(for_script).await, exit, words);
}

#[track_caller]
fn told_clearly(ended: &Ended, exit: i32, words: &[&str]) {
    assert_eq!(ended.code, exit, "{ended:?}");
    assert_eq!(ended.out, "", "what is said to a person goes to stderr");
    for word in words {
        assert!(ended.err.contains(word), "no {word:?} in {}", ended.err);
    }
    // A daemon's log lines may come before.
    let mut lines = ended.err.lines();
    let first = lines.find(|line| line.starts_with("error: "));
    assert!(first.is_some(), "{}", ended.err);
    assert!(lines.clone().count() <= 6, "{}", ended.err);
    let last = lines.next_back().unwrap_or_default();
    assert!(last.starts_with("  what to do: "), "{}", ended.err);
    is_plain(&ended.err);
}

#[track_caller]
fn told_to_script(ended: &Ended, exit: i32, words: &[&str]) {
    assert_eq!(ended.code, exit, "{ended:?}");
    let error = &ended.json()["error"];
    assert_eq!(error["exit_code"], exit, "{error}");
    let told = format!(
        "{}\n{}",
        error["message"].as_str().unwrap(),
        error["hint"].as_str().unwrap()
    );
    for word in words {
        assert!(told.contains(word), "no {word:?} in {told}");
    }
    is_plain(&ended.out);
    is_plain(&ended.err);
}

/// Nothing that only a programmer could read, and never the token.
#[track_caller]
fn is_plain(text: &str) {
    for foreign in [
        TOKEN,
        "panicked",
        "backtrace",
        "RUST_",
        "src/",
        "Error {",
        "Some(",
        "Err(",
        "(code: ",
        "error returned from",
    ] {
        assert!(!text.contains(foreign), "{foreign:?} in {text}");
    }
}

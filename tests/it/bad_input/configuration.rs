//! A configuration that is missing, wrong or incomplete.

use std::process::Command;

use super::{TOKEN, mirrored, refused, world};
use crate::support::World;

/// The program in the world's directory, without `--config` and without a token.
fn bare(world: &World, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chatmirror"));
    command
        .args(arguments)
        .env_remove("CHATMIRROR_TOKEN")
        .env_remove("CHATMIRROR_CONFIG")
        .env_remove("CREDENTIALS_DIRECTORY")
        .current_dir(world.dir());
    command
}

fn write(world: &World, text: &str) {
    std::fs::write(world.config_path(), text).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_configuration() {
    let world = world().await;
    std::fs::remove_file(world.config_path()).unwrap();
    let words = [
        "no configuration found",
        "./config.toml",
        "/etc/chatmirror/config.toml",
        "chatmirror demo",
    ];
    for command in [&["run"][..], &["sync", "--backfill"], &["status"]] {
        refused(&world, || bare(&world, command), 78, &words).await;
    }
    let named = || {
        let mut command = bare(&world, &["sync"]);
        command.env("CHATMIRROR_CONFIG", "elsewhere.toml");
        command
    };
    refused(&world, named, 78, &["elsewhere.toml", "CHATMIRROR_CONFIG"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_configuration_with_every_problem_at_once() {
    let world = mirrored().await;
    write(
        &world,
        "[source]\nbase_uri = \"https://api.smartsender.com/v1\"\nmax_in_flight = 0\ntime_zone = \"Europe/Kiyv\"\n\
         [schedule]\nincremental = \"*/5 * * * *\"\n[log]\nformat = 3\n",
    );
    let words = [
        "5 problems",
        "line 2: source.base_uri",
        "did you mean",
        "source.max_in_flight = 0",
        "Europe/Kiev",
        "five fields",
        "log.format",
        "config.example.toml",
    ];
    refused(&world, || world.program(&["sync"]), 78, &words).await;
    write(&world, "[source\n");
    refused(
        &world,
        || world.program(&["run"]),
        78,
        &["1 problem", "line 1"],
    )
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_token() {
    let world = mirrored().await;
    let without = |arguments: &'static [&str]| {
        let mut command = world.program(arguments);
        command.env_remove("CHATMIRROR_TOKEN");
        command
    };
    let words = [
        "no token",
        "CHATMIRROR_TOKEN",
        "source.token_file",
        "credential named `token`",
    ];
    let requests = world.simulator.request_count();
    refused(&world, || without(&["sync"]), 78, &words).await;
    refused(&world, || without(&["run"]), 78, &words).await;
    assert_eq!(world.simulator.request_count(), requests);
    // What never asks the source needs none.
    for offline in [&["status"][..], &["sync", "--dry-run"]] {
        let ended = crate::support::program::ended(without(offline)).await;
        assert_eq!(ended.code, 0, "{ended:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_cannot_be_one() {
    let world = world().await;
    let quoted = || {
        let mut command = world.program(&["sync"]);
        command.env("CHATMIRROR_TOKEN", format!("Bearer {TOKEN}"));
        command
    };
    refused(&world, quoted, 78, &["CHATMIRROR_TOKEN", "Bearer"]).await;
    world.write_config("token_file = \"no-such-file\"");
    let from_file = || {
        let mut command = world.program(&["sync"]);
        command.env_remove("CHATMIRROR_TOKEN");
        command
    };
    refused(&world, from_file, 78, &["source.token_file"]).await;
    assert_eq!(world.simulator.request_count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_url_in_plain_text_to_another_machine() {
    let world = mirrored().await;
    write(
        &world,
        "[source]\nbase_url = \"http://api.smartsender.com/v1\"\n",
    );
    let words = ["source.base_url", "https"];
    refused(&world, || world.program(&["sync"]), 78, &words).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_platform_that_pushes_asked_for_what_only_another_has() {
    let world = mirrored().await;
    world.write_config("kind = \"iqchannels\"");
    let requests = world.simulator.request_count();
    let words = ["iqchannels", "nothing to ask", "chatmirror ingest"];
    refused(&world, || world.program(&["sync"]), 78, &words).await;
    let words = [
        "mirrors smartsender account",
        "iqchannels",
        "another `database.path`",
    ];
    refused(&world, || world.program(&["run"]), 78, &words).await;
    assert_eq!(world.simulator.request_count(), requests);
}

#[tokio::test(flavor = "multi_thread")]
async fn activities_changed_after_the_first_run() {
    let world = mirrored().await;
    world.write_config("activities = false");
    let words = ["source.activities", "true", "false", "set it back"];
    refused(&world, || world.program(&["sync"]), 78, &words).await;
    world.write_config("");
    super::completes(&world).await;
}

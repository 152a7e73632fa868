//! `verify` names the chats from which something is missing, and the next pass repairs them.

use std::process::Output;

use chatmirror::plan::Mode;
use chatmirror::simulator::{Fault, Mutation, Options, Target};
use sqlx::{ConnectOptions, Connection, sqlite::SqliteConnectOptions};

use crate::service::always;
use crate::support::{World, account, dump, truth};

async fn program(world: &World, arguments: &[&str]) -> (i32, String) {
    let mut command = world.program(arguments);
    let Output { status, stdout, .. } = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    (status.code().unwrap(), String::from_utf8(stdout).unwrap())
}

/// Removes a chat and all that belongs to it, behind the program's back: one that changed long ago.
async fn remove_a_chat(world: &World) -> i64 {
    let path = world.database();
    let oldest = "select id from chats order by updated_at limit 1";
    let chat = dump::value(&path, oldest).await.as_i64().unwrap();
    let sql = format!(
        "pragma foreign_keys = off;
         delete from attachments where message_id in (select id from messages where chat_id = {chat});
         delete from messages where chat_id = {chat};
         delete from chat_sync where chat_id = {chat};
         delete from chats where id = {chat};"
    );
    dump::execute(&path, &sql).await;
    chat
}

/// Removes one message each from three chats, behind the program's back.
async fn remove_three(world: &World) -> Vec<i64> {
    let mut connection = SqliteConnectOptions::new()
        .filename(world.database())
        .connect()
        .await
        .unwrap();
    let rows: Vec<(i64, i64)> = sqlx::query_as(
        "select chat_id, min(id) from messages where missing_since is null group by chat_id order by count(*) desc limit 3",
    )
    .fetch_all(&mut connection)
    .await
    .unwrap();
    for (_, id) in &rows {
        sqlx::query("delete from attachments where message_id = ?1")
            .bind(id)
            .execute(&mut connection)
            .await
            .unwrap();
        sqlx::query("delete from messages where id = ?1")
            .bind(id)
            .execute(&mut connection)
            .await
            .unwrap();
    }
    connection.close().await.unwrap();
    rows.into_iter().map(|(chat_id, _)| chat_id).collect()
}

/// The next pass brings back what was missing.
async fn is_repaired(world: &World) {
    for command in [&["sync"][..], &["verify", "--all"]] {
        let (code, told) = program(world, command).await;
        assert_eq!(code, 0, "{told}");
    }
    truth::assert_equal(&world.database(), &world.simulator.account(Clone::clone)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn three_rows_removed_by_hand_are_named_and_repaired() {
    let world = World::real(account(60, 900, 5), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    let (code, told) = program(&world, &["verify", "--all"]).await;
    assert_eq!(code, 0, "{told}");

    let chats = remove_three(&world).await;
    let (code, told) = program(&world, &["verify", "--all"]).await;
    assert_eq!(code, 65, "{told}");
    for chat in &chats {
        assert!(
            told.contains(&chat.to_string()),
            "{chat} is not named in\n{told}"
        );
    }

    is_repaired(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_is_not_there_is_named_and_repaired() {
    let world = World::real(account(90, 600, 5), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    world.pass(Mode::Incremental).await.unwrap();
    let chat = remove_a_chat(&world).await;
    // A look at the head does not reach it.
    let (code, told) = program(&world, &["sync"]).await;
    assert_eq!(code, 0, "{told}");

    let (code, told) = program(&world, &["verify", "--sample", "1"]).await;
    assert_eq!(code, 65, "{told}");
    assert!(told.contains(&format!("missing here: {chat};")), "{told}");

    is_repaired(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_began_since_is_no_difference() {
    let world = World::real(account(60, 900, 5), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    world.simulator.apply(Mutation::CreateChat);
    let (code, told) = program(&world, &["verify", "--all", "--json"]).await;
    assert_eq!(code, 0, "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(
        told["source_chats"].as_i64(),
        told["stored_chats"].as_i64().map(|chats| chats + 1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sample_costs_one_request_a_chat() {
    let world = World::real(account(60, 900, 5), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    let before = world.simulator.request_count();
    let (code, told) = program(&world, &["verify", "--sample", "10", "--json"]).await;
    assert_eq!(code, 0, "{told}");
    assert_eq!(
        world.simulator.request_count() - before,
        11,
        "ten chats and the list of them"
    );
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["checked"], 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chat_that_cannot_be_compared_keeps_no_other_from_it() {
    let world = World::real(account(60, 900, 5), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    let removed = remove_three(&world).await;
    let other = world.simulator.account(|account| {
        let mut others = account.chats.keys().copied();
        others.find(|chat| !removed.contains(chat)).unwrap()
    });
    always(&world, Target::MessagesOf(other), Fault::Status(500));
    let (code, told) = program(&world, &["verify", "--all", "--json"]).await;
    assert_eq!(code, 65, "{told}");
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["uncompared"][0]["chat_id"], other);
    assert_eq!(told["checked"], 59);
    assert_eq!(told["differences"].as_array().unwrap().len(), 3);

    world.simulator.clear_faults();
    is_repaired(&world).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_found_before_a_failure_is_repaired_all_the_same() {
    let world = World::real(account(60, 900, 5), Options::default()).await;
    world.pass(Mode::Backfill).await.unwrap();
    let removed = remove_three(&world).await;
    let last = world.simulator.account(|account| {
        let mut chats: Vec<i64> = account.chats.keys().copied().collect();
        chats.sort_unstable();
        chats.split_off(chats.len() - 5)
    });
    for chat in &last {
        always(&world, Target::MessagesOf(*chat), Fault::Status(500));
    }
    let (code, told) = program(&world, &["verify", "--all"]).await;
    assert_eq!(code, 69, "{told}");
    assert!(told.contains("compared so far"), "{told}");
    for chat in removed.iter().filter(|chat| !last.contains(chat)) {
        assert!(told.contains(&chat.to_string()), "{chat}: {told}");
    }

    world.simulator.clear_faults();
    is_repaired(&world).await;
}

//! The queries of docs/changes.md do what it says: follow the mirror, and tell a row as it was.

use std::time::Duration;

use chatmirror::plan::Mode;
use chatmirror::simulator::{Mutation, Options, Speaker};

use crate::support::{World, account, dump};

const DOCUMENT: &str = include_str!("../../docs/changes.md");

/// The queries of the document, in order.
fn queries() -> Vec<String> {
    let blocks = DOCUMENT.split("```sql\n").skip(1);
    blocks
        .map(|block| block.split("```").next().unwrap().to_owned())
        .collect()
}

/// A chat with one message that says `first`, then `second`, then is deleted; a pass after each. Gives the message and the
/// moments after each pass.
async fn told_thrice(world: &World) -> (i64, Vec<String>) {
    let chat = world
        .simulator
        .account(|account| *account.chats.keys().next().unwrap());
    let message = world
        .simulator
        .apply(Mutation::say(chat, Speaker::Contact, "first"))
        .unwrap();
    let mut moments = Vec::new();
    let text = Some("second".to_owned());
    for change in [
        None,
        Some(Mutation::EditMessage {
            chat,
            message,
            text,
        }),
        Some(Mutation::DeleteMessage { chat, message }),
    ] {
        if let Some(change) = change {
            world.simulator.apply(change).unwrap();
        }
        // A full reading finds what has changed without a sign.
        world.pass(Mode::Backfill).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
        moments.push(world.clock.now().to_string());
        world.clock.advance(Duration::from_mins(1));
    }
    (message, moments)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_queries_follow_and_rebuild() {
    let world = World::new(account(8, 40, 5), Options::default()).await;
    let (message, moments) = told_thrice(&world).await;
    let path = world.database();
    let bound = |sql: &str, seen: i64, moment: &str| {
        sql.replace(":seen", &seen.to_string())
            .replace(":moment", &format!("'{moment}'"))
            .replace(":id", &message.to_string())
    };
    let [follow, joined, as_of, texts] = &queries()[..] else {
        panic!("four queries")
    };

    let all = dump::query(&path, &bound(follow, 0, "")).await;
    let last = all.last().unwrap()["seq"].as_i64().unwrap();
    let rest = dump::query(&path, &bound(follow, last - 1, "")).await;
    assert_eq!(rest, all[all.len() - 1..]);

    let edits = dump::query(&path, &bound(joined, 0, "")).await;
    let edits: Vec<_> = edits
        .iter()
        .filter(|row| row["id"] == message)
        .map(|row| &row["op"])
        .collect();
    assert_eq!(edits, ["insert", "update", "delete"]);

    let mut told = Vec::new();
    for moment in &moments {
        let row = dump::query(&path, &bound(as_of, 0, moment)).await.remove(0);
        told.push((
            row["text"].as_str().unwrap().to_owned(),
            row["deleted_at"].is_null(),
        ));
    }
    let expected = [("first", true), ("second", true), ("second", false)];
    assert_eq!(
        told,
        expected.map(|(text, listed)| (text.to_owned(), listed))
    );

    let former = dump::query(&path, &bound(texts, 0, "")).await;
    let former: Vec<_> = former.iter().map(|row| &row["text_before"]).collect();
    assert_eq!(former, ["first"]);
}

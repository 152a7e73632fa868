//! What the mirror says of itself when all is quiet and everything was read: it owes nothing, and a pass finds nothing to do.

use std::collections::BTreeMap;

use chatmirror::clock::Timestamp;
use chatmirror::simulator::{Account, ChatOrder, Ties};
use sqlx::SqliteConnection;

use super::ground::Ground;
use crate::support::dump;

/// Chats on a page.
const PAGE: usize = 20;

/// The most requests that a pass may make when nothing changes: where the order of the list is learned, a look at the head, one at that of
/// the open chats, and what may be spent on re-reading. Nothing is said of lists without an order, which are read whole, nor
/// where the first page ends among chats of one time, which is looked beyond.
pub fn most_requests(ground: &Ground, account: &Account) -> Option<u64> {
    let options = &ground.options;
    let ordered = options.chat_order == ChatOrder::NewestFirst && options.ties == Ties::ById;
    let mut times: Vec<Timestamp> = account.chats.values().map(|chat| chat.updated_at).collect();
    times.sort_unstable_by(|one, other| other.cmp(one));
    let is_clear = times.get(PAGE - 1) != times.get(PAGE);
    // An order is learned from forty chats; so many are left of sixty.
    let is_learned = ordered && options.chats_are_union && ground.recipe.chats > 60;
    // What is under way when the last re-reading is paid for comes to its end: pages that overlap, and a count.
    let longest = account.chats.values().map(|chat| chat.messages.len()).max();
    let longest = longest.unwrap_or(0) as u64 / 10 + 2;
    let audits = ground.audit.map_or(0, |audit| {
        audit.requests + longest * ground.in_flight as u64
    });
    (is_learned && is_clear).then_some(2 + audits)
}

/// The number of the last change that was written.
pub async fn last_change(connection: &mut SqliteConnection) -> i64 {
    let rows = dump::rows(
        connection,
        "select coalesce(max(seq), 0) as seq from changes",
    )
    .await;
    rows[0]["seq"].as_i64().unwrap()
}

/// Whether something stands unread in `rejects`.
pub async fn has_rejects(connection: &mut SqliteConnection) -> bool {
    let rows = dump::rows(connection, "select rejects from freshness").await;
    rows[0]["rejects"] != 0
}

/// The claim has come as far as the account's last change, and no chat is owed.
pub async fn claims_all(
    connection: &mut SqliteConnection,
    quiet_since: Timestamp,
) -> Result<(), String> {
    let row = &dump::rows(connection, "select * from freshness").await[0];
    let through: Option<Timestamp> = row["complete_through"]
        .as_str()
        .map(|text| text.parse().unwrap());
    if through.is_none_or(|through| through < quiet_since) {
        return Err(format!(
            "rest: quiet since {quiet_since}, everything was read, and the mirror claims {row:?}"
        ));
    }
    if row["owed_chats"] != 0 {
        return Err(format!(
            "rest: everything was read, and chats are owed: {row:?}"
        ));
    }
    Ok(())
}

/// Of each chat the mirror says how many messages there are, that it has them, and that nothing is owed.
pub async fn covers(connection: &mut SqliteConnection, account: &Account) -> Result<(), String> {
    let rows = dump::rows(connection, "select * from coverage").await;
    let rows: BTreeMap<i64, _> = rows
        .into_iter()
        .map(|row| (row["chat_id"].as_i64().unwrap(), row))
        .collect();
    for chat in account.chats.values() {
        let Some(row) = rows.get(&chat.id) else {
            return Err(format!("rest: chat {} is not covered", chat.id));
        };
        let count = chat.messages.len();
        if row["stored"] != count || row["expected"] != count || !row["owed"].is_null() {
            return Err(format!(
                "rest: chat {} has {count} messages, and the mirror says {row:?}",
                chat.id
            ));
        }
    }
    Ok(())
}

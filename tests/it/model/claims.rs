//! I3: what the mirror claims to hold, it holds.

use std::collections::BTreeSet;
use std::time::Duration;

use chatmirror::clock::Timestamp;
use chatmirror::simulator::Account;

use super::mirrored::Mirrored;
use super::past::Past;

/// I3: every message that the source had by `through` is stored under its chat.
pub fn sound(
    mirrored: &Mirrored,
    past: &Past,
    account: &Account,
    through: Timestamp,
) -> Result<(), String> {
    let by_then = account.messages().filter(|(chat, message)| {
        message.arrived_at <= through && !mirrored.has(message.id, chat.id)
    });
    for (chat, message) in by_then {
        let homes = past.homes(message.id, through);
        let fault = match mirrored.messages.get(&message.id) {
            None => "is not stored",
            Some(row) if !homes.contains(&row["chat_id"].as_i64().unwrap()) => {
                "is stored under another chat"
            }
            Some(row) if !row["missing_since"].is_null() && homes.len() == 1 => "is called missing",
            Some(_) => continue,
        };
        let balanced = past.may_be_balanced(chat, message);
        if !balanced && !mirrored.is_set_aside(chat.id, Some(message.id)) {
            return Err(format!(
                "I3: the mirror claims to be complete through {through}, and message {} of chat {}, there since {}, written at {}, {fault}",
                message.id, chat.id, message.arrived_at, message.created_at
            ));
        }
    }
    Ok(())
}

/// I3 of each chat by itself, whatever moves its `updatedAt`: what its list held at the moment of its claim is stored under it.
pub fn covered(
    mirrored: &Mirrored,
    past: &Past,
    account: &Account,
    lag: Duration,
) -> Result<(), String> {
    for (id, moment) in &mirrored.claimed {
        let Some(chat) = account.chats.get(id) else {
            continue;
        };
        // The clock of the answers knows whole seconds: what came in that very second may have come after it.
        let before = moment.minus(Duration::from_secs(1) + lag);
        for message in &chat.messages {
            if message.arrived_at <= before
                && !mirrored.has(message.id, *id)
                && past.homes(message.id, before) == BTreeSet::from([*id])
                && !past.may_be_balanced(chat, message)
                && !mirrored.is_set_aside(*id, Some(message.id))
            {
                return Err(format!(
                    "I3: chat {id} is claimed as of {moment}, and its message {}, there since {}, is not stored under it",
                    message.id, message.arrived_at
                ));
            }
        }
    }
    Ok(())
}

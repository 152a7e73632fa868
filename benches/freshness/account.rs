//! The account of the day, and what happens in it.

use std::time::Duration;

use chatmirror::clock::Timestamp;
use chatmirror::simulator::{Account, Mutation, Recipe, Speaker};

/// Chats that change in a minute, hour by hour: a shop's day.
const A_MINUTE: [f64; 24] = [
    2.0, 1.0, 1.0, 1.0, 1.0, 2.0, 6.0, 15.0, 30.0, 50.0, 60.0, 60.0, 60.0, 60.0, 55.0, 45.0, 35.0,
    30.0, 25.0, 20.0, 12.0, 6.0, 4.0, 3.0,
];

/// One change in so many is a chat that begins.
const BEGINNINGS: u32 = 50;

/// When the day begins.
pub fn midnight() -> Timestamp {
    "2026-03-02 00:00:00.000".parse().unwrap()
}

/// The account, whose history ends ten minutes before the day begins.
pub fn recipe(chats: usize, messages: usize) -> Recipe {
    Recipe {
        chats,
        messages,
        until: midnight().minus(Duration::from_mins(10)),
        ..Recipe::default()
    }
}

/// What happens in these hours: independent changes (a Poisson process), each in another chat. One half of them are in any chat, one half
/// where most was said before.
pub fn traffic(account: &Account, hours: std::ops::Range<u32>) -> Vec<(Timestamp, Mutation)> {
    let chats: Vec<i64> = account.chats.keys().copied().collect();
    let talkative: Vec<i64> = account.messages().map(|(chat, _)| chat.id).collect();
    let mut rng = fastrand::Rng::with_seed(1);
    let mut all = Vec::new();
    let mut at = midnight().plus(Duration::from_hours(u64::from(hours.start)));
    let end = midnight().plus(Duration::from_hours(u64::from(hours.end)));
    loop {
        let hour = usize::try_from(at.since(midnight()).as_secs() / 3600).unwrap();
        let pause = -(1.0 - rng.f64()).ln() * 60.0 / A_MINUTE[hour % 24];
        at = at.plus(Duration::from_secs_f64(pause));
        if at >= end {
            return all;
        }
        let among = if rng.bool() { &chats } else { &talkative };
        let chat = among[rng.usize(..among.len())];
        let from = if rng.bool() {
            Speaker::Contact
        } else {
            Speaker::Operator
        };
        all.push((
            at,
            if rng.u32(0..BEGINNINGS) == 0 {
                Mutation::CreateChat
            } else {
                Mutation::NewMessage {
                    chat,
                    from,
                    content: None,
                }
            },
        ));
    }
}

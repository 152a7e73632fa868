//! Changes of an account, drawn by taste when their time has come.

use std::time::Duration;

use chatmirror::simulator::{Account, Mutation, Speaker};
use fastrand::Rng;

/// Changes of one kind, drawn when their time has come.
#[derive(Clone, Debug)]
pub struct Churn {
    pub seed: u64,
    pub count: usize,
    pub taste: Taste,
}

/// What kind of changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taste {
    /// Any.
    Any,
    /// Messages in chats all over the list.
    Bumps,
    /// Chats leave their lists: deleted, merged, closed.
    Leaving,
    /// Chats are closed and reopened.
    States,
    /// Every chat is closed.
    Closing,
    /// Chats come into being with a history behind them.
    Arriving,
    /// Messages of long ago come in below a new one.
    Importing,
    /// The chat that changed before the latest one goes on in that one.
    Merging,
    /// What may move no time at all.
    Silent,
}

impl Churn {
    /// The changes, for the account as it is.
    pub fn mutations(&self, account: &Account) -> Vec<Mutation> {
        let mut rng = Rng::with_seed(self.seed);
        let ids: Vec<i64> = account.chats.keys().copied().collect();
        (0..self.count)
            .flat_map(|_| self.taste.mutations(&mut rng, account, &ids))
            .collect()
    }
}

impl Taste {
    fn mutations(self, rng: &mut Rng, account: &Account, ids: &[i64]) -> Vec<Mutation> {
        let (Some(chat), Some(other)) = (rng.choice(ids).copied(), rng.choice(ids).copied()) else {
            return vec![Mutation::CreateChat];
        };
        let mutation = match self {
            Self::Any => Mutation::random(rng, account),
            Self::Bumps => Mutation::say(chat, Speaker::Contact, "ok"),
            Self::Leaving => match rng.u8(0..4) {
                0 => Mutation::DeleteChat { chat },
                // Often the youngest: the mirror may not have read it yet.
                1 => Mutation::Merge {
                    from: if chat % 2 == 0 {
                        *ids.last().unwrap_or(&chat)
                    } else {
                        chat
                    },
                    into: other,
                },
                _ => Mutation::Close { chat },
            },
            Self::States if rng.bool() => Mutation::Close { chat },
            Self::States => Mutation::Reopen { chat },
            Self::Closing => {
                let close = |chat: &i64| Mutation::Close { chat: *chat };
                return ids.iter().map(close).collect();
            }
            Self::Arriving => return arriving(rng, account),
            Self::Importing => return importing(rng, chat),
            Self::Merging => return merging(account),
            Self::Silent => silent(rng, account, chat),
        };
        vec![mutation]
    }
}

fn arriving(rng: &mut Rng, account: &Account) -> Vec<Mutation> {
    let chat = account.next_ids.chat;
    let mut mutations = vec![Mutation::CreateChat];
    for _ in 0..rng.usize(0..30) {
        let age = Duration::from_secs(rng.u64(100..1_000_000));
        mutations.push(Mutation::ImportMessage {
            chat,
            created_at: crate::support::noon().minus(age),
        });
    }
    mutations
}

fn silent(rng: &mut Rng, account: &Account, chat: i64) -> Mutation {
    let Some(message) = rng.choice(&account.chats[&chat].messages) else {
        return Mutation::Rename { chat, name: None };
    };
    let message = message.id;
    match rng.u8(0..4) {
        0 => Mutation::EraseMessage { chat, message },
        1 => Mutation::DeleteMessage { chat, message },
        2 => Mutation::MarkSeen { chat, message },
        _ => Mutation::EditMessage {
            chat,
            message,
            text: None,
        },
    }
}

fn importing(rng: &mut Rng, chat: i64) -> Vec<Mutation> {
    let age = Duration::from_secs(rng.u64(100_000..1_000_000));
    let created_at = crate::support::noon().minus(age);
    let import = Mutation::ImportMessage { chat, created_at };
    vec![import, Mutation::say(chat, Speaker::Contact, "ok")]
}

/// Its messages go to a chat that is read before it.
fn merging(account: &Account) -> Vec<Mutation> {
    let mut chats: Vec<_> = account.chats.values().collect();
    chats.sort_by_key(|chat| std::cmp::Reverse(chat.updated_at));
    match chats[..] {
        [into, from, ..] => vec![Mutation::Merge {
            from: from.id,
            into: into.id,
        }],
        _ => Vec::new(),
    }
}

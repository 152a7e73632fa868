//! The oracle: what must hold of the mirror whatever happened, told from the account's own past.
//!
//! It shares no code with the engine, and claims no more than is promised:
//!
//! - **I1**, a row is some state that the source had and never goes back: always. A chat's state is told by a list and
//!   its other values by the chat, at different moments, so the two are held against the past apart; and the state of a
//!   chat that is gone is not held against anything.
//! - **I3**, `complete_through` is sound: where `updatedAt` moves with messages and ties keep their order. An item that
//!   was set aside unreadable is excused, because it is written down. So is a message that moved to another chat after
//!   the moment of the claim: it must be stored, under one of the chats that had it since.
//!   And so is a message that came in *below* the newest ones (an import, or a merge) while as many others vanished from
//!   the same chat: the news of a chat are proven by its count, and the count is the same.
//!   Of each chat by itself the same holds as of its own claim, whatever moves `updatedAt`.
//! - **I2**, at the end: see [`Oracle::complete`] and [`Oracle::exact`].
//! - **Rest**: when everything was read and nothing changes, the claims say so, nothing is owed, nothing is written, and no request is made
//!   beyond the looks at the heads: see [`Oracle::rests`].

use std::collections::{HashMap, HashSet};
use std::path::Path;
use std::time::Duration;

use chatmirror::clock::Timestamp;
use chatmirror::simulator::{Account, ChatOrder, Simulator};
use serde_json::Value;
use sqlx::SqliteConnection;

use super::ground::Ground;
use super::mirrored::Mirrored;
use super::past::{self, Past, Version};
use super::rest;
use super::{claims, journal};
use crate::support::dump::{self, Columns};
use crate::support::truth;

pub struct Oracle {
    connection: SqliteConnection,
    claims_completeness: bool,
    moves_with_messages: bool,
    /// The oldest state that a row may still be in.
    floors: HashMap<(&'static str, i64), usize>,
    account_before: Account,
    /// How far the times of changes lie behind the clock of the answers.
    lag: Duration,
}

impl Oracle {
    pub async fn new(ground: &Ground, path: &Path) -> Self {
        Self {
            connection: dump::connect(path).await,
            claims_completeness: ground.moves_with_messages() && !ground.ties_move(),
            moves_with_messages: ground.moves_with_messages(),
            floors: HashMap::new(),
            account_before: ground.account(),
            lag: ground.options.lag,
        }
    }

    /// I1 and I3. Says whether the mirror claimed anything.
    pub async fn look(&mut self, simulator: &Simulator) -> Result<bool, String> {
        let mirrored = Mirrored::read(&mut self.connection).await;
        let account = simulator.account(Account::clone);
        let past = Past::of(&simulator.past(), &account);
        self.states_of_messages(&mirrored, &past)?;
        self.states_of_chats(&mirrored, &past, &account)?;
        self.deletions(&mirrored, &account)?;
        claims::covered(&mirrored, &past, &account, self.lag)?;
        match mirrored.complete_through {
            Some(through) if self.claims_completeness => {
                claims::sound(&mirrored, &past, &account, through)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    fn states_of_messages(&mut self, mirrored: &Mirrored, past: &Past) -> Result<(), String> {
        for (id, row) in &mirrored.messages {
            let states = past.states("messages", *id).iter();
            let is_now = states.map(|version| message_is(version, row));
            self.rises(("messages", *id), is_now, row)?;
        }
        Ok(())
    }

    fn states_of_chats(
        &mut self,
        mirrored: &Mirrored,
        past: &Past,
        account: &Account,
    ) -> Result<(), String> {
        for (id, row) in &mirrored.chats {
            let versions = past.states("chats", *id).iter();
            let is_now = versions.clone().map(|version| chat_is(version, row));
            self.rises(("chats", *id), is_now, row)?;
            let states: HashSet<&Value> =
                versions.map(|version| &version.columns["state"]).collect();
            // A chat that goes between the looks at the two lists looks closed: it is in the first and not in the second.
            let is_there = account.chats.contains_key(id);
            if is_there && !row["state"].is_null() && !states.contains(&row["state"]) {
                return Err(format!("I1: chat {id} was never {}", row["state"]));
            }
        }
        Ok(())
    }

    /// The earliest state, not before the one found the last time, that the row may be.
    fn rises(
        &mut self,
        key: (&'static str, i64),
        matches: impl Iterator<Item = bool>,
        row: &Columns,
    ) -> Result<(), String> {
        let floor = self.floors.get(&key).copied().unwrap_or(0);
        let matches: Vec<bool> = matches.collect();
        let found = (floor..matches.len()).find(|place| matches[*place]);
        match found {
            Some(place) => {
                self.floors.insert(key, place);
                Ok(())
            }
            None if matches.contains(&true) => {
                Err(format!("I1: {key:?} went back to an older state: {row:?}"))
            }
            None => Err(format!("I1: {key:?} is no state that it ever had: {row:?}")),
        }
    }

    /// What is there must not be called deleted. Where a merge moves no time, its messages look deleted until
    /// the chat that they went to is read again.
    fn deletions(&self, mirrored: &Mirrored, account: &Account) -> Result<(), String> {
        for (id, row) in &mirrored.chats {
            if !row["deleted_at"].is_null() && account.chats.contains_key(id) {
                return Err(format!("I1: chat {id} is called deleted and is there"));
            }
        }
        if !self.moves_with_messages {
            return Ok(());
        }
        for (chat, message) in account.messages() {
            let Some(row) = mirrored.messages.get(&message.id) else {
                continue;
            };
            if !row["missing_since"].is_null()
                && !row["deleted_at"].is_null()
                && !message.content.template.is_deleted()
            {
                return Err(format!(
                    "I1: message {} is called deleted and is in chat {}",
                    message.id, chat.id
                ));
            }
        }
        Ok(())
    }

    /// Whether anything that was ever in the account is not in it any more.
    pub fn something_is_gone(&self, simulator: &Simulator) -> bool {
        let account = simulator.account(Account::clone);
        let there: HashSet<i64> = account.messages().map(|(_, message)| message.id).collect();
        let past = Past::of(&simulator.past(), &self.account_before);
        past.chats
            .keys()
            .any(|chat| !account.chats.contains_key(chat))
            || past.messages.keys().any(|message| !there.contains(message))
    }

    /// Whether a list of more than one page was being walked when the process stopped. Where the order is of no
    /// use that walk goes on, and proves only what had been there when it began: it takes one pass more.
    pub async fn has_half_a_walk(&mut self, ground: &Ground) -> bool {
        let walks = "select walk from checkpoints where stream like 'chats%' and walk is not null";
        let walks = dump::rows(&mut self.connection, walks).await;
        // An order is learned only from a list that is long enough, and two lists are half as long as one.
        let is_long = ground.recipe.chats > 60 && ground.options.chats_are_union;
        let ordered = ground.options.chat_order == ChatOrder::NewestFirst && is_long;
        !ordered && !walks.is_empty()
    }

    /// Whether a backfill was under way when the process stopped: the next one ends it, and is not a whole re-read.
    pub async fn has_half_a_backfill(&mut self) -> bool {
        let half = "select value->>'backfill' as half from source_traits where name = 'source'";
        let half = dump::rows(&mut self.connection, half).await;
        half.first().is_some_and(|row| !row["half"].is_null())
    }

    /// I2 after one pass: every chat, every message, under its chat. Only where messages move `updatedAt`, and not where
    /// ties move; what was set aside unreadable waits for a re-read.
    pub async fn complete(&mut self, simulator: &Simulator) -> Result<(), String> {
        if !self.claims_completeness {
            return Ok(());
        }
        let mirrored = Mirrored::read(&mut self.connection).await;
        let account = simulator.account(Account::clone);
        let past = Past::of(&simulator.past(), &account);
        for chat in account.chats.values() {
            let is_there = mirrored
                .chats
                .get(&chat.id)
                .is_some_and(|row| row["missing_since"].is_null());
            if !is_there && !mirrored.is_set_aside(chat.id, None) {
                return Err(format!(
                    "I2: chat {} is missing after a quiet pass",
                    chat.id
                ));
            }
        }
        for (chat, message) in account.messages() {
            let is_there = mirrored.messages.get(&message.id).is_some_and(|row| {
                row["missing_since"].is_null() && row["chat_id"].as_i64() == Some(chat.id)
            });
            let balanced = past.may_be_balanced(chat, message);
            if !is_there && !balanced && !mirrored.is_set_aside(chat.id, Some(message.id)) {
                return Err(format!(
                    "I2: message {} of chat {} is missing after a quiet pass",
                    message.id, chat.id
                ));
            }
        }
        let before = simulator.past();
        account
            .chats
            .values()
            .filter_map(|chat| Some((chat, past::last_changed(&before, chat)?)))
            .try_for_each(|(chat, message)| mirrored.shows(chat, message))
    }

    /// How late changes have been seen to become visible, by what the mirror has learned.
    pub async fn skew(&mut self) -> Duration {
        let learned =
            "select value ->> 'skew_seconds' as seconds from source_traits where name = 'source'";
        let rows = dump::rows(&mut self.connection, learned).await;
        let seconds = rows.first().and_then(|row| row["seconds"].as_u64());
        Duration::from_secs(seconds.unwrap_or_default())
    }

    /// The number of the last change that the mirror wrote.
    pub async fn last_change(&mut self) -> i64 {
        rest::last_change(&mut self.connection).await
    }

    /// What the mirror says of itself when all is quiet: that it has everything, and owes nothing.
    pub async fn rests(
        &mut self,
        simulator: &Simulator,
        quiet_since: Timestamp,
    ) -> Result<(), String> {
        if rest::has_rejects(&mut self.connection).await {
            return Ok(());
        }
        rest::claims_all(&mut self.connection, quiet_since).await?;
        let account = simulator.account(Account::clone);
        rest::covers(&mut self.connection, &account).await
    }

    /// I1 of all that the rows ever were, by the mirror's own account.
    async fn journal(&mut self, past: &Past) -> Result<(), String> {
        let Mirrored {
            chats, messages, ..
        } = Mirrored::read(&mut self.connection).await;
        let (chats, messages) = (chats.into_iter().collect(), messages.into_iter().collect());
        let connection = &mut self.connection;
        journal::tell(connection, "chats", chats, past, chat_is).await?;
        journal::tell(connection, "messages", messages, past, message_is).await
    }

    /// I2 after a full re-read: the mirror equals the account in every value.
    pub async fn exact(&mut self, simulator: &Simulator, path: &Path) -> Result<(), String> {
        let account = simulator.account(Account::clone);
        let found = truth::differences(path, &account).await;
        if found.is_empty() {
            return self.journal(&Past::of(&simulator.past(), &account)).await;
        }
        let some = found[..found.len().min(4)].join("; ");
        Err(format!(
            "I2: {} differences after a re-read: {some}",
            found.len()
        ))
    }
}

/// Whether the mirrored message is in this state. When one that is gone was deleted, only the mirror knows.
fn message_is(version: &Version, row: &Columns) -> bool {
    let gone = !row["missing_since"].is_null();
    version.columns.iter().all(|(column, value)| {
        row[*column] == *value
            || (gone && *column == "deleted_at")
            || (*column == "created_at" && is_garbled(row))
    })
}

/// Whether the mirrored chat is in this state, its being open or closed left aside.
fn chat_is(version: &Version, row: &Columns) -> bool {
    let mut columns = version.columns.iter();
    columns.all(|(column, value)| *column == "state" || row[*column] == *value)
}

/// A time that could not be read is kept as it came: the source said that once, though the account never held it.
fn is_garbled(row: &Columns) -> bool {
    row["created_at"].is_null() && row["extra"].get("createdAt").is_some()
}

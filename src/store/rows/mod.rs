//! The mirrored tables: how each row is read, held against what arrived, and written.

mod attachments;
mod channels;
mod chats;
mod contacts;
mod events;
mod files;
mod gates;
mod messages;
mod operators;
mod projects;
mod tickets;

use std::collections::HashMap;
use std::hash::Hash;

use serde::Serialize;

pub use chats::ChatRow;
pub use gates::GateRow;
pub use messages::MessageRow;

pub(super) use attachments::{
    Attachments, load as load_attachments, remove as remove_attachments, write as write_attachments,
};
pub(super) use channels::{load as load_channels, write as write_channels};
pub(super) use chats::{load as load_chats, write as write_chats};
pub(super) use contacts::{load as load_contacts, write as write_contacts};
pub(super) use events::{load as load_events, write as write_events};
pub(super) use files::{load as load_files, write as write_files};
pub(super) use gates::{load as load_gates, write as write_gates};
pub(super) use messages::{load as load_messages, write as write_messages};
pub(super) use operators::{load as load_operators, write as write_operators};
pub(super) use projects::{load as load_projects, write as write_projects};
pub(super) use tickets::{load as load_tickets, write as write_tickets};

/// A row of a mirrored table.
pub trait Row: Serialize + PartialEq {
    /// The table's name.
    const TABLE: &'static str;
    /// What tells one row from another.
    type Key: Eq + Hash;

    /// This row's key.
    fn key(&self) -> Self::Key;

    /// The key as `changes.row_id` has it.
    fn row_id(&self) -> String;

    /// Whether the source no longer has it.
    fn is_gone(&self) -> bool {
        false
    }
}

/// A row that its number tells from all others of its table.
macro_rules! keyed_by_id {
    ($row:ty, $table:literal) => {
        impl super::Row for $row {
            const TABLE: &'static str = $table;
            type Key = i64;

            fn key(&self) -> i64 {
                self.id
            }

            fn row_id(&self) -> String {
                self.id.to_string()
            }
        }
    };
}
use keyed_by_id;

/// A row to be written: new, or instead of the one before.
#[derive(Clone, Debug)]
pub struct Write<T> {
    /// As it is to be.
    pub row: T,
    /// As it is stored; nothing if it is new.
    pub before: Option<T>,
}

impl<T: Clone> Write<T> {
    /// A stored row that becomes what `change` makes of it.
    #[must_use]
    pub fn changed(before: T, change: impl FnOnce(&mut T)) -> Self {
        let mut row = before.clone();
        change(&mut row);
        Self {
            row,
            before: Some(before),
        }
    }
}

/// What of `arrived` differs from what is `stored`, in order; of several with one key the last counts.
pub(super) fn differing<T: Row>(
    arrived: impl IntoIterator<Item = T>,
    mut stored: HashMap<T::Key, T>,
) -> Vec<Write<T>> {
    let mut writes: Vec<Write<T>> = Vec::new();
    let mut places: HashMap<T::Key, usize> = HashMap::new();
    for row in arrived {
        if let Some(place) = places.get(&row.key()) {
            writes[*place].row = row;
        } else {
            places.insert(row.key(), writes.len());
            let before = stored.remove(&row.key());
            writes.push(Write { row, before });
        }
    }
    writes.retain(|write| write.before.as_ref() != Some(&write.row));
    writes
}

/// Rows by their keys.
fn by_key<T: Row>(rows: Vec<T>) -> HashMap<T::Key, T> {
    rows.into_iter().map(|row| (row.key(), row)).collect()
}

/// The rows as the one JSON array that a writing statement takes.
fn as_json<T: Serialize>(writes: &[Write<T>]) -> Result<String, serde_json::Error> {
    let rows: Vec<&T> = writes.iter().map(|write| &write.row).collect();
    serde_json::to_string(&rows)
}

/// Keys as the one JSON array that a loading statement takes; nothing if there is nothing to load.
fn keys_json(keys: impl IntoIterator<Item = i64>) -> Result<Option<String>, serde_json::Error> {
    let keys: Vec<i64> = keys.into_iter().collect();
    (!keys.is_empty())
        .then(|| serde_json::to_string(&keys))
        .transpose()
}

//! Which version of an object supplies which value: the part of a merge that knows no order of arrival.
//!
//! Each value has a rank, and of all that were ever seen the highest counts. So it is enough to keep, of every version, the values
//! that count at present; and whatever comes first, the same are left.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::clock::Timestamp;
use crate::model::{How, Sighting};

/// What tells one version from another, and which is the newer: the platform's own version, then the event it came with, then a
/// number that follows from its text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
struct Stamp {
    #[serde(rename = "v")]
    version: i64,
    #[serde(rename = "e")]
    event_id: i64,
    #[serde(rename = "h", default = "shown", skip_serializing_if = "is_shown")]
    how: How,
    #[serde(rename = "t", default, skip_serializing_if = "Option::is_none")]
    at: Option<Timestamp>,
    #[serde(rename = "d")]
    digest: u64,
}

impl Stamp {
    /// Whether it has only shown the object, and no event can take it back.
    fn only_shows(&self) -> bool {
        matches!(self.how, How::Shown | How::Listed)
    }
}

fn shown() -> How {
    How::Shown
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands over references"
)]
fn is_shown(how: &How) -> bool {
    *how == How::Shown
}

/// A version of an object, and the values that it supplies.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    #[serde(rename = "s")]
    stamp: Stamp,
    #[serde(rename = "k")]
    keys: Map<String, Value>,
}

impl From<Sighting> for Version {
    fn from(sighting: Sighting) -> Self {
        Self {
            stamp: Stamp {
                version: sighting.version,
                event_id: sighting.event_id,
                digest: sighting.digest,
                how: sighting.how,
                at: sighting.at,
            },
            keys: sighting.keys,
        }
    }
}

/// How a value stands among others of its key; the highest counts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank<'a> {
    class: (bool, bool, i64),
    stamp: Place<'a>,
}

#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Place<'a> {
    Newest(&'a Stamp),
    Oldest(Reverse<&'a Stamp>),
}

impl<'a> Rank<'a> {
    fn of(key: &str, stamp: &'a Stamp, value: &Value) -> Self {
        let newest = |class| Self {
            class,
            stamp: Place::Newest(stamp),
        };
        let oldest = |class| Self {
            class,
            stamp: Place::Oldest(Reverse(stamp)),
        };
        match key {
            // Only an edit changes words, and a list shows them edited: without these, the oldest showing that is known to belong to an event.
            "text" => Self::of_words(stamp, newest, oldest),
            key if key.starts_with("words/") => Self::of_words(stamp, newest, oldest),
            // Marks are only ever set.
            key if key.starts_with("mark/") => newest((*value == Value::Bool(true), false, 0)),
            // What has once happened has happened at the earliest of the times told.
            "delivered_at" | "seen_at" => match moment(value) {
                Some(at) => newest((true, false, -at.millis())),
                None => newest((false, false, 0)),
            },
            // A message does not lose its chat.
            "chat_id" => newest((value.is_number(), false, 0)),
            // An event that is told late is shown beside a later state: the oldest is the nearest to it.
            "ticket_id" => oldest((false, false, 0)),
            _ => newest((false, false, 0)),
        }
    }

    fn of_words(
        stamp: &Stamp,
        newest: impl FnOnce((bool, bool, i64)) -> Self,
        oldest: impl FnOnce((bool, bool, i64)) -> Self,
    ) -> Self {
        match stamp.how {
            How::Edited | How::Listed => newest((true, false, 0)),
            How::Shown | How::Deleted => oldest((false, stamp.event_id > 0, 0)),
        }
    }
}

/// The moment that a column's value tells.
fn moment(value: &Value) -> Option<Timestamp> {
    value.as_str()?.parse().ok()
}

/// What is left of the versions that were known and those that have been seen now.
pub(super) fn merged(known: Vec<Version>, seen: impl IntoIterator<Item = Version>) -> Vec<Version> {
    let mut versions: BTreeMap<Stamp, Map<String, Value>> = BTreeMap::new();
    for Version { stamp, keys } in known.into_iter().chain(seen) {
        let all = versions.entry(stamp).or_default();
        for (key, value) in keys {
            match all.get(&key) {
                // Two texts of one digest: as good as never, and then the greater value.
                Some(other) if outranks(other, &value) => {}
                _ => drop(all.insert(key, value)),
            }
        }
    }
    // What events have done is kept whole: one of them may turn out not to be believed.
    let shown = versions.iter().filter(|(stamp, _)| stamp.only_shows());
    let counting = counting(shown);
    let left = versions.into_iter().map(|(stamp, mut keys)| {
        keys.retain(|key, _| !stamp.only_shows() || counting.get(key) == Some(&stamp));
        Version { stamp, keys }
    });
    left.filter(|version| !version.stamp.only_shows() || !version.keys.is_empty())
        .collect()
}

/// What lists tell that does not count already. Whoever reads all lists every night would write all versions anew otherwise.
pub(super) fn news(known: &[Version], seen: Vec<Version>) -> Vec<Version> {
    let (listed, mut seen): (Vec<Version>, Vec<Version>) = seen
        .into_iter()
        .partition(|version| version.stamp.how == How::Listed);
    if listed.is_empty() {
        return seen;
    }
    let counts = whole(&merged(known.to_vec(), seen.clone())).keys;
    let told = listed.into_iter().map(|mut version| {
        version
            .keys
            .retain(|key, value| counts.get(key) != Some(value));
        version
    });
    seen.extend(told.filter(|version| !version.keys.is_empty()));
    seen
}

/// What is left of the versions if the event has done nothing, and has only shown the object.
pub(super) fn without_deed(versions: Vec<Version>, event_id: i64) -> Vec<Version> {
    let (mut undone, left): (Vec<Version>, Vec<Version>) = versions
        .into_iter()
        .partition(|version| version.stamp.event_id == event_id && !version.stamp.only_shows());
    for version in &mut undone {
        version.stamp.how = How::Shown;
        version.stamp.at = None;
    }
    merged(left, undone)
}

/// Whether `one` counts where nothing else tells which of two values does: the greater canonical text.
pub(super) fn outranks(one: &Value, other: &Value) -> bool {
    let (one, other) = (one.to_string(), other.to_string());
    one >= other
}

/// The version that supplies each key.
fn counting<'a>(
    versions: impl Iterator<Item = (&'a Stamp, &'a Map<String, Value>)>,
) -> BTreeMap<String, Stamp> {
    let mut counting: BTreeMap<&str, (Rank<'_>, &Stamp)> = BTreeMap::new();
    for (stamp, keys) in versions {
        for (key, value) in keys {
            let rank = Rank::of(key, stamp, value);
            match counting.get(key.as_str()) {
                Some((other, _)) if *other > rank => {}
                _ => drop(counting.insert(key, (rank, stamp))),
            }
        }
    }
    counting
        .into_iter()
        .map(|(key, (_, stamp))| (key.to_owned(), stamp.clone()))
        .collect()
}

/// An object as all its versions together tell it.
#[derive(Clone, Debug, Default)]
pub(super) struct Whole {
    /// What each key is.
    pub keys: BTreeMap<String, Value>,
    /// When it was last edited.
    pub edited_at: Option<Timestamp>,
    /// When it was deleted.
    pub deleted_at: Option<Timestamp>,
}

/// Puts an object together.
pub(super) fn whole(versions: &[Version]) -> Whole {
    let mut whole = Whole::default();
    let counting = counting(
        versions
            .iter()
            .map(|version| (&version.stamp, &version.keys)),
    );
    for Version { stamp, keys } in versions {
        let keys = keys
            .iter()
            .filter(|(key, _)| counting.get(*key) == Some(stamp));
        whole
            .keys
            .extend(keys.map(|(key, value)| (key.clone(), value.clone())));
        match stamp.how {
            How::Edited => whole.edited_at = stamp.at,
            How::Deleted => whole.deleted_at = whole.deleted_at.or(stamp.at),
            How::Shown | How::Listed => {}
        }
    }
    whole
}

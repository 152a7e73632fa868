//! What a platform that pushes events delivers: what happened, and the objects as they were shown along the way.
//!
//! A delivery shows parts of objects, in any order and any number of times. So it is not taken apart into rows but into
//! [`Sighting`]s: which values an object had, by which version. The rows follow from all sightings together.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Drift, Event, Reject};
use crate::clock::Timestamp;

/// What one body brings, or several bodies together.
#[derive(Clone, Debug, Default)]
pub struct Delivery {
    /// What happened.
    pub happenings: Vec<Happening>,
    /// The objects that were shown beside it.
    pub sightings: Vec<Sighting>,
    /// Parts that could not be read.
    pub rejects: Vec<Reject>,
    /// Values that no column is meant for.
    pub drift: Vec<Drift>,
}

impl Delivery {
    /// Takes in another one.
    pub fn add(&mut self, other: Self) {
        self.happenings.extend(other.happenings);
        self.sightings.extend(other.sightings);
        self.rejects.extend(other.rejects);
        self.drift.extend(other.drift);
    }

    /// The last event it carries.
    #[must_use]
    pub fn last_event(&self) -> Option<i64> {
        let ids = self.happenings.iter().map(|happening| happening.event.id);
        ids.max()
    }
}

/// An event, and what it does by itself. Two that tell different things under one id are not both believed.
#[derive(Clone, Debug)]
pub struct Happening {
    /// The event.
    pub event: Event,
    /// What it does to objects.
    pub deeds: Vec<Sighting>,
    /// Objects that it names.
    pub names: Vec<(Thing, String)>,
}

/// What a sighting is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Thing {
    /// A project.
    Project,
    /// An operator.
    Operator,
    /// A channel.
    Channel,
    /// A contact.
    Contact,
    /// A chat.
    Chat,
    /// A message.
    Message,
    /// A file.
    File,
    /// What an event has done: the ticket that it closed, the messages that it edited or deleted. Its id is the event's.
    Deed,
}

impl Thing {
    /// The word for it in the database.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Project => "project",
            Self::Operator => "operator",
            Self::Channel => "channel",
            Self::Contact => "contact",
            Self::Chat => "chat",
            Self::Message => "message",
            Self::File => "file",
            Self::Deed => "deed",
        }
    }
}

/// How an object came to be shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum How {
    /// Beside an event.
    Shown,
    /// By the event that has edited it.
    Edited,
    /// By the event that has deleted it.
    Deleted,
    /// In a list that was asked for: then the event that it came with is the last one that was known before it was asked for.
    Listed,
}

/// Some values of an object, as they were by one version of it.
///
/// A key is a column's name; `extra/…`, `content/…` lead into those objects (a `/` in a name is `~1`, a `~` is `~0`). `words/…` leads into `content`
/// and `mark/…` into `extra`: words change only by an edit, marks are only ever set. `gate/channel_id` is the channel of a chat's one gate;
/// `message/…` names a message that an event has touched. Of what lists tell, `listed/state` is a chat's state, and `listed/missing` says since when
/// a message is not among those of its chat.
/// A value is the column's; a list of three if it does not fit there: what the column gets, then where in `extra` the value is put, then the value.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// What it is.
    pub thing: Thing,
    /// Its id, as text.
    pub id: String,
    /// The version that the platform gives it: the greater is the newer; 0 if it gives none.
    pub version: i64,
    /// The event that it came with; 0 if none, or one without an id.
    pub event_id: i64,
    /// Tells two apart that came with one event and by one version.
    pub digest: u64,
    /// How it came.
    pub how: How,
    /// When it was edited, deleted or listed.
    pub at: Option<Timestamp>,
    /// The values.
    pub keys: Map<String, Value>,
    /// Objects that it names.
    pub names: Vec<(Thing, String)>,
    /// The ticket that it names, if it is a chat.
    pub ticket_id: Option<i64>,
}

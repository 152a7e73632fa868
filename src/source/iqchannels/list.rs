//! A page of a documented list: objects as the platform shows them now, each with what it names.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::raw;
use super::body::shown;
use super::object::{self, id_number, moment};
use super::shapes::Shape;
use crate::clock::Timestamp;
use crate::model::{ChatState, Delivery, How, Reject, Sighting, Thing};
use crate::source::SourceError;

/// An object in a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id.
    pub id: i64,
    /// When it last changed; a message: when it was written.
    pub at: Option<Timestamp>,
}

/// A page.
#[derive(Clone, Debug, Default)]
pub struct Listed {
    /// The objects in its order; those without an id are among the rejects.
    pub items: Vec<Item>,
    /// What it brings.
    pub delivery: Delivery,
    /// The server's clock when it answered, if it told.
    pub date: Option<Timestamp>,
}

/// What is known of a list before it is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct About {
    pub shape: &'static Shape,
    /// The key that tells when an object last changed, or was written.
    pub moment: &'static str,
    /// The last event that was known before it was asked for.
    pub as_of: i64,
    /// When it was asked for, by our clock.
    pub at: Timestamp,
    /// The state that all of its chats have.
    pub state: Option<ChatState>,
}

/// Reads a page's body.
pub(super) fn read(body: &str, about: &About) -> Result<Listed, SourceError> {
    let refused = |why: &str| SourceError::Unreadable {
        why: why.to_owned(),
    };
    let raw: &RawValue = serde_json::from_str(body).map_err(|_| refused("it is no JSON"))?;
    let mut top = raw::object(raw).map_err(|why| refused(&why))?;
    let result = match top.remove("Result") {
        Some(Value::Array(result)) => result,
        None | Some(Value::Null) => Vec::new(),
        Some(_) => return Err(refused("its Result is no list")),
    };
    let rels = match top.remove("Rels") {
        Some(Value::Object(rels)) => rels,
        None | Some(Value::Null) => Map::new(),
        Some(_) => return Err(refused("its Rels are no object")),
    };
    let mut listed = Listed::default();
    // An unknown list beside it belongs to no event that could keep it: it is noted as one that nobody expects.
    let (mut sightings, _) = shown(rels, None, &mut listed.delivery);
    for item in result {
        take(item, about, &mut listed, &mut sightings);
    }
    listed.delivery.sightings = sightings;
    Ok(listed)
}

fn take(item: Value, about: &About, listed: &mut Listed, sightings: &mut Vec<Sighting>) {
    let text = item.to_string();
    let id = item.get("Id").and_then(id_number);
    let at = item.get(about.moment).and_then(moment);
    let delivery = &mut listed.delivery;
    let seen = match item {
        Value::Object(object) => object::sightings(about.shape, object, 0, &mut delivery.drift),
        _ => Err("it is no object".to_owned()),
    };
    match (seen, id) {
        (Ok(seen), Some(id)) => {
            listed.items.push(Item { id, at });
            sightings.extend(seen.into_iter().map(|seen| about.placed(seen)));
            sightings.extend(about.state(id));
        }
        (seen, _) => delivery.rejects.push(Reject {
            item_id: id,
            raw: text,
            why: format!("{}: {}", about.shape.list, seen.err().unwrap_or_default()),
        }),
    }
}

impl About {
    /// Objects with versions of their own tell by these how new they are; messages have none.
    fn placed(&self, seen: Sighting) -> Sighting {
        if seen.thing != Thing::Message {
            return seen;
        }
        Sighting {
            event_id: self.as_of,
            how: How::Listed,
            at: Some(self.at),
            ..seen
        }
    }

    fn state(&self, id: i64) -> Option<Sighting> {
        let state = serde_json::to_value(self.state?).ok()?;
        let told = Map::from_iter([
            ("as_of".to_owned(), self.as_of.into()),
            ("state".to_owned(), state),
        ]);
        Some(Sighting {
            thing: Thing::Chat,
            id: id.to_string(),
            version: 0,
            event_id: self.as_of,
            digest: 0,
            how: How::Listed,
            at: Some(self.at),
            keys: Map::from_iter([("listed/state".to_owned(), Value::Object(told))]),
            names: Vec::new(),
            ticket_id: None,
        })
    }
}

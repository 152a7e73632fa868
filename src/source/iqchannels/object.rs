//! An object of the platform's, taken apart into the values that a sighting of it tells.

use serde_json::{Map, Value, json};

use super::super::drift::noted;
use super::message;
use super::shapes::{Column, Fit, Shape};
use crate::clock::Timestamp;
use crate::model::{Drift, How, Sighting, Thing};

/// Computed for whoever asks, so it says nothing of the object.
const COMPUTED: &str = "My";

/// What `object` tells; an object in it that has versions of its own is a sighting of its own. `event_id`: the event it came with.
///
/// # Errors
///
/// Why it cannot be told what it is, for a person.
pub(super) fn sightings(
    shape: &Shape,
    mut object: Map<String, Value>,
    event_id: i64,
    drift: &mut Vec<Drift>,
) -> Result<Vec<Sighting>, String> {
    object.remove(COMPUTED);
    let id = id_of(shape.thing, &object).ok_or("its Id is not one")?;
    let digest = digest(&object);
    let seen = |version, keys, names, ticket_id| Sighting {
        thing: shape.thing,
        id: id.clone(),
        version,
        event_id,
        digest,
        how: How::Shown,
        at: None,
        keys,
        names,
        ticket_id,
    };
    let names = shape.names.iter().filter_map(|(key, thing)| {
        let value = object.get(*key)?;
        Some((*thing, name_of(*thing, value)?))
    });
    let names = names.collect();
    let ticket_id = object
        .get("TicketId")
        .filter(|_| shape.thing == Thing::Chat)
        .and_then(id_number);
    let version = version_of(shape.version, &object);
    object.remove("Id");
    let parts = take_parts(shape, &mut object);
    let mut sightings = Vec::new();
    for (name, columns, part) in parts {
        let version = version_of(Some("UpdatedAt"), &part);
        let keys = part_keys(shape, &name, columns, part, drift);
        sightings.push(seen(version, keys, Vec::new(), None));
    }
    let mut keys = Map::new();
    if shape.thing == Thing::Message {
        message::take(&mut object, &mut keys);
    }
    take_columns(shape.columns, &mut object, "", &mut keys);
    for (key, value) in object {
        if !shape.expected.contains(&key.as_str()) {
            drift.push(noted(format!("{}[].{key}", shape.list), &value));
        }
        keys.insert(format!("extra/{}", escaped(&key)), value);
    }
    sightings.push(seen(version, keys, names, ticket_id));
    Ok(sightings)
}

type Part = (String, &'static [Column], Map<String, Value>);

/// The objects in it that have columns or versions of their own, such as a client's `Details` or what a channel's type has of its own.
fn take_parts(shape: &Shape, object: &mut Map<String, Value>) -> Vec<Part> {
    let columns = |name: &str| {
        let mut parts = shape.parts.iter();
        parts
            .find(|(part, _)| *part == name)
            .map(|(_, columns)| *columns)
    };
    let is_part = |(name, value): &(&String, &Value)| match value {
        Value::Object(part) => columns(name).is_some() || part.contains_key("UpdatedAt"),
        _ => false,
    };
    let names: Vec<String> = object
        .iter()
        .filter(is_part)
        .map(|(name, _)| name.clone())
        .collect();
    let mut parts = Vec::new();
    for name in names {
        if let Some(Value::Object(part)) = object.remove(&name) {
            let columns = columns(&name).unwrap_or_default();
            parts.push((name, columns, part));
        }
    }
    parts
}

fn part_keys(
    shape: &Shape,
    name: &str,
    columns: &[Column],
    mut part: Map<String, Value>,
    drift: &mut Vec<Drift>,
) -> Map<String, Value> {
    if !shape.expected.contains(&name) {
        let whole = Value::Object(part.clone());
        drift.push(noted(format!("{}[].{name}", shape.list), &whole));
    }
    let within = format!("{}/", escaped(name));
    let mut keys = Map::new();
    take_columns(columns, &mut part, &within, &mut keys);
    for (key, value) in part {
        keys.insert(format!("extra/{within}{}", escaped(&key)), value);
    }
    keys
}

/// Takes the values that have a column out of `object`. `within`: the path of the object in `extra`.
pub(super) fn take_columns(
    columns: &[Column],
    object: &mut Map<String, Value>,
    within: &str,
    keys: &mut Map<String, Value>,
) {
    for (key, column, fit) in columns {
        if let Some(value) = object.remove(*key) {
            let value = match fitted(*fit, &value) {
                Ok(value) => value,
                Err(rest) => json!([rest, format!("{within}{}", escaped(key)), value]),
            };
            keys.insert((*column).to_owned(), value);
        }
    }
}

/// The value as the column has it; if it does not fit, what the column gets instead.
fn fitted(fit: Fit, value: &Value) -> Result<Value, Value> {
    if value.is_null() {
        return Ok(Value::Null);
    }
    let fits = match fit {
        Fit::Text => match value {
            Value::String(text) if !text.is_empty() => Some(value.clone()),
            Value::Number(number) => return Err(number.to_string().into()),
            _ => None,
        },
        Fit::Id => id_number(value).map(Value::from),
        Fit::Number => value.as_i64().map(Value::from),
        Fit::Flag => value.as_bool().map(Value::from),
        Fit::Time => moment(value).map(|at| at.to_string().into()),
    };
    fits.ok_or(Value::Null)
}

/// The moment that a number of milliseconds names.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    let millis = value.as_i64().filter(|millis| *millis > 0)?;
    Timestamp::from_millis(millis)
}

/// A whole number above 0.
pub(super) fn id_number(value: &Value) -> Option<i64> {
    value.as_i64().filter(|id| *id > 0)
}

fn id_of(thing: Thing, object: &Map<String, Value>) -> Option<String> {
    name_of(thing, object.get("Id")?)
}

/// The id by which `value` names a thing.
fn name_of(thing: Thing, value: &Value) -> Option<String> {
    match (thing, value) {
        (Thing::File, Value::String(text)) => Some(text.clone()).filter(|text| !text.is_empty()),
        _ => id_number(value).map(|id| id.to_string()),
    }
}

fn version_of(key: Option<&str>, object: &Map<String, Value>) -> i64 {
    let version = key.and_then(|key| object.get(key)?.as_i64());
    version.unwrap_or(0).max(0)
}

/// A number that follows from the object's canonical text and is the same on every machine (FNV-1a).
pub(super) fn digest(object: &Map<String, Value>) -> u64 {
    let text = serde_json::to_string(object).unwrap_or_default();
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// A name as a part of a path.
pub(super) fn escaped(name: &str) -> String {
    name.replace('~', "~0").replace('/', "~1")
}

//! A body as it is pushed, or as the platform's streams and lists have it.

use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::super::drift::noted;
use super::super::raw;
use super::event;
use super::object::{self, id_number};
use super::shapes::SHAPES;
use crate::model::{Delivery, Drift, Reject, Sighting};

/// Why a body can never be read, for a person. Holds nothing of the body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unreadable(String);

/// Reads a body: `{"ChatEvent": …, "Rels": …}`, or `{"OK": true, "Result": […], "Rels": …}`. What cannot be read of it is among
/// its rejects, the rest is read.
///
/// # Errors
///
/// [`Unreadable`], if nothing of it can be read.
pub fn read(body: &[u8]) -> Result<Delivery, Unreadable> {
    let refused = |why: &str| Unreadable(why.to_owned());
    let text = std::str::from_utf8(body).map_err(|_| refused("it is not UTF-8"))?;
    let text = text.trim_start_matches('\u{feff}');
    let raw: &RawValue =
        serde_json::from_str(text).map_err(|_| refused("it is no JSON that can be read"))?;
    let mut top = raw::object(raw).map_err(Unreadable)?;
    if top.get("OK") == Some(&Value::Bool(false)) {
        return Err(Unreadable(format!("it is {}", refusal(&top))));
    }
    let events = events(&mut top);
    let rels = match top.remove("Rels") {
        Some(Value::Object(rels)) => Some(rels),
        None | Some(Value::Null) => None,
        Some(_) => return Err(refused("its Rels are no object")),
    };
    if events.is_none() && rels.is_none() {
        return Err(refused("it has neither ChatEvent nor Result nor Rels"));
    }
    let events = events.unwrap_or_default();
    let mut delivery = Delivery::default();
    for (key, value) in top {
        if !["OK", "Error"].contains(&key.as_str()) {
            delivery.drift.push(noted(key, &value));
        }
    }
    let carrying = events.iter().filter_map(event::lasting_id).max();
    let (shown, unknown) = shown(rels.unwrap_or_default(), carrying, &mut delivery);
    event::read_all(events, shown, &unknown, &mut delivery);
    Ok(delivery)
}

/// The events; nothing if no key says that there may be some.
fn events(top: &mut Map<String, Value>) -> Option<Vec<Value>> {
    let given: Vec<Value> = ["ChatEvent", "Result"]
        .iter()
        .filter_map(|key| top.remove(*key))
        .collect();
    if given.is_empty() {
        return None;
    }
    let events = given.into_iter().flat_map(|given| match given {
        Value::Array(events) => events,
        Value::Null => Vec::new(),
        event => vec![event],
    });
    Some(events.collect())
}

/// The platform's own refusal, which comes as a success.
fn refusal(top: &Map<String, Value>) -> String {
    let code = top
        .get("Error")
        .and_then(|error| error.get("Code"))
        .map(Value::to_string)
        .filter(|code| code.len() < 80);
    format!(
        "the platform's own refusal (OK is false, code {})",
        code.as_deref().unwrap_or("none")
    )
}

/// What `Rels` shows, and the lists in it that nobody expects.
pub(super) fn shown(
    mut rels: Map<String, Value>,
    carrying: Option<i64>,
    delivery: &mut Delivery,
) -> (Vec<Sighting>, Map<String, Value>) {
    let mut shown = Vec::new();
    for shape in SHAPES {
        let items = match rels.remove(shape.list) {
            Some(Value::Array(items)) => items,
            None | Some(Value::Null) => continue,
            Some(other) => {
                rels.insert(shape.list.to_owned(), other);
                continue;
            }
        };
        for item in items {
            let raw = item.to_string();
            let id = item.get("Id").and_then(id_number);
            let seen = match item {
                Value::Object(object) => {
                    let carrying = carrying.unwrap_or(0);
                    object::sightings(shape, object, carrying, &mut delivery.drift)
                }
                _ => Err("it is no object".to_owned()),
            };
            match seen {
                Ok(seen) => shown.extend(seen),
                Err(why) => delivery.rejects.push(Reject {
                    item_id: id,
                    raw,
                    why: format!("Rels.{}: {why}", shape.list),
                }),
            }
        }
    }
    let unknown =
        |(key, value): (&String, &Value)| -> Drift { noted(format!("Rels.{key}"), value) };
    delivery.drift.extend(rels.iter().map(unknown));
    (shown, rels)
}

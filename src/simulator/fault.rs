//! Answers that go wrong, on demand or by chance.

use std::time::Duration;

use fastrand::Rng;
use serde_json::{Value, json};

use super::request::{Question, Target};

/// A way in which an answer goes wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This status with the error envelope: 500, 502, 503 …
    Status(u16),
    /// The connection is dropped before anything is answered.
    Reset,
    /// The connection is dropped in the middle of the body.
    CutBody,
    /// A page of HTML with this status, 200 included.
    Html(u16),
    /// Text that is no JSON, with status 200.
    InvalidJson,
    /// The error envelope, with status 200.
    ErrorWithStatus200,
    /// The answer, right as it was when asked, comes this late in real time; nothing: never.
    Stall(Option<Duration>),
    /// A body that never ends.
    EndlessBody,
    /// A redirect to the same path under this scheme and host, such as `http://elsewhere.example`.
    Redirect(String),
    /// A good page in which one item is bad.
    BadItem {
        /// Which, by id; nothing: the one in the middle of the page.
        id: Option<i64>,
        /// In what way.
        damage: Damage,
    },
    /// A page of an empty list, whatever the list holds.
    NothingListed,
    /// The token is refused from now on.
    TokenRevoked,
}

/// A way in which an item is bad.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// It is a string.
    NotAnObject,
    /// It is null.
    Null,
    /// It has no id.
    NoId,
    /// Its id is a word.
    IdNotANumber,
    /// Its time of change (for a chat) or of writing (for a message) is none.
    GarbledTime,
}

/// A fault with the requests that it befalls.
#[derive(Clone, Debug, PartialEq)]
pub struct FaultRule {
    /// Which requests may be befallen.
    pub target: Target,
    /// What befalls them.
    pub fault: Fault,
    /// Which of them are.
    pub occasion: Occasion,
}

/// How often a fault happens.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Occasion {
    /// To the next so many matching requests.
    Next(usize),
    /// To each matching request with this chance, between 0 and 1, from the simulator's seed.
    Chance(f64),
    /// To every matching request.
    Always,
}

/// The rules that are set.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<FaultRule>);

impl Faults {
    pub(super) fn set(&mut self, rule: FaultRule) {
        self.0.push(rule);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault for this request, from the first rule that has one.
    pub(super) fn draw(&mut self, question: &Question, rng: &mut Rng) -> Option<Fault> {
        let matching = self
            .0
            .iter_mut()
            .filter(|rule| rule.target.matches(question));
        for rule in matching {
            let happens = match &mut rule.occasion {
                Occasion::Always => true,
                Occasion::Chance(chance) => rng.f64() < *chance,
                Occasion::Next(left) => {
                    let happens = *left > 0;
                    *left = left.saturating_sub(1);
                    happens
                }
            };
            if happens {
                return Some(rule.fault.clone());
            }
        }
        None
    }
}

impl Damage {
    /// Spoils one item of a page, or the object if it is no page.
    pub(super) fn spoil(self, answer: &mut Value, id: Option<i64>) {
        let Some(items) = answer.get_mut("collection").and_then(Value::as_array_mut) else {
            self.spoil_item(answer);
            return;
        };
        let place = match id {
            Some(id) => items.iter().position(|item| has_id(item, id)),
            None => Some(items.len() / 2),
        };
        if let Some(item) = place.and_then(|place| items.get_mut(place)) {
            self.spoil_item(item);
        }
    }

    fn spoil_item(self, item: &mut Value) {
        match self {
            Self::NotAnObject => *item = json!("not an object"),
            Self::Null => *item = Value::Null,
            Self::IdNotANumber => item["id"] = json!("seven"),
            Self::NoId => {
                if let Some(fields) = item.as_object_mut() {
                    fields.remove("id");
                }
            }
            Self::GarbledTime => {
                let updated = item.get("updatedAt").is_some();
                let field = if updated { "updatedAt" } else { "createdAt" };
                item[field] = json!("the day before yesterday");
            }
        }
    }
}

fn has_id(item: &Value, id: i64) -> bool {
    match &item["id"] {
        Value::String(found) => *found == id.to_string(),
        found => found.as_i64() == Some(id),
    }
}

//! From the values of an object to its row: what has a column, what goes into `content`, what into `extra`.

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::versions::Whole;
use crate::model::Json;
use crate::store::StoreError;

/// An object's values by where they go.
#[derive(Debug, Default)]
pub(super) struct Columns {
    plain: Map<String, Value>,
    content: Map<String, Value>,
    extra: Map<String, Value>,
}

impl Columns {
    /// Sorts the values of an object.
    pub(super) fn of(whole: &Whole) -> Self {
        let mut sorted = Self::default();
        for (key, value) in &whole.keys {
            match key.split_once('/') {
                Some(("content" | "words", path)) => put(&mut sorted.content, path, value),
                Some(("extra" | "mark", path)) => put(&mut sorted.extra, path, value),
                _ => sorted.column(key, value),
            }
        }
        sorted
    }

    /// A column, or what it gets of a value that does not fit.
    fn column(&mut self, key: &str, value: &Value) {
        let value = match value.as_array().map(Vec::as_slice) {
            Some([fitting, Value::String(path), whole]) => {
                put(&mut self.extra, path, whole);
                fitting
            }
            _ => value,
        };
        self.plain.insert(key.to_owned(), value.clone());
    }

    /// Sets a column that the object's own values do not tell.
    pub(super) fn set(&mut self, key: &str, value: impl Into<Value>) {
        self.plain.insert(key.to_owned(), value.into());
    }

    /// A number that stands in a column.
    pub(super) fn number(&self, key: &str) -> Option<i64> {
        self.plain.get(key)?.as_i64()
    }

    /// A text that stands in a column.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.plain.get(key)?.as_str()
    }

    /// The row.
    ///
    /// # Errors
    /// If a value is not what its column takes.
    pub(super) fn row<T: DeserializeOwned>(mut self) -> Result<T, StoreError> {
        for (name, object) in [("content", self.content), ("extra", self.extra)] {
            let text = Json::from(object).as_str().to_owned();
            self.plain.insert(name.to_owned(), text.into());
        }
        Ok(serde_json::from_value(Value::Object(self.plain))?)
    }
}

/// Puts a value at a path. An object goes over what is none, and takes in what is missing in it.
fn put(object: &mut Map<String, Value>, path: &str, value: &Value) {
    let (name, rest) = match path.split_once('/') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let name = name.replace("~1", "/").replace("~0", "~");
    match rest {
        Some(rest) => {
            let inner = object
                .entry(name)
                .and_modify(|inner| {
                    if !inner.is_object() {
                        *inner = Value::Object(Map::new());
                    }
                })
                .or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
        None => match (object.get_mut(&name), value) {
            (Some(Value::Object(inner)), Value::Object(more)) => {
                for (key, value) in more {
                    inner.entry(key).or_insert_with(|| value.clone());
                }
            }
            (Some(Value::Object(_)), _) => {}
            _ => drop(object.insert(name, value.clone())),
        },
    }
}

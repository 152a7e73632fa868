//! JSON in its one canonical text, so that equal values are equal columns.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A JSON value as text: keys sorted, no spaces, numbers digit for digit as they came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Json(String);

impl Json {
    /// The canonical text of `value`.
    #[must_use]
    pub fn new(value: &Value) -> Self {
        Self(value.to_string())
    }

    /// An object with no keys: what `extra` holds when every value had a column.
    #[must_use]
    pub fn empty_object() -> Self {
        Self("{}".to_owned())
    }

    /// Takes text that is known to be canonical, such as a column that was written from a [`Json`].
    #[must_use]
    pub fn from_column(text: String) -> Self {
        Self(text)
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Map<String, Value>> for Json {
    fn from(object: Map<String, Value>) -> Self {
        Self::new(&Value::Object(object))
    }
}

//! What is told of a value that no column is meant for.

use serde_json::Value;

use crate::model::Drift;

/// A value that no column is meant for, in a form that shows no people's data: numbers and flags
/// plainly, of texts and lists the length only.
pub(super) fn noted(path: String, value: &Value) -> Drift {
    let (json_type, example) = match value {
        Value::Null => ("null", "null".to_owned()),
        Value::Bool(flag) => ("boolean", flag.to_string()),
        Value::Number(number) => ("number", cut(&number.to_string(), 80)),
        Value::String(text) => ("string", format!("string({})", text.chars().count())),
        Value::Array(list) => ("array", format!("array({})", list.len())),
        Value::Object(object) => ("object", format!("object({})", object.len())),
    };
    Drift {
        path,
        json_type,
        example,
    }
}

/// At most `most` characters of `text`.
pub(super) fn cut(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

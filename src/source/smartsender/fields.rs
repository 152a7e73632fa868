//! Taking an object apart so that nothing of it is lost: what no column takes, stays.

use chrono_tz::Tz;
use serde_json::{Map, Value};

use super::super::drift::noted;
use super::super::raw::place;
use super::times;
use crate::clock::Timestamp;
use crate::model::Drift;

/// An object whose known keys are being taken out.
///
/// A key goes only if its value fits the column it is asked for; null fits each of them and says
/// nothing. Whatever is not taken is left for `extra`.
pub(super) struct Fields {
    path: &'static str,
    left: Map<String, Value>,
}

impl Fields {
    /// Begins with `object`, which stands at `path`, such as `chat.gates[]`.
    pub fn new(path: &'static str, object: Map<String, Value>) -> Self {
        Self { path, left: object }
    }

    /// A whole number from 0, also in digits.
    pub fn take_id(&mut self, key: &str) -> Option<i64> {
        self.take(key, |value| whole_number(&value).ok_or(value))
    }

    /// A text, or a number's text.
    pub fn take_text(&mut self, key: &str) -> Option<String> {
        self.take(key, |value| match value {
            Value::String(text) => Ok(text),
            Value::Number(number) => Ok(number.to_string()),
            other => Err(other),
        })
    }

    /// True and false, also as 1 and 0, also in digits.
    pub fn take_flag(&mut self, key: &str) -> Option<bool> {
        self.take(key, |value| match &value {
            Value::Bool(flag) => Ok(*flag),
            other => match whole_number(other) {
                Some(0) => Ok(false),
                Some(1) => Ok(true),
                _ => Err(value),
            },
        })
    }

    /// A moment in any of the platform's forms. One that the column can only say roughly is taken
    /// and left as well.
    pub fn take_time(&mut self, key: &str, zone: Tz) -> Option<Timestamp> {
        let moment = times::read(self.left.get(key)?, zone)?;
        if moment.exact {
            self.left.remove(key);
        }
        moment.at
    }

    /// An object; the platform may write an empty one as an empty list.
    pub fn take_object(&mut self, key: &str) -> Option<Map<String, Value>> {
        self.take(key, |value| match value {
            Value::Object(object) => Ok(object),
            Value::Array(list) if list.is_empty() => Ok(Map::new()),
            other => Err(other),
        })
    }

    /// A list, in either of the forms of [`items`].
    pub fn take_list(&mut self, key: &str) -> Option<Vec<Value>> {
        self.take(key, |value| match items(&value) {
            Some(items) => Ok(items.into_iter().cloned().collect()),
            None => Err(value),
        })
    }

    /// Any value, for a column that keeps JSON.
    pub fn take_any(&mut self, key: &str) -> Option<Value> {
        self.take(key, Ok)
    }

    /// Leaves `value` at `key` after all.
    pub fn put_back(&mut self, key: &str, value: Value) {
        self.left.insert(key.to_owned(), value);
    }

    /// What was not taken, each key of it noted in `drift`.
    pub fn leave(self, drift: &mut Vec<Drift>) -> Map<String, Value> {
        for (key, value) in &self.left {
            drift.push(noted(format!("{}.{key}", self.path), value));
        }
        self.left
    }

    fn take<T>(&mut self, key: &str, fit: impl FnOnce(Value) -> Result<T, Value>) -> Option<T> {
        match fit_or_null(self.left.remove(key)?, fit) {
            Ok(taken) => taken,
            Err(value) => {
                self.left.insert(key.to_owned(), value);
                None
            }
        }
    }
}

fn fit_or_null<T>(
    value: Value,
    fit: impl FnOnce(Value) -> Result<T, Value>,
) -> Result<Option<T>, Value> {
    match value {
        Value::Null => Ok(None),
        value => fit(value).map(Some),
    }
}

/// A whole number from 0 in 64 bits, if `value` is one or its digits, and writing it gives the same digits.
pub(super) fn whole_number(value: &Value) -> Option<i64> {
    let text = match value {
        Value::Number(number) => number.as_str(),
        Value::String(text) => text,
        _ => return None,
    };
    let number = text.parse().ok().filter(|number| *number >= 0)?;
    (i64::to_string(&number) == text).then_some(number)
}

/// The items of a list; the platform may write one as an object whose keys are the places in it, from which
/// some may be missing.
pub(super) fn items(value: &Value) -> Option<Vec<&Value>> {
    match value {
        Value::Array(list) => Some(list.iter().collect()),
        Value::Object(object) => {
            let placed = object.iter().map(|(key, item)| Some((place(key)?, item)));
            let mut placed = placed.collect::<Option<Vec<_>>>()?;
            placed.sort_by_key(|(place, _)| *place);
            Some(placed.into_iter().map(|(_, item)| item).collect())
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono_tz::UTC;
    use serde_json::json;

    use super::*;

    fn fields(value: &Value) -> Fields {
        Fields::new(
            "thing",
            json!({ "key": value }).as_object().unwrap().clone(),
        )
    }

    /// Takes `value` with `take`: what came, and what was left.
    fn taken<T>(value: &Value, take: fn(&mut Fields, &str) -> T) -> (T, bool) {
        let mut fields = fields(value);
        let taken = take(&mut fields, "key");
        (taken, !fields.leave(&mut Vec::new()).is_empty())
    }

    #[test]
    fn ids() {
        let cases = [
            (json!(7), Some(7), false),
            (json!("7"), Some(7), false),
            (
                json!(9_007_199_254_740_993_i64),
                Some(9_007_199_254_740_993),
                false,
            ),
            (json!("9223372036854775807"), Some(i64::MAX), false),
            (json!("9223372036854775808"), None, true),
            (json!(9_223_372_036_854_775_808_u64), None, true),
            (json!(-7), None, true),
            (json!("007"), None, true),
            (json!("+7"), None, true),
            (json!(7.5), None, true),
            (json!(""), None, true),
            (json!([]), None, true),
            (json!(null), None, false),
        ];
        for (value, id, left) in cases {
            assert_eq!(taken(&value, Fields::take_id), (id, left), "{value}");
        }
    }

    #[test]
    fn flags() {
        let cases = [
            (json!(true), Some(true), false),
            (json!(0), Some(false), false),
            (json!("1"), Some(true), false),
            (json!("0"), Some(false), false),
            (json!(2), None, true),
            (json!("true"), None, true),
            (json!(null), None, false),
        ];
        for (value, flag, left) in cases {
            assert_eq!(taken(&value, Fields::take_flag), (flag, left), "{value}");
        }
    }

    #[test]
    fn texts() {
        let number: Value = serde_json::from_str("12.50").unwrap();
        let cases = [
            (json!("words"), Some("words"), false),
            (json!(""), Some(""), false),
            (number, Some("12.50"), false),
            (json!(true), None, true),
            (json!({}), None, true),
            (json!(null), None, false),
        ];
        for (value, text, left) in cases {
            let text = text.map(str::to_owned);
            assert_eq!(taken(&value, Fields::take_text), (text, left), "{value}");
        }
    }

    #[test]
    fn both_empty_forms_are_empty() {
        for empty in [json!([]), json!({})] {
            assert_eq!(
                taken(&empty, Fields::take_object),
                (Some(Map::new()), false)
            );
            assert_eq!(taken(&empty, Fields::take_list), (Some(Vec::new()), false));
        }
        assert_eq!(taken(&json!([1]), Fields::take_object), (None, true));
    }

    #[test]
    fn a_list_whose_places_are_written_out() {
        let values = |numbers: &[i64]| numbers.iter().map(|number| json!(number)).collect();
        let cases: [(Value, Option<Vec<Value>>, bool); 5] = [
            (json!({"0": 1, "1": 2}), Some(values(&[1, 2])), false),
            (
                json!({"10": 3, "9": 2, "1": 1}),
                Some(values(&[1, 2, 3])),
                false,
            ),
            (json!({"0": 1, "id": 2}), None, true),
            (json!({"01": 1}), None, true),
            (json!("0"), None, true),
        ];
        for (value, list, left) in cases {
            assert_eq!(taken(&value, Fields::take_list), (list, left), "{value}");
        }
    }

    #[test]
    fn a_time_that_says_more_than_its_column_is_left_as_well() {
        let take = |fields: &mut Fields, key: &str| fields.take_time(key, UTC).is_some();
        assert_eq!(taken(&json!("2019-08-05 14:06:39"), take), (true, false));
        assert_eq!(
            taken(&json!("2019-08-05 14:06:39.1234567"), take),
            (true, true)
        );
        assert_eq!(taken(&json!("soon"), take), (false, true));
        assert_eq!(taken(&json!(null), take), (false, false));
    }

    #[test]
    fn drift_shows_no_words() {
        let cases = [
            (json!(null), "null", "null"),
            (json!(true), "boolean", "true"),
            (json!(12.5), "number", "12.5"),
            (json!("Олена"), "string", "string(5)"),
            (json!(["Олена"]), "array", "array(1)"),
            (json!({"name": "Олена"}), "object", "object(1)"),
        ];
        for (value, json_type, example) in cases {
            let mut drift = Vec::new();
            fields(&value).leave(&mut drift);
            let example = example.to_owned();
            let path = "thing.key".to_owned();
            assert_eq!(
                drift,
                [Drift {
                    path,
                    json_type,
                    example
                }]
            );
        }
    }
}

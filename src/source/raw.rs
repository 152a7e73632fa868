//! From JSON text to values with nothing lost on the way: a key that stands twice in one object is not passed over.

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// How deep values may stand in one another.
const DEEPEST: u32 = 100;

/// The object that `raw` is, every value in it read.
///
/// # Errors
///
/// What is wrong with it, for a person; also if a key has two different values, one of which would be lost.
pub(super) fn object(raw: &RawValue) -> Result<Map<String, Value>, String> {
    if !raw.get().starts_with('{') {
        return Err("it is no object".to_owned());
    }
    read_object(raw, DEEPEST)
}

/// The items of a list; the platform may write one as an object whose keys are the places in it.
pub(super) fn list(raw: &RawValue) -> Option<Vec<&RawValue>> {
    if raw.get().starts_with('[') {
        return serde_json::from_str(raw.get()).ok();
    }
    let Pairs(pairs) = serde_json::from_str(raw.get()).ok()?;
    let items = pairs
        .into_iter()
        .map(|(key, item)| place(&key).map(|_| item));
    items.collect()
}

/// Whether a key stands twice on the outermost level of the object `text`.
pub(super) fn repeats_a_key(text: &str) -> bool {
    let Ok(Pairs(pairs)) = serde_json::from_str(text) else {
        return false;
    };
    let mut keys: Vec<&str> = pairs.iter().map(|(key, _)| key.as_str()).collect();
    keys.sort_unstable();
    keys.windows(2).any(|two| two[0] == two[1])
}

/// Each level is taken apart from its own text: asked for a [`Value`] at once, `serde_json` forgets all
/// but the last of equal keys, and takes an object with a certain key of its own for a number.
fn read(raw: &RawValue, depth: u32) -> Result<Value, String> {
    match raw.get().as_bytes().first() {
        Some(b'{') => read_object(raw, depth).map(Value::Object),
        Some(b'[') => {
            let depth = deeper(depth)?;
            let items: Vec<&RawValue> = parse(raw)?;
            let items = items.into_iter().map(|item| read(item, depth));
            items.collect::<Result<_, _>>().map(Value::Array)
        }
        _ => parse(raw),
    }
}

fn read_object(raw: &RawValue, depth: u32) -> Result<Map<String, Value>, String> {
    let depth = deeper(depth)?;
    let Pairs(pairs) = parse(raw)?;
    let mut object = Map::new();
    for (key, raw) in pairs {
        let value = read(raw, depth)?;
        if object.get(&key).is_some_and(|before| *before != value) {
            return Err("a key stands twice in one of its objects, with two values".to_owned());
        }
        object.insert(key, value);
    }
    Ok(object)
}

fn deeper(depth: u32) -> Result<u32, String> {
    depth
        .checked_sub(1)
        .ok_or_else(|| "its values stand too deep in one another".to_owned())
}

fn parse<'a, T: Deserialize<'a>>(raw: &'a RawValue) -> Result<T, String> {
    // The error's own text may quote the value, which is people's data.
    serde_json::from_str(raw.get())
        .map_err(|error| format!("it is no JSON that can be read ({:?})", error.classify()))
}

/// The place in a list that `key` names, if it does.
pub(super) fn place(key: &str) -> Option<u64> {
    let place: u64 = key.parse().ok()?;
    (place.to_string() == key).then_some(place)
}

/// The keys and values of an object in the order of its text.
struct Pairs<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Pairs<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Gather;
        impl<'de> Visitor<'de> for Gather {
            type Value = Pairs<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(Gather)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn object_of(text: &str) -> Result<Value, String> {
        object(serde_json::from_str(text).unwrap()).map(Value::Object)
    }

    #[test]
    fn a_key_with_two_values_is_not_passed_over() {
        for text in [
            r#"{"id": 1, "id": 2}"#,
            r#"{"id": 1, "a": [{"b": {"c": 1, "d": 0, "c": 2}}]}"#,
            r#"{"a": 1, "\u0061": 2}"#,
        ] {
            let why = object_of(text).unwrap_err();
            assert!(why.contains("twice"), "{text}: {why}");
        }
        let same = object_of(r#"{"id": 1, "id": 1}"#);
        assert_eq!(same, Ok(json!({ "id": 1 })));
    }

    #[test]
    fn a_key_that_the_reader_uses_itself_is_a_key() {
        for name in ["Number", "RawValue"] {
            let key = format!("$serde_json::private::{name}");
            let text = format!(r#"{{"a": {{"{key}": "12"}}}}"#);
            assert_eq!(object_of(&text), Ok(json!({ "a": { key: "12" } })));
        }
    }

    #[test]
    fn no_depth_is_too_much_to_be_refused() {
        let nested = |depth| format!("{{\"a\": {}{}}}", "[".repeat(depth), "]".repeat(depth));
        assert!(object_of(&nested(99)).is_ok());
        for depth in [100, 100_000] {
            let why = object_of(&nested(depth)).unwrap_err();
            assert!(why.contains("too deep"), "{why}");
        }
    }

    #[test]
    fn lists_in_both_forms() {
        for (text, length) in [
            ("[1, 2]", Some(2)),
            (r#"{"3": 1, "1": 2}"#, Some(2)),
            ("{}", Some(0)),
            (r#"{"0": 1, "x": 2}"#, None),
            ("null", None),
            ("5", None),
        ] {
            let raw: &RawValue = serde_json::from_str(text).unwrap();
            assert_eq!(list(raw).map(|items| items.len()), length, "{text}");
        }
        let raw: &RawValue = serde_json::from_str(r#"{"3": 1, "1": 2}"#).unwrap();
        let texts: Vec<&str> = list(raw).unwrap().iter().map(|item| item.get()).collect();
        assert_eq!(texts, ["1", "2"], "the order is that of the text");
    }
}

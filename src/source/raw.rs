//! From JSON text to values with nothing lost on the way: a key that stands twice in one object is not passed over.

use std::cell::Cell;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Number, Value};

/// How deep values may stand in one another; `serde_json` itself goes a little deeper.
const DEEPEST: u32 = 100;

/// The keys of an object in the order of its text, each with the text of its value.
pub(super) struct Pairs<'a>(pub Vec<(String, &'a RawValue)>);

/// The object that `raw` is, every value in it read.
///
/// # Errors
///
/// What is wrong with it, for a person; also if a key has two different values, one of which would be lost.
pub(super) fn object(raw: &RawValue) -> Result<Map<String, Value>, String> {
    let text = raw.get();
    if !text.starts_with('{') {
        return Err("it is no object".to_owned());
    }
    let why = Cell::new(None);
    let reading = Reading {
        text,
        room: DEEPEST,
        why: &why,
    };
    match reading.deserialize(&mut serde_json::Deserializer::from_str(text)) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err("it is no object".to_owned()),
        // The error's own text may quote the value, which is people's data.
        Err(error) => Err(why.take().map_or_else(
            || format!("it is no JSON that can be read ({:?})", error.classify()),
            str::to_owned,
        )),
    }
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

/// The place in a list that `key` names, if it does.
pub(super) fn place(key: &str) -> Option<u64> {
    let place: u64 = key.parse().ok()?;
    (place.to_string() == key).then_some(place)
}

/// Reads one value. Asked for a [`Value`] outright, `serde_json` forgets all but the last of equal keys, and takes an object with a
/// certain key of its own for a number.
#[derive(Clone, Copy)]
struct Reading<'a> {
    /// The text in which it stands.
    text: &'a str,
    /// How deep other values may still stand in this one.
    room: u32,
    /// What was found wrong here, and not by `serde_json`.
    why: &'a Cell<Option<&'static str>>,
}

/// A key; or none, before the digits of a number.
enum Key {
    Of(String),
    OfNumber,
}

struct KeyReading<'a>(&'a str);

impl Reading<'_> {
    fn deeper<E: Error>(self) -> Result<Self, E> {
        match self.room.checked_sub(1) {
            Some(room) => Ok(Self { room, ..self }),
            None => Err(self.refused("its values stand too deep in one another")),
        }
    }

    fn refused<E: Error>(self, why: &'static str) -> E {
        self.why.set(Some(why));
        E::custom(why)
    }
}

impl<'de> DeserializeSeed<'de> for Reading<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reading<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Value, E> {
        Ok(Value::Bool(flag))
    }

    fn visit_u64<E>(self, number: u64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_i64<E>(self, number: i64) -> Result<Value, E> {
        Ok(Value::Number(number.into()))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Value, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Value, A::Error> {
        let mut next = map.next_key_seed(KeyReading(self.text))?;
        if let Some(Key::OfNumber) = next {
            let digits: String = map.next_value()?;
            let number: Result<Number, _> = digits.parse();
            return number.map(Value::Number).map_err(A::Error::custom);
        }
        let inner = self.deeper()?;
        let mut object = Map::new();
        while let Some(Key::Of(key)) = next {
            let value = map.next_value_seed(inner)?;
            match object.get(&key) {
                None => {
                    object.insert(key, value);
                }
                Some(before) if *before == value => {}
                Some(_) => {
                    let why = "a key stands twice in one of its objects, with two values";
                    return Err(self.refused(why));
                }
            }
            next = map.next_key_seed(KeyReading(self.text))?;
        }
        Ok(Value::Object(object))
    }
}

impl<'de> DeserializeSeed<'de> for KeyReading<'_> {
    type Value = Key;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'de> Visitor<'de> for KeyReading<'_> {
    type Value = Key;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a key")
    }

    /// So that no digit is lost, `serde_json` shows a number that is no small whole one as an object of one key. That key is a text of its
    /// own; every other one that is shown where it lies, lies in the text.
    fn visit_borrowed_str<E>(self, key: &'de str) -> Result<Key, E> {
        if self.0.as_bytes().as_ptr_range().contains(&key.as_ptr()) {
            Ok(Key::Of(key.to_owned()))
        } else {
            Ok(Key::OfNumber)
        }
    }

    fn visit_str<E>(self, key: &str) -> Result<Key, E> {
        Ok(Key::Of(key.to_owned()))
    }
}

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
    fn a_number_is_kept_digit_for_digit() {
        let numbers = "0 -0 7 -7 18446744073709551615 18446744073709551616 -9223372036854775809 12.50 1e400 1E-7";
        for number in numbers.split(' ') {
            let object = object_of(&format!(r#"{{"a": {number}, "b": [{number}]}}"#)).unwrap();
            // As the library writes it: an exponent has a sign.
            let whole: Value = serde_json::from_str(number).unwrap();
            assert_eq!(object, json!({ "a": whole, "b": [whole] }), "{number}");
        }
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
        let empty_one_deeper = nested(99).replace("[]", "[{}]");
        for text in [nested(100), nested(100_000), empty_one_deeper] {
            let why = object_of(&text).unwrap_err();
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

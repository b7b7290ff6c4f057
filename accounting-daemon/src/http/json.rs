//! JSON as it comes in: an object, no key twice at any depth, no deeper than the parser's own limit of 128.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Why a body is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum JsonError {
    /// It is not JSON, is too deep or holds a key twice; the message tells where and quotes keys only.
    #[error("is not valid JSON: {0}")]
    Syntax(#[from] serde_json::Error),
    /// It is a list or a single value.
    #[error("must be a JSON object")]
    NotAnObject,
}

/// Reads an object.
///
/// # Errors
/// [`JsonError`].
pub(super) fn parse(body: &[u8]) -> Result<Map<String, Value>, JsonError> {
    match value(body)? {
        Value::Object(members) => Ok(members),
        _ => Err(JsonError::NotAnObject),
    }
}

/// Reads a value of any kind.
///
/// # Errors
/// [`JsonError::Syntax`].
pub(super) fn value(text: &[u8]) -> Result<Value, JsonError> {
    let Strict(value) = serde_json::from_slice(text)?;
    Ok(value)
}

/// Takes a member out of an object; its name is matched without case.
pub(super) fn take(members: &mut Map<String, Value>, name: &str) -> Option<Value> {
    let found = members.keys().find(|key| key.eq_ignore_ascii_case(name));
    let found = found.cloned()?;
    members.remove(&found)
}

/// A value in which no object has a key twice; which of the two would count differs from parser to parser.
struct Strict(Value);

struct StrictVisitor;

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Strict)
    }
}

impl<'de> DeserializeSeed<'de> for StrictVisitor {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element_seed(Self)? {
            list.push(item);
        }
        Ok(list.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Value, A::Error> {
        let mut members = Map::new();
        while let Some(key) = entries.next_key::<String>()? {
            let value = entries.next_value_seed(Self)?;
            if members.contains_key(&key) {
                return Err(A::Error::custom(format_args!("the key {key:?} is there twice")));
            }
            members.insert(key, value);
        }
        Ok(members.into())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn a_key_given_twice_is_refused_at_any_depth() {
        for text in [
            r#"{"a":1,"a":1}"#,
            r#"{"a":1,"\u0061":2}"#,
            r#"{"b":[{"c":{"d":1,"d":2}}]}"#,
        ] {
            let error = parse(text.as_bytes()).unwrap_err().to_string();
            assert!(error.contains("twice"), "{text}: {error}");
        }
        assert!(parse(br#"{"a":{"b":1},"b":{"a":1},"A":0}"#).is_ok());
    }

    #[test]
    fn bombs_and_rubbish_are_refused() {
        let deep = [b"{\"a\":".repeat(100_000), b"[".repeat(1_000_000)].concat();
        for body in [
            deep.as_slice(),
            b"",
            b"[]",
            b"1",
            b"null",
            b"{\"a\":\"\xff\"}",
            b"{\"a\":\"\0\"}",
            b"{\"a\":1e999}",
            b"{\"a\":NaN}",
            b"{} {}",
            b"{\"a\":1,}",
            b"\xef\xbb\xbf{}",
        ] {
            assert!(parse(body).is_err(), "{:?}", body.get(..20.min(body.len())));
        }
    }

    proptest! {
        /// Where no key is there twice, the answer is the ordinary parser's.
        #[test]
        fn agrees_with_the_ordinary_parser(a: i64, b: u64, c: String, d: bool, e in -1e9f64..1e9) {
            let value = json!({"a": a, "b": [b, null, {"c": c, "e": e}], "d": d});
            let text = value.to_string();
            let ordinary: Value = serde_json::from_str(&text).unwrap();
            prop_assert_eq!(Value::Object(parse(text.as_bytes()).unwrap()), ordinary);
        }

        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = parse(&bytes);
        }
    }
}

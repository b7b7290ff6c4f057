//! The members of a request, from JSON or from a form, read one by one so that every problem is found at once.

use std::{borrow::Cow, collections::BTreeSet, fmt::Display};

use serde_json::{Map, Value};
use uuid::Uuid;

use super::{form, form::FormError, json, json::JsonError, times};
use crate::mac::Mac;

/// Why a body as a whole is not taken.
#[derive(Debug, thiserror::Error)]
pub(super) enum BodyError {
    #[error(transparent)]
    Json(#[from] JsonError),
    #[error(transparent)]
    Form(#[from] FormError),
    /// Names are matched without case: which of the two would count, nobody knows.
    #[error("has the member {0:?} twice, once in other letters")]
    Twice(String),
}

/// One member that is wrong.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct FieldError {
    /// Its name.
    pub(super) property: &'static str,
    /// What is wrong, without the name.
    pub(super) message: Cow<'static, str>,
    /// What was given.
    pub(super) attempted: Value,
}

/// The members of a request. Their names are matched without case, as that API's own server does.
pub(super) struct Fields {
    members: Map<String, Value>,
    notation: Notation,
    errors: Vec<FieldError>,
}

/// How values are written.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Notation {
    /// Each in its own type.
    Typed,
    /// Texts may stand for numbers, and empty ones for none.
    Loose,
    /// Everything is text, and an empty one is nothing.
    Texts,
}

type Verdict<T> = Result<T, Cow<'static, str>>;

impl Fields {
    pub(super) fn json(body: &[u8]) -> Result<Self, BodyError> {
        Self::once(json::parse(body)?, Notation::Typed)
    }

    /// As that API's own server reads JSON: `"60"` is a number where one is wanted.
    pub(super) fn loose_json(body: &[u8]) -> Result<Self, BodyError> {
        Self::once(json::parse(body)?, Notation::Loose)
    }

    pub(super) fn form(body: &[u8]) -> Result<Self, BodyError> {
        let pairs = form::parse(body)?.into_iter();
        Self::once(
            pairs.map(|(name, value)| (name, value.into())).collect(),
            Notation::Texts,
        )
    }

    fn once(members: Map<String, Value>, notation: Notation) -> Result<Self, BodyError> {
        let mut names = BTreeSet::new();
        let again = members
            .keys()
            .find(|name| !names.insert(name.to_ascii_lowercase()));
        match again {
            Some(name) => Err(BodyError::Twice(name.clone())),
            None => Ok(Self::new(members, notation)),
        }
    }

    /// Members of which texts may stand for numbers and flags, and empty ones for nothing, as in a form.
    pub(super) fn texts(members: Map<String, Value>) -> Self {
        Self::new(members, Notation::Texts)
    }

    fn new(members: Map<String, Value>, notation: Notation) -> Self {
        let errors = Vec::new();
        Self {
            members,
            notation,
            errors,
        }
    }

    /// What was given for a member.
    fn find(&self, name: &str) -> Option<&Value> {
        let in_other_letters = || {
            let mut members = self.members.iter();
            members.find(|(other, _)| other.eq_ignore_ascii_case(name))
        };
        let exactly = self.members.get(name);
        exactly.or_else(|| in_other_letters().map(|(_, value)| value))
    }

    /// What was wrong with the members that were read.
    pub(super) fn into_errors(self) -> Vec<FieldError> {
        self.errors
    }

    /// Whether something was wrong so far.
    pub(super) const fn has_errors(&self) -> bool {
        !self.errors.is_empty()
    }

    /// Adds a problem of a member, with what was given for it.
    pub(super) fn refuse(&mut self, property: &'static str, message: impl Into<Cow<'static, str>>) {
        let attempted = self.find(property).cloned().unwrap_or_default();
        let message = message.into();
        self.errors.push(FieldError {
            property,
            message,
            attempted,
        });
    }

    /// Reports a member that must be there.
    pub(super) fn require<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        let wrong_already = self.errors.iter().any(|error| error.property == name);
        if value.is_none() && !wrong_already {
            self.refuse(name, "may not be null");
        }
        value
    }

    /// What a change makes of a member: absent leaves it, null (in a form: empty) clears it.
    pub(super) fn given<T>(&self, name: &str, value: Option<T>) -> Option<Option<T>> {
        self.find(name).is_some().then_some(value)
    }

    /// Reports a member that may be left out but not be cleared.
    pub(super) fn unless_cleared<T>(&mut self, name: &'static str, value: Option<T>) -> Option<T> {
        if self.find(name).is_some() {
            self.require(name, value)
        } else {
            None
        }
    }

    /// A whole number in a range.
    pub(super) fn integer<T: TryFrom<i128>>(
        &mut self,
        name: &'static str,
        min: i128,
        max: i128,
    ) -> Option<T> {
        let texts = self.notation >= Notation::Loose;
        if texts && self.find(name).and_then(Value::as_str) == Some("") {
            return None;
        }
        self.read(name, |value| {
            let number = match value {
                Value::Number(number) => whole(number),
                Value::String(text) if texts => text.parse().ok(),
                _ => None,
            };
            let fits = number.filter(|number: &i128| (min..=max).contains(number));
            fits.and_then(|number| T::try_from(number).ok())
                .ok_or_else(|| format!("must be a whole number from {min} to {max}").into())
        })
    }

    pub(super) fn flag(&mut self, name: &'static str) -> Option<bool> {
        let form = self.notation == Notation::Texts;
        self.read(name, |value| match value {
            Value::Bool(flag) => Ok(*flag),
            Value::String(text) if form && text.eq_ignore_ascii_case("true") => Ok(true),
            Value::String(text) if form && text.eq_ignore_ascii_case("false") => Ok(false),
            _ => Err("must be true or false".into()),
        })
    }

    /// A text of at most so many characters; only line breaks and tabs of the control characters.
    pub(super) fn text(&mut self, name: &'static str, characters_max: usize) -> Option<String> {
        self.read(name, |value| {
            let text = string(value)?;
            if text.chars().count() > characters_max {
                return Err(format!("may have at most {characters_max} characters").into());
            }
            if text
                .chars()
                .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
            {
                return Err("may not hold control characters".into());
            }
            Ok(text.to_owned())
        })
    }

    /// A text that another type makes of it.
    pub(super) fn parsed<T, E: Display>(
        &mut self,
        name: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Option<T> {
        self.read(name, |value| {
            parse(string(value)?).map_err(|error| error.to_string().into())
        })
    }

    /// A list of at most so many values, in JSON only.
    pub(super) fn list<T, E: Display>(
        &mut self,
        name: &'static str,
        items_max: usize,
        item: impl Fn(&Value) -> Result<T, E>,
    ) -> Option<Vec<T>> {
        self.read(name, |value| {
            let items = value.as_array().ok_or("must be a list")?;
            if items.len() > items_max {
                return Err(format!("may have at most {items_max} values").into());
            }
            let read = |value| item(value).map_err(|error| format!("{error}").into());
            items.iter().map(read).collect()
        })
    }

    /// Milliseconds since 1970.
    pub(super) fn time(&mut self, name: &'static str) -> Option<i64> {
        self.optional_text(name, |text| {
            times::parse(text).ok_or_else(|| times::WANTED.into())
        })
    }

    pub(super) fn uuid(&mut self, name: &'static str) -> Option<Uuid> {
        self.optional_text(name, |text| text.parse().map_err(|_| "must be a GUID".into()))
    }

    /// The address of one device.
    pub(super) fn mac(&mut self, name: &'static str) -> Option<Mac> {
        self.optional_text(name, |text| {
            let mac: Mac = text
                .parse()
                .map_err(|_| Cow::from("must be a MAC address such as AA:BB:CC:DD:EE:FF"))?;
            if mac.is_unicast() {
                Ok(mac)
            } else {
                Err("must be the MAC address of one device: not multicast, not all zero".into())
            }
        })
    }

    /// Values whose empty text means nothing, in JSON as well.
    fn optional_text<T>(&mut self, name: &'static str, parse: impl FnOnce(&str) -> Verdict<T>) -> Option<T> {
        if self.find(name).and_then(Value::as_str) == Some("") {
            return None;
        }
        self.read(name, |value| parse(string(value)?))
    }

    fn read<T>(&mut self, name: &'static str, read: impl FnOnce(&Value) -> Verdict<T>) -> Option<T> {
        let value = self.find(name)?;
        if value.is_null() || (self.notation == Notation::Texts && value.as_str() == Some("")) {
            return None;
        }
        match read(value) {
            Ok(value) => Some(value),
            Err(message) => {
                self.refuse(name, message);
                None
            }
        }
    }
}

fn string(value: &Value) -> Verdict<&str> {
    value.as_str().ok_or(Cow::Borrowed("must be a text"))
}

/// `60.0` and `6e1` are whole too, as far as a double is exact.
fn whole(number: &serde_json::Number) -> Option<i128> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    if let Some(number) = number.as_i64() {
        return Some(number.into());
    }
    if let Some(number) = number.as_u64() {
        return Some(number.into());
    }
    let double = number.as_f64()?;
    if double.fract() != 0.0 || double.abs() > EXACT {
        return None;
    }
    format!("{double:.0}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_in_any_notation() {
        let mut fields = Fields::json(br#"{"a":60.0,"b":6e1,"c":60.5,"d":1e300,"e":"60","f":true}"#).unwrap();
        assert_eq!(fields.integer("a", 0, 100), Some(60u32));
        assert_eq!(fields.integer("b", 0, 100), Some(60u32));
        for name in ["c", "d", "e", "f"] {
            assert_eq!(fields.integer::<u32>(name, 0, 100), None);
        }
        assert_eq!(fields.into_errors().len(), 4);
    }

    #[test]
    fn in_loose_json_texts_stand_for_numbers_but_not_for_nothing() {
        let mut fields = Fields::loose_json(br#"{"a":"60","b":"","c":"6e1","d":"","e":"true"}"#).unwrap();
        assert_eq!(fields.integer("a", 0, 100), Some(60u32));
        assert_eq!(fields.integer::<u32>("b", 0, 100), None);
        assert_eq!(fields.integer::<u32>("c", 0, 100), None);
        assert_eq!(fields.text("d", 9).as_deref(), Some(""));
        assert_eq!(fields.flag("e"), None);
        let wrong: Vec<_> = fields.into_errors().iter().map(|error| error.property).collect();
        assert_eq!(wrong, ["c", "e"]);
    }

    #[test]
    fn in_forms_empty_is_nothing_and_numbers_are_text() {
        let mut fields = Fields::form(b"a=60&b=&c=x&d=TRUE&e=6e1").unwrap();
        assert_eq!(fields.integer("a", 0, 100), Some(60u32));
        assert_eq!(fields.integer::<u32>("b", 0, 100), None);
        assert_eq!(fields.text("b", 9), None);
        assert_eq!(fields.flag("d"), Some(true));
        assert_eq!(fields.integer::<u32>("c", 0, 100), None);
        assert_eq!(fields.integer::<u32>("e", 0, 100), None);
        let wrong: Vec<_> = fields.into_errors().iter().map(|error| error.property).collect();
        assert_eq!(wrong, ["c", "e"]);
    }
}

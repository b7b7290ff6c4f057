//! What a list is asked for: `AccessToken_<Field>`, `from_` and `to_` of it, `Id` and `UniqueId`.

use std::collections::BTreeSet;

use serde_json::Value as Json;
use uuid::Uuid;

use super::column::{Column, Kind, Value};
use crate::{
    http::{auth::Caller, nexudus::Fault, times},
    ledger::{AccessCode, FoldedCode, ID_MAX, Token, TokenId},
    mac::Mac,
    store::Among,
};

/// Locations of a caller whose tokens are walked over one location beside the other; of one with more, all tokens are.
const LOCATIONS_MAX: usize = 16;

/// Which tokens somebody asks for, of those that exist for them.
#[derive(Clone, Debug)]
pub(super) struct Filter {
    among: Among,
    tests: Vec<(Column, Test)>,
    /// `None`: every location.
    locations: Option<BTreeSet<u64>>,
}

#[derive(Clone, Debug, PartialEq)]
enum Test {
    Is(Value<'static>),
    Code(FoldedCode),
    /// In lower case.
    Contains(String),
    From(i64),
    To(i64),
    OneOf(BTreeSet<TokenId>),
}

impl Test {
    fn passes(&self, column: Column, token: &Token) -> bool {
        match (self, column.value(token)) {
            (Self::Is(wanted), value) => value == *wanted,
            (Self::Code(wanted), _) => token.code.folded() == *wanted,
            (Self::Contains(wanted), Value::Text(text)) => text.to_lowercase().contains(wanted),
            (Self::From(from), Value::Number(number)) => number >= *from,
            (Self::To(to), Value::Number(number)) => number <= *to,
            (Self::OneOf(ids), _) => ids.contains(&token.id),
            (Self::Contains(_) | Self::From(_) | Self::To(_), _) => false,
        }
    }
}

/// Reads filters from the parameters of a query, one by one.
pub(super) struct Filters<'c> {
    caller: &'c Caller,
    tests: Vec<(Column, Test)>,
    ids: Option<BTreeSet<TokenId>>,
    seen: BTreeSet<String>,
    faults: Vec<Fault>,
}

impl<'c> Filters<'c> {
    pub(super) fn new(caller: &'c Caller) -> Self {
        Self {
            caller,
            tests: Vec::new(),
            ids: None,
            seen: BTreeSet::new(),
            faults: Vec::new(),
        }
    }

    /// Takes a parameter that is no filter by whoever knows it; the same name twice is a problem.
    pub(super) fn once(&mut self, name: &str) {
        if !self.seen.insert(name.to_ascii_lowercase()) {
            self.fault(name, "is there twice", &Json::Null);
        }
    }

    pub(super) fn fault(&mut self, name: &str, message: impl Into<String>, attempted: &Json) {
        self.faults
            .push(Fault::new(name.to_owned(), message.into(), attempted.clone()));
    }

    /// Takes a filter; whatever it is not is a problem.
    pub(super) fn take(&mut self, name: &str, text: &str) {
        let lower = name.to_ascii_lowercase();
        if matches!(lower.as_str(), "id" | "accesstoken_id") {
            self.take_ids(name, text);
            return;
        }
        self.once(name);
        let (bound, rest) = match lower.split_at_checked(5) {
            Some(("from_", rest)) => (Some(true), rest),
            _ => match lower.strip_prefix("to_") {
                Some(rest) => (Some(false), rest),
                None => (None, lower.as_str()),
            },
        };
        let column = match (rest.strip_prefix("accesstoken_"), rest, bound) {
            (Some("business"), ..) => Some(Column::BusinessId),
            (Some(field), ..) => Column::named(field),
            (None, "uniqueid", None) => Some(Column::UniqueId),
            (None, ..) => None,
        };
        let Some(column) = column else {
            self.fault(
                name,
                "is no parameter of this call: /openapi.json lists them",
                &text.into(),
            );
            return;
        };
        match test(column, bound, text) {
            Ok(test) => self.tests.push((column, test)),
            Err(message) => self.fault(name, message, &text.into()),
        }
    }

    fn take_ids(&mut self, name: &str, text: &str) {
        for part in text.split(',') {
            match part.trim().parse().ok().filter(|id| (1..=ID_MAX).contains(id)) {
                Some(id) => {
                    self.ids.get_or_insert_default().insert(id);
                }
                None => self.fault(name, format!("must be numbers from 1 to {ID_MAX}"), &text.into()),
            }
        }
    }

    /// The filter, or every problem.
    pub(super) fn finish(mut self) -> Result<Filter, Vec<Fault>> {
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        if let Some(ids) = self.ids {
            self.tests.push((Column::Id, Test::OneOf(ids)));
        }
        Ok(Filter::new(self.tests, self.caller.locations.clone()))
    }
}

/// Reads a value that a column is compared with. `bound`: from it on, up to it, or it alone.
fn test(column: Column, bound: Option<bool>, text: &str) -> Result<Test, String> {
    let number = || {
        let number: Option<i64> = text.trim().parse().ok();
        number.ok_or_else(|| "must be a whole number".to_owned())
    };
    let time = || {
        let ms = times::parse(text.trim());
        ms.map(|ms| ms / 1000).ok_or_else(|| times::WANTED.to_owned())
    };
    if let Some(from) = bound {
        let value = match column.kind() {
            Kind::Number => number()?,
            Kind::Time => time()?,
            _ => return Err("has no range: only numbers and times have".to_owned()),
        };
        return Ok(if from { Test::From(value) } else { Test::To(value) });
    }
    Ok(match column.kind() {
        Kind::Number => Test::Is(Value::Number(number()?)),
        Kind::Time => Test::Is(Value::Number(time()?)),
        Kind::Code => {
            let code = AccessCode::new(text).map_err(|error| error.to_string())?;
            Test::Code(code.folded())
        }
        Kind::Text | Kind::Nothing => Test::Contains(text.to_lowercase()),
        Kind::Guid => {
            let guid: Uuid = text.trim().parse().map_err(|_| "must be a GUID".to_owned())?;
            Test::Is(Value::Guid(guid.as_u128()))
        }
        Kind::Mac => {
            let mac: Mac = text
                .trim()
                .parse()
                .map_err(|_| "must be a MAC address".to_owned())?;
            let [a, b, c, d, e, f] = mac.0;
            Test::Is(Value::Number(i64::from_be_bytes([0, 0, a, b, c, d, e, f])))
        }
        Kind::Flag => match text.trim().to_ascii_lowercase().as_str() {
            "true" => Test::Is(Value::Number(1)),
            "false" => Test::Is(Value::Number(0)),
            _ => return Err("must be true or false".to_owned()),
        },
    })
}

impl Filter {
    fn new(mut tests: Vec<(Column, Test)>, locations: Option<BTreeSet<u64>>) -> Self {
        let found = (0..).zip(&tests).filter_map(|(place, (column, test))| {
            let (rank, among) = index(*column, test)?;
            Some((rank, place, among))
        });
        let best = found.min_by_key(|(rank, place, _)| (*rank, *place));
        let among = match best {
            Some((_, place, among)) => {
                tests.remove(place);
                among
            }
            None => match &locations {
                Some(few) if few.len() <= LOCATIONS_MAX => Among::Locations(few.clone()),
                _ => Among::All,
            },
        };
        let among = match (among, &locations) {
            (Among::Locations(wanted), Some(seen)) => {
                Among::Locations(wanted.intersection(seen).copied().collect())
            }
            (among, _) => among,
        };
        Self {
            among,
            tests,
            locations,
        }
    }

    /// Where to look.
    pub(super) fn among(&self) -> &Among {
        &self.among
    }

    /// The number after which a walk may begin: the tokens up to it are not asked for.
    pub(super) fn begins_after(&self) -> Option<TokenId> {
        let bounds = self.tests.iter().filter_map(|test| match test {
            (Column::Id, Test::From(from)) => TokenId::try_from(*from).ok()?.checked_sub(1),
            _ => None,
        });
        bounds.max().filter(|after| *after > 0)
    }

    /// Whether no token after this number is asked for.
    pub(super) fn is_over_after(&self, id: TokenId) -> bool {
        self.tests.iter().any(|test| match test {
            (Column::Id, Test::To(to)) => TokenId::try_from(*to).map_or(true, |to| to <= id),
            _ => false,
        })
    }

    /// Whether every token found there is asked for.
    pub(super) fn takes_all(&self) -> bool {
        self.tests.is_empty() && (self.locations.is_none() || matches!(self.among, Among::Locations(_)))
    }

    /// Whether a token is asked for.
    pub(super) fn takes(&self, token: &Token) -> bool {
        let seen = self.locations.as_ref();
        seen.is_none_or(|locations| locations.contains(&token.business_id))
            && self
                .tests
                .iter()
                .all(|(column, test)| test.passes(*column, token))
    }
}

/// The index that finds what a test passes, and how narrow it is: 0 the narrowest.
fn index(column: Column, test: &Test) -> Option<(u8, Among)> {
    Some(match (column, test) {
        (Column::Id, Test::OneOf(ids)) => (0, Among::Ids(ids.clone())),
        (Column::UniqueId, Test::Is(Value::Guid(guid))) => (1, Among::UniqueId(Uuid::from_u128(*guid))),
        (Column::AccessCode, Test::Code(code)) => (2, Among::Code(code.clone())),
        (Column::BookingGuid, Test::Is(Value::Guid(guid))) => (3, Among::Booking(Uuid::from_u128(*guid))),
        (Column::VisitorGuid, Test::Is(Value::Guid(guid))) => (4, Among::Visitor(Uuid::from_u128(*guid))),
        (Column::MacAddress, Test::Is(Value::Number(mac))) => {
            let [_, _, bytes @ ..] = mac.to_be_bytes();
            (5, Among::Mac(Mac(bytes)))
        }
        (Column::BusinessId, Test::Is(Value::Number(location))) => {
            let location = u64::try_from(*location).ok().filter(|location| *location > 0);
            (6, Among::Locations(location.into_iter().collect()))
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_of_numbers_is_a_part_of_the_walk() {
        let caller = Caller::administrator("a@b");
        let filter = |pairs: &[(&str, &str)]| {
            let mut filters = Filters::new(&caller);
            pairs.iter().for_each(|(name, text)| filters.take(name, text));
            filters.finish().unwrap()
        };
        let some = filter(&[("from_AccessToken_Id", "8"), ("to_AccessToken_Id", "9")]);
        assert_eq!(some.begins_after(), Some(7));
        assert!(!some.is_over_after(8) && some.is_over_after(9) && some.is_over_after(10));
        for all in [
            filter(&[]),
            filter(&[("from_AccessToken_Id", "-5"), ("from_AccessToken_UserLimit", "8")]),
            filter(&[("from_AccessToken_Id", "1"), ("to_AccessToken_UserLimit", "1")]),
        ] {
            assert_eq!(all.begins_after(), None);
            assert!(!all.is_over_after(u64::MAX));
        }
        assert!(filter(&[("to_AccessToken_Id", "-1")]).is_over_after(1));
    }
}

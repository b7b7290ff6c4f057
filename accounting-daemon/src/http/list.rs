//! Lists of the gateway API: `{"Records":[...],"Next":cursor or null}`, asked on with `?After=cursor` and `?Size=`.

use hyper::StatusCode;
use schemars::{Schema, json_schema};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    answer::{self, Answer},
    form,
    problem::{Kind, Problem},
};

/// Records of a list where nothing is said.
pub(super) const SIZE: usize = 25;

/// Records of a list at most.
const SIZE_MAX: usize = 1000;

/// Which part of a list is asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Paging {
    /// The cursor of the part before; `None` for the first.
    pub(super) after: Option<String>,
    /// Records at most, 1 to 1000.
    pub(super) size: usize,
}

impl Paging {
    pub(super) fn read(query: Option<&str>) -> Result<Self, Problem> {
        let size = match parameter(query, "Size")? {
            None => SIZE,
            Some(text) => {
                let size = text.parse().ok().filter(|size| (1..=SIZE_MAX).contains(size));
                size.ok_or_else(|| malformed(format!("Size must be a whole number from 1 to {SIZE_MAX}")))?
            }
        };
        let after = parameter(query, "After")?;
        Ok(Self { after, size })
    }

    /// The cursor of a list that is ordered by numbers.
    pub(super) fn after_number(&self) -> Result<Option<u64>, Problem> {
        let number = self.after.as_ref().map(|after| after.parse());
        number
            .transpose()
            .map_err(|_| malformed("After must be the Next of an earlier answer".to_owned()))
    }
}

/// A parameter of the query, its name without case; an empty one counts as absent.
pub(super) fn parameter(query: Option<&str>, name: &str) -> Result<Option<String>, Problem> {
    let value = form::parameter(query, name).map_err(|error| malformed(format!("the query {error}")))?;
    Ok(value.filter(|value| !value.is_empty()))
}

/// The shape of a part of a list, from that of a record.
pub(super) fn shape(record: &Value) -> Schema {
    json_schema!({
        "type": "object",
        "required": ["Records", "Next"],
        "properties": {
            "Records": {"type": "array", "items": record},
            "Next": {"type": ["string", "null"], "description": "`After` of the next page; null on the last"},
        },
    })
}

/// A part of a list.
pub(super) fn answer(records: &[impl Serialize], next: Option<&str>) -> Answer {
    answer::json(StatusCode::OK, &json!({"Records": records, "Next": next}))
}

fn malformed(detail: String) -> Problem {
    Problem::new(Kind::MalformedRequest, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn size_and_cursor_have_defaults_and_bounds() {
        let first = Paging {
            after: None,
            size: 25,
        };
        assert_eq!(Paging::read(None), Ok(first));
        let next = Paging::read(Some("after=7&SIZE=1000")).unwrap();
        assert_eq!((next.size, next.after_number()), (1000, Ok(Some(7))));
        for wrong in ["Size=0", "Size=1001", "Size=-1", "Size=a", "Size=1&size=2"] {
            assert!(Paging::read(Some(wrong)).is_err(), "{wrong}");
        }
        assert!(Paging::read(Some("After=x")).unwrap().after_number().is_err());
    }
}

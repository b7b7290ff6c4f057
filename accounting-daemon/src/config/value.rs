//! One value of the file: taken as a type, or reported as a problem.

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::{problem::ProblemKind, reader::Report};

/// A value where it was written, with its key in full.
pub(super) struct Value<'t, 'r> {
    pub(super) key: String,
    pub(super) at: usize,
    value: &'t DeValue<'t>,
    report: &'r Report<'t>,
}

impl<'t, 'r> Value<'t, 'r> {
    /// `key` is its key in full.
    pub(super) fn new(key: String, value: &'t Spanned<DeValue<'t>>, report: &'r Report<'t>) -> Self {
        Self {
            key,
            at: value.span().start,
            value: value.get_ref(),
            report,
        }
    }

    pub(super) const fn written(&self) -> &'t DeValue<'t> {
        self.value
    }

    pub(super) fn flag(&self) -> Option<bool> {
        match self.value {
            DeValue::Boolean(flag) => Some(*flag),
            _ => self.wrong_type("true or false"),
        }
    }

    pub(super) fn number<T: TryFrom<u64>>(&self, min: u64, max: u64) -> Option<T> {
        let DeValue::Integer(integer) = self.value else {
            return self.wrong_type("a whole number");
        };
        let number = u64::from_str_radix(integer.as_str(), integer.radix()).ok();
        let fits = number.filter(|number| (min..=max).contains(number));
        let value = fits.and_then(|number| T::try_from(number).ok());
        if value.is_none() {
            let found = integer.to_string();
            let key = self.key.clone();
            self.problem(ProblemKind::OutOfRange { key, found, min, max });
        }
        value
    }

    pub(super) fn text(&self) -> Option<&'t str> {
        match self.value {
            DeValue::String(text) => Some(text.as_ref()),
            _ => self.wrong_type("a text in quotes"),
        }
    }

    /// The values of a list, of which there must be so many.
    pub(super) fn items_within(&self, min: usize, max: usize) -> Vec<Value<'t, 'r>> {
        let items = self.items();
        if !(min..=max).contains(&items.len()) {
            self.count(items.len(), min, max);
        }
        items
    }

    /// Reports that there are too many or too few.
    pub(super) fn count(&self, found: usize, min: usize, max: usize) {
        let key = self.key.clone();
        self.problem(ProblemKind::Count { key, found, min, max });
    }

    /// Reports what is there twice.
    pub(super) fn twice(&self, found: impl ToString) {
        let (key, found) = (self.key.clone(), found.to_string());
        self.problem(ProblemKind::Twice { key, found });
    }

    /// A text of a type with a usual spelling.
    pub(super) fn parse<T: std::str::FromStr>(&self, wanted: &'static str) -> Option<T> {
        match self.text()?.parse() {
            Ok(value) => Some(value),
            Err(_) => self.bad_text(wanted),
        }
    }

    pub(super) fn items(&self) -> Vec<Value<'t, 'r>> {
        let DeValue::Array(array) = self.value else {
            let none: Option<()> = self.wrong_type("a list");
            debug_assert!(none.is_none());
            return Vec::new();
        };
        let item = |value| Value::new(self.key.clone(), value, self.report);
        array.iter().map(item).collect()
    }

    pub(super) fn as_table(&self) -> Option<&'t DeTable<'t>> {
        match self.value {
            DeValue::Table(table) => Some(table),
            _ => self.wrong_type("a table"),
        }
    }

    pub(super) fn problem(&self, kind: ProblemKind) {
        self.report.problem(self.at, kind);
    }

    pub(super) fn bad_text<T>(&self, wanted: &'static str) -> Option<T> {
        let DeValue::String(found) = self.value else {
            return None;
        };
        self.problem(ProblemKind::BadText {
            key: self.key.clone(),
            found: found.to_string(),
            wanted,
        });
        None
    }

    fn wrong_type<T>(&self, wanted: &'static str) -> Option<T> {
        let found = match self.value {
            DeValue::String(_) => "a text",
            DeValue::Integer(_) => "a whole number",
            DeValue::Float(_) => "a number with a fraction",
            DeValue::Boolean(_) => "true or false",
            DeValue::Datetime(_) => "a date",
            DeValue::Array(_) => "a list",
            DeValue::Table(_) => "a table",
        };
        self.problem(ProblemKind::WrongType {
            key: self.key.clone(),
            wanted,
            found,
        });
        None
    }
}

//! Walks a parsed TOML table, collecting problems instead of stopping at the first. What is wrong yields the default, so
//! that the walk goes on; the result is thrown away when a problem was found.

use std::{cell::RefCell, ops::Range};

use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

use super::problem::{Problem, ProblemKind};

/// Collects problems and knows at which line a byte is.
pub(super) struct Report<'t> {
    text: &'t str,
    /// After a syntax error the tree is a guess: what seems to be missing may just not have been understood.
    guessed: bool,
    problems: RefCell<Vec<Problem>>,
}

/// A value where it was written, with its key in full.
pub(super) struct Value<'t, 'r> {
    pub(super) key: String,
    at: usize,
    value: &'t DeValue<'t>,
    report: &'r Report<'t>,
}

/// A table of the file; remembers which keys were asked for.
pub(super) struct Table<'t, 'r> {
    name: &'static str,
    at: usize,
    entries: Option<&'t DeTable<'t>>,
    asked: Vec<&'static str>,
    report: &'r Report<'t>,
}

impl<'t> Report<'t> {
    pub(super) fn new(text: &'t str, syntax: &[toml::de::Error]) -> Self {
        let report = Self {
            text,
            guessed: !syntax.is_empty(),
            problems: RefCell::default(),
        };
        let found = syntax.iter().map(|error| Problem {
            line: report.line(error.span().map_or(0, |span: Range<usize>| span.start)),
            kind: ProblemKind::Syntax(error.message().to_owned()),
        });
        let found = found.collect();
        report.problems.replace(found);
        report
    }

    fn line(&self, at: usize) -> usize {
        let before = self.text.as_bytes().get(..at).unwrap_or(self.text.as_bytes());
        before.split(|byte| *byte == b'\n').count()
    }

    pub(super) fn problem(&self, at: usize, kind: ProblemKind) {
        let line = self.line(at);
        let mut problems = self.problems.borrow_mut();
        let echo = self.guessed
            && (matches!(kind, ProblemKind::Missing { .. })
                || problems.iter().any(|other| other.line == line));
        if !echo {
            problems.push(Problem { line, kind });
        }
    }

    pub(super) fn into_problems(self) -> Vec<Problem> {
        self.problems.into_inner()
    }
}

impl<'t, 'r> Table<'t, 'r> {
    pub(super) fn root(entries: &'t DeTable<'t>, report: &'r Report<'t>) -> Self {
        Self {
            name: "",
            at: 0,
            entries: Some(entries),
            asked: Vec::new(),
            report,
        }
    }

    /// A problem of the table as a whole.
    pub(super) fn problem(&self, kind: ProblemKind) {
        self.report.problem(self.at, kind);
    }

    /// The value of a key, where there is one.
    pub(super) fn get(&mut self, key: &'static str) -> Option<Value<'t, 'r>> {
        self.asked.push(key);
        let value = self.entries?.get(key)?;
        Some(Value {
            key: self.full(key),
            at: value.span().start,
            value: value.get_ref(),
            report: self.report,
        })
    }

    pub(super) fn missing(&self, key: &'static str, hint: &'static str) {
        let key = self.full(key);
        self.report.problem(self.at, ProblemKind::Missing { key, hint });
    }

    /// A number in a range, or the default.
    pub(super) fn number<T: TryFrom<u64>>(&mut self, key: &'static str, min: u64, max: u64, default: T) -> T {
        self.get(key)
            .and_then(|value| value.number(min, max))
            .unwrap_or(default)
    }

    /// A number in a range, `None` for "off", or the default.
    pub(super) fn number_or_off<T: TryFrom<u64>>(
        &mut self,
        key: &'static str,
        min: u64,
        max: u64,
        default: Option<T>,
    ) -> Option<T> {
        let Some(value) = self.get(key) else {
            return default;
        };
        match value.value {
            DeValue::String(text) if text == "off" => None,
            DeValue::String(_) => value.bad_text("a number or \"off\""),
            _ => value.number(min, max),
        }
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        let value = self.get(key)?;
        if let DeValue::Boolean(flag) = value.value {
            return Some(*flag);
        }
        value.wrong_type("true or false")
    }

    /// A text that is not empty.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        let value = self.get(key)?;
        let text = value.text()?;
        if text.is_empty() || text.contains('\0') {
            return value.bad_text("a text that is not empty");
        }
        Some(text.to_owned())
    }

    /// The values of a list; nothing where it is absent.
    pub(super) fn list(&mut self, key: &'static str) -> Vec<Value<'t, 'r>> {
        self.get(key).map(|value| value.items()).unwrap_or_default()
    }

    /// A table below this one; an absent one is empty, so that its defaults hold.
    pub(super) fn table(&mut self, key: &'static str, name: &'static str) -> Table<'t, 'r> {
        let value = self.get(key);
        let at = value.as_ref().map_or(self.at, |value| value.at);
        let entries = value.and_then(|value| value.as_table());
        Table {
            name,
            at,
            entries,
            asked: Vec::new(),
            report: self.report,
        }
    }

    /// The tables of `[[key]]`.
    pub(super) fn tables(&mut self, key: &'static str, name: &'static str) -> Vec<Table<'t, 'r>> {
        let values = self.list(key).into_iter();
        let tables = values.filter_map(|value| {
            Some(Table {
                name,
                at: value.at,
                entries: Some(value.as_table()?),
                asked: Vec::new(),
                report: value.report,
            })
        });
        tables.collect()
    }

    /// Reports the keys nobody asked for. To be called once all known ones have been.
    pub(super) fn finish(self) {
        let Some(entries) = self.entries else { return };
        for (key, _) in entries.iter() {
            if self.asked.contains(&key.get_ref().as_ref()) {
                continue;
            }
            let known: Vec<_> = self.asked.iter().map(|known| format!("`{known}`")).collect();
            let kind = ProblemKind::UnknownKey {
                key: self.full(key.get_ref()),
                known: known.join(", "),
            };
            self.report.problem(key.span().start, kind);
        }
    }

    fn full(&self, key: &str) -> String {
        if self.name.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.name)
        }
    }
}

impl<'t, 'r> Value<'t, 'r> {
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
        let item = |value: &'t Spanned<DeValue<'t>>| Value {
            key: self.key.clone(),
            at: value.span().start,
            value: value.get_ref(),
            report: self.report,
        };
        array.iter().map(item).collect()
    }

    fn as_table(&self) -> Option<&'t DeTable<'t>> {
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

//! Walks a parsed TOML table, collecting problems instead of stopping at the first. What is wrong yields the default, so
//! that the walk goes on; the result is thrown away when a problem was found.

use std::{cell::RefCell, ops::Range};

use toml::de::{DeTable, DeValue};

use super::{
    problem::{Problem, ProblemKind},
    value::Value,
};

/// Collects problems and knows at which line a byte is.
pub(super) struct Report<'t> {
    text: &'t str,
    /// After a syntax error the tree is a guess: what seems to be missing may just not have been understood.
    guessed: bool,
    problems: RefCell<Vec<Problem>>,
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
        Some(Value::new(self.full(key), value, self.report))
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
        match value.written() {
            DeValue::String(text) if text == "off" => None,
            DeValue::String(_) => value.bad_text("a number or \"off\""),
            _ => value.number(min, max),
        }
    }

    pub(super) fn flag(&mut self, key: &'static str) -> Option<bool> {
        self.get(key)?.flag()
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
                report: self.report,
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

//! What a command prints: tables for people, JSON for scripts.

use std::io::{self, IsTerminal, Write};

use comfy_table::{CellAlignment, ContentArrangement, Table, presets};
use serde_json::Value;

/// The narrowest terminal that tables are fitted to.
const WIDTH_MIN: u16 = 60;

/// How results are printed.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(super) struct Output {
    /// Print JSON, as the API answers it
    #[arg(long, global = true, help_heading = super::EVERYWHERE)]
    pub(super) json: bool,
}

impl Output {
    /// Prints what came of a command: the value for scripts, or the text for people.
    ///
    /// # Errors
    /// As [`print`].
    pub(super) fn print(self, value: &Value, text: impl FnOnce() -> String) -> anyhow::Result<()> {
        if self.json {
            return Ok(json(value)?);
        }
        Ok(print(&text())?)
    }
}

/// A column of a table, or a line of a record.
pub(super) struct Column {
    head: &'static str,
    of: Of,
}

/// Where a cell comes from.
#[derive(Clone, Copy)]
enum Of {
    /// A text, or whatever else, as it is.
    Text(&'static str),
    /// A number, aligned right.
    Number(&'static str),
    /// A time of the API.
    Time(&'static str),
    /// Bytes.
    Bytes(&'static str),
    /// Something computed.
    Made(fn(&Value) -> String),
}

pub(super) const fn text(head: &'static str, member: &'static str) -> Column {
    let of = Of::Text(member);
    Column { head, of }
}

pub(super) const fn number(head: &'static str, member: &'static str) -> Column {
    let of = Of::Number(member);
    Column { head, of }
}

pub(super) const fn time(head: &'static str, member: &'static str) -> Column {
    let of = Of::Time(member);
    Column { head, of }
}

pub(super) const fn bytes(head: &'static str, member: &'static str) -> Column {
    let of = Of::Bytes(member);
    Column { head, of }
}

pub(super) const fn made(head: &'static str, of: fn(&Value) -> String) -> Column {
    let of = Of::Made(of);
    Column { head, of }
}

impl Column {
    fn cell(&self, record: &Value) -> String {
        match self.of {
            Of::Text(member) | Of::Number(member) => plain(&record[member]),
            Of::Time(member) => shown_time(&record[member]),
            Of::Bytes(member) => record[member].as_u64().map(shown_bytes).unwrap_or_default(),
            Of::Made(make) => make(record),
        }
    }

    const fn right(&self) -> bool {
        matches!(self.of, Of::Number(_) | Of::Bytes(_))
    }
}

/// A value as people read it. Nothing in it can steer the terminal.
pub(super) fn plain(value: &Value) -> String {
    let text = match value {
        Value::Null => String::new(),
        Value::Bool(true) => "yes".to_owned(),
        Value::Bool(false) => "no".to_owned(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(plain).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    };
    harmless(&text)
}

/// A text in which nothing steers the terminal: no control characters, and none that make people read another order than
/// the one in which it is written.
pub(super) fn harmless(text: &str) -> String {
    let steers = |c: char| {
        c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
    };
    text.chars().map(|c| if steers(c) { ' ' } else { c }).collect()
}

/// `2025-01-15T10:30:00Z` as `2025-01-15 10:30:00`; times are UTC.
fn shown_time(value: &Value) -> String {
    plain(value)
        .replacen('T', " ", 1)
        .trim_end_matches('Z')
        .to_owned()
}

/// Seconds as `h:mm:ss`.
pub(super) fn shown_length(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours}:{minutes:02}:{seconds:02}")
}

/// With a unit of 1000, as networks count.
pub(super) fn shown_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut tenths = u128::from(bytes) * 10 / 1000;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1000;
        unit += 1;
    }
    let unit = UNITS.get(unit).copied().unwrap_or_default();
    format!("{}.{} {unit}", tenths / 10, tenths % 10)
}

/// Writes to standard output.
///
/// # Errors
/// It is closed or full.
pub(super) fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())?;
    if !text.ends_with('\n') {
        out.write_all(b"\n")?;
    }
    out.flush()
}

/// A JSON document on a line of its own.
///
/// # Errors
/// As [`print`].
pub(super) fn json(value: &Value) -> io::Result<()> {
    print(&value.to_string())
}

/// Records as a table, or what stands for none of them.
pub(super) fn table(records: &[Value], columns: &[Column], none: &str) -> String {
    if records.is_empty() {
        return format!("{none}\n");
    }
    let mut table = Table::new();
    table
        .load_style(presets::NOTHING)
        .set_content_arrangement(ContentArrangement::Dynamic)
        .set_header(columns.iter().map(|column| column.head));
    if let Some(width) = width() {
        table.set_width(width);
    }
    for record in records {
        table.add_row(columns.iter().map(|column| column.cell(record)));
    }
    for (nth, column) in columns.iter().enumerate() {
        if let Some(cells) = table.column_mut(nth) {
            cells.set_padding((0, 2));
            if column.right() {
                cells.set_cell_alignment(CellAlignment::Right);
            }
        }
    }
    lines(&table)
}

/// One record, a line for each column that has something.
pub(super) fn record(record: &Value, columns: &[Column]) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING);
    for column in columns {
        let cell = column.cell(record);
        if !cell.is_empty() {
            table.add_row([column.head.to_owned(), cell]);
        }
    }
    if let Some(heads) = table.column_mut(0) {
        heads.set_padding((0, 2));
    }
    lines(&table)
}

fn lines(table: &Table) -> String {
    table
        .lines()
        .map(|line| format!("{}\n", line.trim_end()))
        .collect()
}

/// Of the terminal; what goes elsewhere is not folded.
fn width() -> Option<u16> {
    let out = io::stdout();
    if !out.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&out).ok()?;
    Some(size.ws_col.max(WIDTH_MIN))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_table_has_a_line_each_and_numbers_on_the_right() {
        let columns = [
            number("ID", "Id"),
            text("CODE", "Code"),
            time("UNTIL", "To"),
            bytes("DOWN", "Down"),
        ];
        let records = [
            json!({"Id": 7, "Code": "AB\u{1b}[31m", "To": "2025-01-15T10:30:00Z", "Down": 1_234_567}),
            json!({"Id": 1234, "Code": "x", "To": null, "Down": 12}),
        ];
        let shown = table(&records, &columns, "no tokens");
        let lines: Vec<_> = shown.lines().collect();
        assert_eq!(lines.len(), 3, "{shown}");
        assert!(
            lines[1].contains("   7") && lines[1].contains("2025-01-15 10:30:00"),
            "{shown}"
        );
        assert!(
            lines[1].contains("1.2 MB") && lines[2].contains("12 B"),
            "{shown}"
        );
        assert!(
            !shown.contains('\u{1b}'),
            "what a guest has typed may not steer the terminal"
        );
        assert_eq!(table(&[], &columns, "no tokens"), "no tokens\n");
        let one = record(&records[1], &columns);
        assert_eq!(one.lines().count(), 3, "{one}");
    }

    #[test]
    fn nothing_that_others_typed_steers_the_terminal() {
        for typed in [
            "\u{1b}]0;title\u{7}",
            "\u{9b}2J",
            "a\nb\rc",
            "abc\u{202e}def",
            "\u{2066}x\u{2069}",
            "z\u{200b}w\u{feff}",
        ] {
            let shown = harmless(typed);
            assert!(shown.contains(' ') && shown.is_ascii(), "{shown:?}");
            assert!(!shown.chars().any(char::is_control), "{shown:?}");
        }
        assert_eq!(harmless("Büro 4 – مكتب"), "Büro 4 – مكتب");
    }

    #[test]
    fn bytes_have_three_digits_or_so() {
        for (bytes, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_999, "999.9 kB"),
            (1_000_000, "1.0 MB"),
            (u64::MAX, "18.4 EB"),
        ] {
            assert_eq!(shown_bytes(bytes), shown);
        }
    }
}

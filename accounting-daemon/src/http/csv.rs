//! Rows of CSV (RFC 4180) that no spreadsheet takes for formulas.

/// Adds a row, with its line break.
pub(super) fn row<T: AsRef<str>>(out: &mut String, cells: impl IntoIterator<Item = T>) {
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            out.push(',');
        }
        self::cell(out, cell.as_ref());
    }
    out.push_str("\r\n");
}

fn cell(out: &mut String, text: &str) {
    let formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if !formula && !text.contains(['"', ',', '\r', '\n']) {
        out.push_str(text);
        return;
    }
    out.push('"');
    if formula {
        out.push('\'');
    }
    out.push_str(&text.replace('"', "\"\""));
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_where_they_must_be_and_defused() {
        let mut out = String::new();
        row(
            &mut out,
            ["a", "", "b,c", "d\"e", "f\ng", "=1+1", "-2", "@x", "\tx"],
        );
        assert_eq!(
            out,
            "a,,\"b,c\",\"d\"\"e\",\"f\ng\",\"'=1+1\",\"'-2\",\"'@x\",\"'\tx\"\r\n"
        );
    }
}

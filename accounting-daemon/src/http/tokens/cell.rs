//! Cells of a table that a spreadsheet would take for a formula: they get a `'` in front, and lose it when they come back.

use std::borrow::Cow;

/// What formulas begin with, in half and full width, and what spreadsheets skip before it.
const BEGINNINGS: [char; 11] = ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠'];

/// Makes a text harmless.
pub(super) fn defused(text: Cow<'_, str>) -> Cow<'_, str> {
    if is_formula(&text) {
        format!("'{text}").into()
    } else {
        text
    }
}

/// The text as it was before [`defused`].
pub(super) fn restored(cell: &str) -> &str {
    match cell.strip_prefix('\'') {
        Some(text) if is_formula(text) => text,
        _ => cell,
    }
}

/// Whether it is one, or would be without its quotes: else these would get lost on the way back.
fn is_formula(text: &str) -> bool {
    text.trim_start_matches('\'').starts_with(BEGINNINGS)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn formulas_are_quoted() {
        for text in ["=1+1", "+49 30", "-1", "@SUM(A1)", "\t=1", "\r\n=1", "＝1", "'=1"] {
            assert_eq!(defused(text.into()), format!("'{text}"));
        }
        for text in ["", "Room 4", "00001", "a=b", "'quoted'", " =1"] {
            assert_eq!(defused(text.into()), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_defused_comes_back(text in "'{0,3}[=+@\\-\ta]?.{0,9}") {
            let cell = defused(text.as_str().into()).into_owned();
            prop_assert_eq!(restored(&cell), text.as_str());
            prop_assert!(!cell.starts_with(BEGINNINGS));
        }
    }
}

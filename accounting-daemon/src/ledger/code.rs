//! Access codes: what a person types, and how two of them compare.

use std::fmt;

use super::{Mutant, broken};

/// The longest access code, in characters.
pub const CODE_CHARACTERS_MAX: usize = 64;

/// An access code as it was given or generated. A secret: its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessCode(String);

/// A code as codes are compared: without case, spaces and dashes, `O` read as `0`, `I` and `L` as `1`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FoldedCode(String);

/// Why a text is no access code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// Nothing is left once spaces and dashes are gone.
    #[error("may not be null or empty")]
    Empty,
    /// More than [`CODE_CHARACTERS_MAX`] characters.
    #[error("may have at most {CODE_CHARACTERS_MAX} characters")]
    TooLong,
    /// A control character.
    #[error("may not hold control characters")]
    Control,
}

impl AccessCode {
    /// Takes a text as a code.
    ///
    /// # Errors
    /// [`CodeError`] when it is empty, too long or holds control characters.
    pub fn new(text: impl Into<String>) -> Result<Self, CodeError> {
        let text = text.into();
        if text.chars().count() > CODE_CHARACTERS_MAX {
            return Err(CodeError::TooLong);
        }
        if text.chars().any(char::is_control) {
            return Err(CodeError::Control);
        }
        if fold(&text).is_empty() {
            return Err(CodeError::Empty);
        }
        Ok(Self(text))
    }

    /// The code as it was given, leading zeros and all.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The code as it compares.
    #[must_use]
    pub fn folded(&self) -> FoldedCode {
        FoldedCode(fold(&self.0))
    }
}

impl FoldedCode {
    /// The folded text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn fold(text: &str) -> String {
    let text = if broken(Mutant::LeadingZerosDropped) {
        text.trim_start_matches('0')
    } else {
        text
    };
    // Nearly every code; folded several times for each redemption.
    if text.is_ascii() {
        let mut folded = String::with_capacity(text.len());
        folded.extend(text.chars().filter_map(fold_ascii));
        return folded;
    }
    text.chars()
        .filter(|c| !c.is_whitespace() && *c != '-')
        .flat_map(char::to_uppercase)
        .map(|c| match c {
            'O' => '0',
            'I' | 'L' => '1',
            other => other,
        })
        .collect()
}

/// One character of [`fold`]; `None` where it does not count.
fn fold_ascii(c: char) -> Option<char> {
    let upper = if broken(Mutant::CaseMatters) {
        c
    } else {
        c.to_ascii_uppercase()
    };
    match upper {
        c if (c.is_whitespace() || c == '-') && !broken(Mutant::DashesMatter) => None,
        'O' if !broken(Mutant::LookAlikesDiffer) => Some('0'),
        'I' | 'L' => Some('1'),
        c => Some(c),
    }
}

impl fmt::Debug for AccessCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccessCode(..)")
    }
}

impl fmt::Debug for FoldedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FoldedCode(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(text: &str) -> FoldedCode {
        AccessCode::new(text).unwrap().folded()
    }

    #[test]
    fn codes_compare_without_case_spaces_and_dashes_and_with_look_alikes_folded() {
        for text in ["k0l1i-abcde", "KO11I ABCDE", " K0ILL-abcDE "] {
            assert_eq!(folded(text), folded("K0111ABCDE"), "{text}");
        }
    }

    /// "Codes are compared without case, spaces and dashes, and with O=0, I=L=1 folded."
    #[test]
    fn every_ascii_character_folds_as_it_does_beside_another_one() {
        for c in '\0'..='\x7f' {
            let (alone, beside) = (fold(&c.to_string()), fold(&format!("{c}\u{e9}")));
            assert_eq!(format!("{alone}\u{c9}"), beside, "{c:?}");
        }
    }

    #[test]
    fn leading_zeros_count() {
        assert_ne!(folded("00001"), folded("1"));
    }

    #[test]
    fn what_is_no_code_is_named() {
        assert_eq!(AccessCode::new(" -- "), Err(CodeError::Empty));
        assert_eq!(AccessCode::new("a\0b"), Err(CodeError::Control));
        assert_eq!(AccessCode::new("x".repeat(65)), Err(CodeError::TooLong));
    }

    #[test]
    fn debug_shows_nothing() {
        let code = AccessCode::new("SECRET").unwrap();
        assert!(!format!("{code:?}{:?}", code.folded()).contains("SECRET"));
    }
}

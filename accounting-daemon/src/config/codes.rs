//! The settings of generated access codes, by class.

use std::collections::BTreeSet;

use super::reader::Table;
use crate::ledger::{AccessCode, Class, FoldedCode};

/// Letters and digits that nobody mistakes for one another: no `0`, `O`, `1`, `I` or `L`.
pub const CODE_ALPHABET: &str = "23456789ABCDEFGHJKMNPQRSTUVWXYZ";

/// What visitors are given: few digits, which can be told over a telephone.
const VISITOR_ALPHABET: &str = "0123456789";
const VISITOR_LENGTH: usize = 5;

/// How access codes are generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodesConfig {
    /// Of tokens without a class. Characters, 4 to 32; more are used by themselves when many codes are live.
    pub length: usize,
    /// At least eight ASCII characters that compare as different in codes.
    pub alphabet: String,
    /// Of visitors.
    pub visitor: ClassConfig,
    /// Of bookings.
    pub booking: ClassConfig,
}

/// How the codes of a class are generated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassConfig {
    /// Characters, 4 to 32.
    pub length: usize,
    /// As of ordinary codes.
    pub alphabet: String,
    /// Whether they are redeemed together with an e-mail address. Then the length stays as it is; else more characters are used by
    /// themselves when many codes are live.
    pub email: bool,
    /// Codes with an e-mail address that all together may try in vain in a minute; then none of this class is heard.
    pub attempts_per_minute: usize,
}

impl CodesConfig {
    pub(super) fn check(mut table: Table<'_, '_>) -> Self {
        let length = table.number("length", 4, 32, 10);
        let alphabet = alphabet(&mut table, CODE_ALPHABET);
        let visitor = table.table("visitor", "codes.visitor");
        let visitor = ClassConfig::check(visitor, VISITOR_LENGTH, VISITOR_ALPHABET, true);
        let booking = table.table("booking", "codes.booking");
        let booking = ClassConfig::check(booking, length, &alphabet, false);
        table.finish();
        Self {
            length,
            alphabet,
            visitor,
            booking,
        }
    }

    /// Those of a class.
    #[must_use]
    pub const fn class(&self, class: Class) -> &ClassConfig {
        match class {
            Class::Visitor => &self.visitor,
            Class::Booking => &self.booking,
        }
    }

    /// Whether a code looks like one that an e-mail address must come with; there need be no such code.
    #[must_use]
    pub fn asks_for_email(&self, code: &FoldedCode) -> bool {
        let classes = Class::ALL.map(|class| self.class(class));
        classes.iter().any(|class| {
            let Ok(alphabet) = AccessCode::new(class.alphabet.as_str()) else {
                return false;
            };
            let (code, alphabet) = (code.as_str(), alphabet.folded());
            class.email && code.len() == class.length && code.chars().all(|c| alphabet.as_str().contains(c))
        })
    }
}

impl ClassConfig {
    fn check(mut table: Table<'_, '_>, length: usize, characters: &str, email: bool) -> Self {
        let config = Self {
            length: table.number("length", 4, 32, length),
            alphabet: alphabet(&mut table, characters),
            email: table.flag("email").unwrap_or(email),
            attempts_per_minute: table.number("attempts_per_minute", 1, 10_000, 30),
        };
        table.finish();
        config
    }
}

fn alphabet(table: &mut Table<'_, '_>, default: &str) -> String {
    let value = table.get("alphabet");
    let alphabet = value.map_or(Some(default.to_owned()), |value| match value.text()? {
        alphabet if is_alphabet(alphabet) => Some(alphabet.to_owned()),
        _ => value.bad_text(
            "8 to 64 different ASCII letters, digits or signs without space and dash; case does not count, O and 0 \
             are one, I, L and 1 are one",
        ),
    });
    alphabet.unwrap_or_default()
}

/// Characters that compare equal in codes would make some codes likelier than others.
fn is_alphabet(text: &str) -> bool {
    let folded = |c: char| AccessCode::new(c).map(|code| code.folded()).ok();
    let different: BTreeSet<_> = text.chars().filter_map(folded).collect();
    (8..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && different.len() == text.len()
}

#[cfg(test)]
mod tests {
    use crate::{config::Config, ledger::AccessCode};

    fn asks(settings: &str, code: &str) -> bool {
        let text = format!("data = \"/d\"\n[[interface]]\nname = \"g\"\n{settings}");
        let config = Config::parse("t".as_ref(), &text, true).unwrap();
        let code = AccessCode::new(code).unwrap().folded();
        config.codes.asks_for_email(&code)
    }

    /// "Length and alphabet are configurable per class (ordinary, visitor, booking)."
    #[test]
    fn what_looks_like_a_visitors_code_asks_for_an_address() {
        for (code, expected) in [
            ("01234", true),
            ("01-2 34", true),
            ("O1234", true),
            ("0123", false),
            ("012345", false),
            ("0123A", false),
        ] {
            assert_eq!(asks("", code), expected, "{code}");
        }
        assert!(!asks("[codes.visitor]\nemail = false\n", "01234"));
        assert!(asks("[codes.visitor]\nlength = 6\n", "012345"));
        assert!(asks("[codes.booking]\nemail = true\nlength = 4\n", "7kq2"));
    }
}

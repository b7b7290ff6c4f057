//! Access codes that nobody can guess: drawn from the operating system's random numbers, each equally likely.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::{
    config::CodesConfig,
    ledger::{AccessCode, CodeError},
};

/// How much larger the space of codes is kept than the number of live ones.
const SPACE_PER_CODE: u128 = 1 << 32;

/// Characters between two dashes, at most.
const GROUP_MAX: usize = 5;

/// Why no code could be made.
#[derive(Debug, thiserror::Error)]
pub enum GenerateError {
    /// The operating system has no random numbers.
    #[error("the operating system gives no random numbers: {0}")]
    Random(#[from] getrandom::Error),
    /// The setting of the alphabet makes codes that are none.
    #[error("the generated code is no access code: it {0}")]
    Code(#[from] CodeError),
}

/// Generates access codes.
#[derive(Debug)]
pub struct Codes {
    config: CodesConfig,
    live: AtomicU64,
}

impl Codes {
    /// `live`: how many codes there are, or an upper bound.
    #[must_use]
    pub fn new(config: CodesConfig, live: u64) -> Self {
        let live = AtomicU64::new(live);
        Self { config, live }
    }

    /// Ids grow with creation, so that the newest bounds the number of live codes.
    pub(super) fn created(&self, id: u64) {
        self.live.fetch_max(id, Ordering::Relaxed);
    }

    /// A new code such as `7KQ2M-XW4TR`.
    ///
    /// # Errors
    /// [`GenerateError`].
    pub fn generate(&self) -> Result<AccessCode, GenerateError> {
        self.generate_one_of(1)
    }

    /// One of so many new codes.
    ///
    /// # Errors
    /// [`GenerateError`].
    pub fn generate_one_of(&self, many: u64) -> Result<AccessCode, GenerateError> {
        let alphabet = &self.config.alphabet;
        let length = length(
            alphabet.len(),
            self.config.length,
            self.live.load(Ordering::Relaxed).saturating_add(many - 1),
        );
        let drawn = draw(alphabet, length, getrandom::fill)?;
        Ok(AccessCode::new(grouped(&drawn))?)
    }
}

/// Characters of an ASCII alphabet, each equally likely, from a source of random bytes.
pub(crate) fn draw<E>(
    alphabet: &str,
    length: usize,
    mut random: impl FnMut(&mut [u8]) -> Result<(), E>,
) -> Result<String, E> {
    let symbols = alphabet.as_bytes();
    debug_assert!(alphabet.is_ascii() && (1..=256).contains(&symbols.len()));
    // Bytes above the last whole multiple would favour the first characters.
    let fair = 256 / symbols.len() * symbols.len();
    let mut drawn = String::with_capacity(length);
    let mut bytes = [0; 64];
    while drawn.len() < length {
        random(&mut bytes)?;
        let fair = bytes
            .iter()
            .map(|byte| usize::from(*byte))
            .filter(|byte| *byte < fair);
        let characters = fair.filter_map(|byte| symbols.get(byte % symbols.len()));
        drawn.extend(
            characters
                .take(length - drawn.len())
                .map(|symbol| char::from(*symbol)),
        );
    }
    Ok(drawn)
}

/// The configured length, or more where guessing would meet a live code too soon.
fn length(symbols: usize, configured: usize, live: u64) -> usize {
    let wanted = SPACE_PER_CODE.saturating_mul(u128::from(live.max(1)));
    let space = |length: usize| (0..length).fold(1u128, |space, _| space.saturating_mul(symbols as u128));
    (configured..=32)
        .find(|length| space(*length) >= wanted)
        .unwrap_or(32)
}

/// Ten characters as 5-5, eleven as 4-4-3: groups that differ by one at most.
fn grouped(code: &str) -> String {
    let groups = code.len().div_ceil(GROUP_MAX).max(1);
    let (size, longer) = (code.len() / groups, code.len() % groups);
    let mut shown = String::with_capacity(code.len() + groups);
    let mut rest = code;
    for nth in 0..groups {
        let (group, after) = rest.split_at(size + usize::from(nth < longer));
        if nth > 0 {
            shown.push('-');
        }
        shown.push_str(group);
        rest = after;
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;
    use crate::config::CODE_ALPHABET;

    /// "Generated codes come from the OS CSPRNG, alphabet without look-alikes, default 10 characters shown as 5-5, and
    /// longer by itself where the space would be under 2^32 times the live codes."
    #[test]
    fn a_code_is_ten_characters_shown_as_five_and_five() {
        let config = CodesConfig {
            length: 10,
            alphabet: CODE_ALPHABET.to_owned(),
        };
        let codes = Codes::new(config, 0);
        let code = codes.generate().unwrap();
        let (first, second) = code.as_str().split_once('-').unwrap();
        assert_eq!((first.len(), second.len()), (5, 5));
        assert_eq!(
            code.folded().as_str(),
            format!("{first}{second}"),
            "no character that folds"
        );
        assert_ne!(codes.generate().unwrap(), code);
        codes.created(1_000_000);
        assert_eq!(codes.generate().unwrap().folded().as_str().len(), 11);
    }

    /// Every byte once in each round: then each character must come equally often.
    /// "Generated codes come from the OS CSPRNG, alphabet without look-alikes, default 10 characters shown as 5-5, and
    /// longer by itself where the space would be under 2^32 times the live codes."
    #[test]
    fn every_character_is_equally_likely() {
        let mut next = 0u8;
        let source = |bytes: &mut [u8]| {
            for byte in bytes {
                *byte = next;
                next = next.wrapping_add(1);
            }
            Ok::<_, Infallible>(())
        };
        let Ok(drawn) = draw(CODE_ALPHABET, 8 * 31 * 4, source);
        for symbol in CODE_ALPHABET.chars() {
            assert_eq!(
                drawn.chars().filter(|other| *other == symbol).count(),
                32,
                "{symbol}"
            );
        }
    }

    /// "Generated codes come from the OS CSPRNG, alphabet without look-alikes, default 10 characters shown as 5-5, and
    /// longer by itself where the space would be under 2^32 times the live codes."
    #[test]
    fn codes_grow_with_their_number() {
        assert_eq!(length(31, 10, 0), 10);
        assert_eq!(length(31, 10, 190_000), 10);
        assert_eq!(length(31, 10, 195_000), 11);
        assert_eq!(length(31, 4, 1), 7);
        assert_eq!(length(8, 10, u64::MAX), 32);
    }

    #[test]
    fn groups_differ_by_one_at_most() {
        for (code, shown) in [
            ("ABCDE", "ABCDE"),
            ("ABCDEF", "ABC-DEF"),
            ("ABCDEFG", "ABCD-EFG"),
            ("ABCDEFGHIJ", "ABCDE-FGHIJ"),
            ("ABCDEFGHIJK", "ABCD-EFGH-IJK"),
        ] {
            assert_eq!(grouped(code), shown);
        }
    }
}

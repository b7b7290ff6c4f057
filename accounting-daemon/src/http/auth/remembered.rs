//! Callers who were let in, known by a hash of what they showed for a while.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::{Caller, credentials::Basic};

/// How long what passed is remembered, in milliseconds.
pub(super) const REMEMBERED_MS: u64 = 5 * 60 * 1000;

/// How many of a kind are remembered at once.
const ENTRIES_MAX: usize = 4096;

/// A hash of what was shown.
pub(super) type Tag = [u8; 32];

/// The state of the accounts that somebody was let in by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Edition(u64);

struct Entry {
    caller: Caller,
    until: u64,
}

/// Callers who were let in. Times are milliseconds of the monotonic clock.
pub(super) struct Remembered {
    /// Drawn at each start: without it a dump of memory would hold a fast hash to try passwords on.
    key: [u8; 32],
    edition: u64,
    entries: HashMap<Tag, Entry>,
}

impl Remembered {
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self {
            key,
            edition: 0,
            entries: HashMap::new(),
        })
    }

    /// Forgets everybody, and whoever is being checked by what was known until now.
    pub(super) fn clear(&mut self) {
        self.edition += 1;
        self.entries.clear();
    }

    /// To be read before the accounts are.
    pub(super) fn edition(&self) -> Edition {
        Edition(self.edition)
    }

    pub(super) fn find(&self, tag: &Tag, now: u64) -> Option<Caller> {
        let entry = self.entries.get(tag)?;
        (now < entry.until).then(|| entry.caller.clone())
    }

    /// Remembers a caller, unless the accounts have changed since `edition`.
    pub(super) fn keep(&mut self, tag: Tag, caller: Caller, edition: Edition, until: u64, now: u64) {
        if edition != self.edition() {
            return;
        }
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.retain(|_, entry| now < entry.until);
        }
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.clear();
        }
        self.entries.insert(tag, Entry { caller, until });
    }

    /// The name's length goes in first, so that no other split of the same bytes has the same hash.
    pub(super) fn tag(&self, basic: &Basic) -> Tag {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update((basic.name.len() as u64).to_le_bytes());
        hash.update(basic.name.as_bytes());
        hash.update(basic.password.as_bytes());
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn basic(name: &str, password: &str) -> Basic {
        Basic {
            name: name.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        }
    }

    #[test]
    fn exactly_what_passed_is_remembered_until_its_time() {
        let mut remembered = Remembered::new().unwrap();
        let caller = Caller::administrator("AB");
        let tag = remembered.tag(&basic("ab", "cd"));
        remembered.keep(tag, caller.clone(), remembered.edition(), 301_000, 1000);
        assert_eq!(remembered.find(&tag, 300_999), Some(caller));
        assert_eq!(remembered.find(&tag, 301_000), None);
        for (name, password) in [("ab", "cD"), ("a", "bcd"), ("abc", "d"), ("ab", "")] {
            let other = remembered.tag(&basic(name, password));
            assert_eq!(remembered.find(&other, 1000), None);
        }
        remembered.clear();
        assert_eq!(remembered.find(&tag, 1000), None);
    }

    #[test]
    fn who_was_checked_before_a_change_is_not_remembered_after_it() {
        let mut remembered = Remembered::new().unwrap();
        let edition = remembered.edition();
        remembered.clear();
        remembered.keep([1; 32], Caller::administrator("a"), edition, 10, 0);
        assert_eq!(remembered.find(&[1; 32], 0), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut remembered = Remembered::new().unwrap();
        for nth in 0..10_000 {
            let tag = remembered.tag(&basic(&nth.to_string(), ""));
            let edition = remembered.edition();
            remembered.keep(tag, Caller::administrator("a"), edition, 1, 0);
        }
        assert!(remembered.entries.len() <= ENTRIES_MAX);
    }
}

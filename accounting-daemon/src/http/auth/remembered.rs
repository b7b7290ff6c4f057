//! Credentials that passed, known by a keyed hash for a while.

use std::collections::HashMap;

use sha2::{Digest, Sha256};

use super::basic::Credentials;

/// How long credentials are remembered, in milliseconds.
const REMEMBERED_MS: u64 = 5 * 60 * 1000;

/// How many are remembered at once.
const ENTRIES_MAX: usize = 1024;

struct Entry {
    email: String,
    until: u64,
}

/// Credentials that passed. Times are milliseconds of the monotonic clock.
pub(super) struct Remembered {
    /// Drawn at each start: without it a dump of memory would hold a fast hash to try passwords on.
    key: [u8; 32],
    entries: HashMap<[u8; 32], Entry>,
}

impl Remembered {
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        let mut key = [0; 32];
        getrandom::fill(&mut key)?;
        Ok(Self {
            key,
            entries: HashMap::new(),
        })
    }

    pub(super) fn clear(&mut self) {
        self.entries.clear();
    }

    /// The account whose credentials these are.
    pub(super) fn find(&self, credentials: &Credentials, now: u64) -> Option<String> {
        let entry = self.entries.get(&self.tag(credentials))?;
        (now < entry.until).then(|| entry.email.clone())
    }

    pub(super) fn keep(&mut self, credentials: &Credentials, email: &str, now: u64) {
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.retain(|_, entry| now < entry.until);
        }
        if self.entries.len() >= ENTRIES_MAX {
            self.entries.clear();
        }
        let entry = Entry {
            email: email.to_owned(),
            until: now.saturating_add(REMEMBERED_MS),
        };
        self.entries.insert(self.tag(credentials), entry);
    }

    /// The name's length goes in first, so that no other split of the same bytes has the same hash.
    fn tag(&self, credentials: &Credentials) -> [u8; 32] {
        let mut hash = Sha256::new();
        hash.update(self.key);
        hash.update((credentials.email.len() as u64).to_le_bytes());
        hash.update(credentials.email.as_bytes());
        hash.update(credentials.password.as_bytes());
        hash.finalize().into()
    }
}

#[cfg(test)]
mod tests {
    use zeroize::Zeroizing;

    use super::*;

    fn credentials(email: &str, password: &str) -> Credentials {
        Credentials {
            email: email.to_owned(),
            password: Zeroizing::new(password.to_owned()),
        }
    }

    #[test]
    fn exactly_what_passed_is_remembered_for_five_minutes() {
        let mut remembered = Remembered::new().unwrap();
        remembered.keep(&credentials("ab", "cd"), "AB", 1000);
        assert_eq!(
            remembered.find(&credentials("ab", "cd"), 1000),
            Some("AB".to_owned())
        );
        assert_eq!(
            remembered.find(&credentials("ab", "cd"), 300_999),
            Some("AB".to_owned())
        );
        assert_eq!(remembered.find(&credentials("ab", "cd"), 301_000), None);
        for (email, password) in [("ab", "cD"), ("a", "bcd"), ("abc", "d"), ("ab", "")] {
            assert_eq!(remembered.find(&credentials(email, password), 1000), None);
        }
        remembered.clear();
        assert_eq!(remembered.find(&credentials("ab", "cd"), 1000), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut remembered = Remembered::new().unwrap();
        for nth in 0..5000 {
            remembered.keep(&credentials(&nth.to_string(), ""), "a", 0);
        }
        assert!(remembered.entries.len() <= ENTRIES_MAX);
    }
}

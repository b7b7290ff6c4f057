//! What must be given besides a code that is short enough to be guessed: the e-mail address of whoever it was made for.
//!
//! Of the address only a hash is kept, salted for each token: comparing is all that is ever done with it, and what is not kept is in
//! no backup. Who holds the store can still try addresses; it keeps them from being read, not from being guessed.

use std::{fmt, str::FromStr};

use sha2::{Digest as _, Sha256};

use super::{Mutant, TokenId, broken};

/// A kind of tokens whose codes may be short. All others are ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Of somebody who is expected.
    Visitor,
    /// Of a booking.
    Booking,
}

/// The longest e-mail address, in characters (RFC 5321).
pub const EMAIL_CHARACTERS_MAX: usize = 254;

/// An e-mail address as addresses compare: without case and without spaces around. Its `Debug` shows nothing of it.
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Not an e-mail address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be an e-mail address such as ann@example.org")]
pub struct EmailError;

/// The e-mail address that a token is redeemed together with, as it is kept.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SecondFactor {
    /// The class of the token.
    pub class: Class,
    /// Drawn for this token.
    pub salt: [u8; 16],
    /// SHA-256 of salt and address.
    pub digest: [u8; 32],
}

/// What is given with a code.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Given {
    /// Nothing.
    #[default]
    Nothing,
    /// An e-mail address.
    Email(Email),
    /// A secret that a former redemption of this token left with the browser: it stands for all that was given then.
    Secret(TokenId),
}

impl Class {
    /// Every one.
    pub const ALL: [Self; 2] = [Self::Visitor, Self::Booking];

    /// This one, as a list.
    pub(super) const fn alone(self) -> &'static [Self] {
        match self {
            Self::Visitor => &[Self::Visitor],
            Self::Booking => &[Self::Booking],
        }
    }

    /// Its name in labels and in the configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Visitor => "visitor",
            Self::Booking => "booking",
        }
    }
}

impl Email {
    /// Takes a text as an address.
    ///
    /// # Errors
    /// [`EmailError`].
    pub fn new(text: &str) -> Result<Self, EmailError> {
        let text = text.trim();
        let parts = text.rsplit_once('@');
        let parts = parts.is_some_and(|(name, host)| !name.is_empty() && !host.is_empty());
        let plain = |c: char| !c.is_control() && !c.is_whitespace();
        if parts && text.chars().all(plain) && text.chars().count() <= EMAIL_CHARACTERS_MAX {
            Ok(Self(text.to_lowercase()))
        } else {
            Err(EmailError)
        }
    }

    /// The address, folded.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, EmailError> {
        Self::new(text)
    }
}

impl SecondFactor {
    /// What is kept of an address.
    #[must_use]
    pub fn new(class: Class, email: &Email, salt: [u8; 16]) -> Self {
        Self {
            class,
            salt,
            digest: digest(&salt, email),
        }
    }

    /// Whether what was given with the code of this token is enough.
    pub(super) fn is_met(&self, token: TokenId, given: &Given) -> bool {
        match given {
            _ if broken(Mutant::EmailNotAsked) => true,
            Given::Nothing => false,
            Given::Email(email) => digest(&self.salt, email) == self.digest,
            Given::Secret(of) => *of == token,
        }
    }
}

fn digest(salt: &[u8; 16], email: &Email) -> [u8; 32] {
    let digest = Sha256::new_with_prefix(salt).chain_update(email.0.as_bytes());
    digest.finalize().into()
}

impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Email(..)")
    }
}

impl fmt::Debug for SecondFactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecondFactor({}, ..)", self.class.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_compare_without_case_and_spaces_around() {
        let email = Email::new(" Ann.B@Example.ORG ").unwrap();
        assert_eq!(email.as_str(), "ann.b@example.org");
        let factor = SecondFactor::new(Class::Visitor, &email, [7; 16]);
        let met = |text: &str| factor.is_met(1, &Given::Email(Email::new(text).unwrap()));
        assert!(met("ann.b@example.org"));
        assert!(!met("annb@example.org"));
    }

    #[test]
    fn what_is_no_address_is_told() {
        for wrong in ["", "@", "a@", "@b", "a b@c", "a\n@b", "ann", &"x".repeat(255)] {
            assert_eq!(Email::new(wrong), Err(EmailError), "{wrong:?}");
        }
        let longest = format!("{}@b", "x".repeat(252));
        assert!(Email::new(&longest).is_ok());
        assert!(Email::new(&format!("x{longest}")).is_err());
    }

    #[test]
    fn nothing_of_it_is_shown_and_equal_addresses_differ_where_they_are_kept() {
        let email = Email::new("ann@example.org").unwrap();
        let [one, two] = [[1; 16], [2; 16]].map(|salt| SecondFactor::new(Class::Visitor, &email, salt));
        assert_ne!(one.digest, two.digest);
        let shown = format!("{email:?} {one:?} {:?}", Given::Email(email.clone()));
        assert!(!shown.contains("ann"), "{shown}");
    }

    #[test]
    fn a_secret_stands_for_its_own_token_only() {
        let email = Email::new("ann@example.org").unwrap();
        let factor = SecondFactor::new(Class::Visitor, &email, [0; 16]);
        assert!(factor.is_met(5, &Given::Secret(5)));
        assert!(!factor.is_met(5, &Given::Secret(6)));
        assert!(!factor.is_met(5, &Given::Nothing));
    }
}

//! Users and API clients.

use std::{collections::BTreeSet, fmt};

use super::{
    codec::{Damaged, Reader, Row, Writer},
    role::{self, Role},
};

/// Bytes of the secret behind one-time codes: what RFC 4226 recommends.
pub const TOTP_SECRET_BYTES: usize = 20;

/// A person. Its `Debug` shows no hash and no secret.
#[derive(Clone, PartialEq, Eq)]
pub struct User {
    /// The name to sign in with, compared without case.
    pub email: String,
    /// argon2id, as a PHC string.
    pub password_hash: String,
    /// Whether the password must be replaced by its owner before anything else.
    pub must_reset: bool,
    /// Whether they may do everything.
    pub administrator: bool,
    /// What they may do otherwise.
    pub roles: BTreeSet<Role>,
    /// The locations whose records exist for them; `None`: all.
    pub business_ids: Option<BTreeSet<u64>>,
    /// Whether they are kept out.
    pub disabled: bool,
    /// One-time codes.
    pub totp: Option<Totp>,
}

/// One-time codes (RFC 6238) of a user.
#[derive(Clone, PartialEq, Eq)]
pub struct Totp {
    /// What the codes are made from.
    pub secret: [u8; TOTP_SECRET_BYTES],
    /// Whether signing in takes one; before that its owner has not shown that they have the secret.
    pub on: bool,
    /// The step of the code that was used last: neither it nor an earlier one is taken again.
    pub last_step: u64,
}

/// A program that signs in with a secret of its own. Its `Debug` does not show the hash.
#[derive(Clone, PartialEq, Eq)]
pub struct Client {
    /// The name to sign in with; holds no `@`.
    pub id: String,
    /// SHA-256 of its secret, which is 256 random bits.
    pub secret_hash: [u8; 32],
    /// What people call it.
    pub name: Option<String>,
    /// What it may do.
    pub roles: BTreeSet<Role>,
    /// The locations whose records exist for it; `None`: all.
    pub business_ids: Option<BTreeSet<u64>>,
}

/// Whose something is: a user or a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Owner {
    /// By folded e-mail address.
    User(String),
    /// By number.
    Client(String),
}

/// An e-mail address as it is compared.
#[must_use]
pub fn fold_email(email: &str) -> String {
    email.to_lowercase()
}

impl User {
    /// An administrator with nothing out of the ordinary.
    #[must_use]
    pub fn administrator(email: impl Into<String>, password_hash: impl Into<String>) -> Self {
        Self {
            email: email.into(),
            password_hash: password_hash.into(),
            must_reset: false,
            administrator: true,
            roles: BTreeSet::new(),
            business_ids: None,
            disabled: false,
            totp: None,
        }
    }

    /// The user as the owner of something.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::User(fold_email(&self.email))
    }

    /// Whether they can sign in and do everything.
    #[must_use]
    pub fn administers(&self) -> bool {
        self.administrator && !self.disabled
    }

    /// The one-time codes, where signing in takes one.
    #[must_use]
    pub fn second_factor(&self) -> Option<&Totp> {
        self.totp.as_ref().filter(|totp| totp.on)
    }
}

impl Client {
    /// The client as the owner of something.
    #[must_use]
    pub fn owner(&self) -> Owner {
        Owner::Client(self.id.clone())
    }
}

impl Owner {
    /// The owner in keys: users and clients cannot be mistaken for one another.
    pub(super) fn key(&self) -> String {
        match self {
            Self::User(email) => format!("u/{email}"),
            Self::Client(id) => format!("c/{id}"),
        }
    }

    pub(super) fn of_key(key: &str) -> Option<Self> {
        match key.split_at_checked(2)? {
            ("u/", email) => Some(Self::User(email.to_owned())),
            ("c/", id) => Some(Self::Client(id.to_owned())),
            _ => None,
        }
    }
}

impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("email", &self.email)
            .field("administrator", &self.administrator)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("id", &self.id)
            .field("roles", &self.roles)
            .finish_non_exhaustive()
    }
}

impl Row for User {
    fn write(&self, out: &mut Writer) {
        out.text(&self.email);
        out.text(&self.password_hash);
        out.flag(self.must_reset);
        out.flag(self.administrator);
        out.u32(role::to_bits(&self.roles));
        out.option(self.business_ids.as_ref(), numbers);
        out.flag(self.disabled);
        out.option(self.totp.as_ref(), |out, totp| {
            out.bytes(&totp.secret);
            out.flag(totp.on);
            out.u64(totp.last_step);
        });
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            email: from.text()?,
            password_hash: from.text()?,
            must_reset: from.flag()?,
            administrator: from.flag()?,
            roles: role::from_bits(from.u32()?).ok_or(Damaged)?,
            business_ids: from.option(read_numbers)?,
            disabled: from.flag()?,
            totp: from.option(|from| {
                Ok(Totp {
                    secret: from.array()?,
                    on: from.flag()?,
                    last_step: from.u64()?,
                })
            })?,
        })
    }
}

impl Row for Client {
    fn write(&self, out: &mut Writer) {
        out.text(&self.id);
        out.bytes(&self.secret_hash);
        out.option(self.name.as_deref(), Writer::text);
        out.u32(role::to_bits(&self.roles));
        out.option(self.business_ids.as_ref(), numbers);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            id: from.text()?,
            secret_hash: from.array()?,
            name: from.option(Reader::text)?,
            roles: role::from_bits(from.u32()?).ok_or(Damaged)?,
            business_ids: from.option(read_numbers)?,
        })
    }
}

fn numbers(out: &mut Writer, numbers: &BTreeSet<u64>) {
    out.u32(u32::try_from(numbers.len()).unwrap_or(u32::MAX));
    numbers.iter().for_each(|number| out.u64(*number));
}

fn read_numbers(from: &mut Reader<'_>) -> Result<BTreeSet<u64>, Damaged> {
    let count = from.u32()?;
    (0..count).map(|_| from.u64()).collect()
}

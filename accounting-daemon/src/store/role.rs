//! What a role lets its holder do.

use std::{collections::BTreeSet, fmt, str::FromStr};

/// What a role lets its holder do. Matched without case on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// See many tokens, sessions, usage.
    List,
    /// See one token.
    Read,
    /// Make tokens.
    Create,
    /// Change tokens, disconnect devices, keep the lists of devices.
    Edit,
    /// Delete tokens.
    Delete,
    /// Redeem access codes for devices, as portals do.
    Redeem,
}

impl Role {
    /// Every role; their places here are their bits in the store.
    pub const ALL: [Self; 6] = [
        Self::List,
        Self::Read,
        Self::Create,
        Self::Edit,
        Self::Delete,
        Self::Redeem,
    ];

    /// Its name on the wire, such as `AccessToken-List`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::List => "AccessToken-List",
            Self::Read => "AccessToken-Read",
            Self::Create => "AccessToken-Create",
            Self::Edit => "AccessToken-Edit",
            Self::Delete => "AccessToken-Delete",
            Self::Redeem => "AccessToken-Redeem",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// No role has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of AccessToken-List, -Read, -Create, -Edit, -Delete, -Redeem")]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|role| role.as_str().eq_ignore_ascii_case(text))
            .ok_or(UnknownRole)
    }
}

/// A set of roles as one number.
pub(super) fn to_bits(roles: &BTreeSet<Role>) -> u32 {
    let places = Role::ALL.iter().enumerate();
    places.fold(0, |bits, (place, role)| {
        bits | u32::from(roles.contains(role)) << place
    })
}

/// The set again; `None` where a bit is no role's.
pub(super) fn from_bits(bits: u32) -> Option<BTreeSet<Role>> {
    let places = Role::ALL.iter().enumerate();
    let held = places.filter(|(place, _)| bits >> place & 1 == 1);
    (bits >> Role::ALL.len() == 0).then(|| held.map(|(_, role)| *role).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_are_matched_without_case() {
        for role in Role::ALL {
            assert_eq!(role.as_str().to_lowercase().parse(), Ok(role));
            assert_eq!(role.to_string().parse(), Ok(role));
        }
        for wrong in ["", "List", "AccessToken", "AccessToken-List "] {
            assert_eq!(wrong.parse::<Role>(), Err(UnknownRole), "{wrong}");
        }
    }

    #[test]
    fn sets_of_roles_are_numbers() {
        for bits in 0..64 {
            assert_eq!(to_bits(&from_bits(bits).unwrap()), bits);
        }
        assert_eq!(from_bits(64), None);
    }
}

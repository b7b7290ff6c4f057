//! Somebody who has signed in, and what they may do.

use std::{collections::BTreeSet, fmt, str::FromStr};

use crate::store::Via;

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
    /// Every role.
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

/// What somebody may do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rights {
    /// Everything, everywhere.
    Administrator,
    /// What the roles say.
    Roles(BTreeSet<Role>),
}

/// Somebody who has signed in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The e-mail address of a user or the number of an API client, for `UpdatedBy` and the audit.
    pub name: String,
    /// How they came in, for the audit.
    pub via: Via,
    /// What they may do.
    pub rights: Rights,
    /// The locations (`BusinessId`) whose records exist for them; `None`: all.
    pub locations: Option<BTreeSet<u64>>,
}

impl Caller {
    /// A full administrator, a person.
    #[must_use]
    pub fn administrator(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            via: Via::User,
            rights: Rights::Administrator,
            locations: None,
        }
    }

    /// Whether they administer users, clients and the audit.
    #[must_use]
    pub fn is_administrator(&self) -> bool {
        self.rights == Rights::Administrator
    }

    /// Whether they hold a role; an administrator passes all.
    #[must_use]
    pub fn may(&self, role: Role) -> bool {
        match &self.rights {
            Rights::Administrator => true,
            Rights::Roles(roles) => roles.contains(&role),
        }
    }

    /// Whether the records of a location exist for them.
    #[must_use]
    pub fn sees(&self, business_id: u64) -> bool {
        self.locations
            .as_ref()
            .is_none_or(|locations| locations.contains(&business_id))
    }
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
    fn a_caller_may_what_the_roles_say_and_sees_the_locations() {
        let caller = Caller {
            name: "a".to_owned(),
            via: Via::User,
            rights: Rights::Roles([Role::Read].into()),
            locations: Some([7].into()),
        };
        assert!(caller.may(Role::Read) && !caller.may(Role::Edit) && !caller.is_administrator());
        assert!(caller.sees(7) && !caller.sees(8));
        let everybody = Caller::administrator("b");
        assert!(Role::ALL.into_iter().all(|role| everybody.may(role)));
        assert!(everybody.sees(8) && everybody.is_administrator());
    }
}

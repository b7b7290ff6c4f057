//! Somebody who has signed in, and what they may do.

use std::collections::BTreeSet;

use crate::store::{Client, Role, User, Via};

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

    /// Somebody at the gateway itself, who administers it.
    pub(super) fn local(name: impl Into<String>) -> Self {
        Self {
            via: Via::Cli,
            ..Self::administrator(name)
        }
    }

    /// A user by what the store says of them.
    pub(super) fn user(user: &User) -> Self {
        Self {
            name: user.email.clone(),
            via: Via::User,
            rights: if user.administrator {
                Rights::Administrator
            } else {
                Rights::Roles(user.roles.clone())
            },
            locations: user.business_ids.clone(),
        }
    }

    /// An API client by what the store says of it.
    pub(super) fn client(client: &Client) -> Self {
        Self {
            name: client.id.clone(),
            via: Via::Client,
            rights: Rights::Roles(client.roles.clone()),
            locations: client.business_ids.clone(),
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

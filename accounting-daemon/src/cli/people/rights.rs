//! What somebody may do, and where.

use clap::Args;
use serde_json::Value;

use crate::{cli::show::plain, http::Role};

/// What somebody may do, and where.
#[derive(Debug, Args)]
pub(super) struct Rights {
    /// May do this: List, Read, Create, Edit, Delete, Redeem; may be given several times
    #[arg(long = "role", value_name = "ROLE", value_parser = role, value_delimiter = ',')]
    roles: Vec<Role>,

    /// Only sees the records of this location (BusinessId); may be given several times
    #[arg(long = "business", value_name = "ID", value_delimiter = ',')]
    businesses: Vec<u64>,
}

/// A role by its name on the wire, or the last part of it.
fn role(text: &str) -> Result<Role, String> {
    let whole = format!("AccessToken-{text}");
    text.parse()
        .or_else(|_| whole.parse())
        .map_err(|_| "must be one of List, Read, Create, Edit, Delete, Redeem".to_owned())
}

impl Rights {
    /// The members that were given.
    pub(super) fn put(&self, body: &mut Value) {
        if !self.roles.is_empty() {
            body["Roles"] = self.roles.iter().map(|role| role.as_str()).collect();
        }
        if !self.businesses.is_empty() {
            body["BusinessIds"] = self.businesses.iter().copied().collect();
        }
    }
}

/// The roles of a record, in short.
pub(super) fn roles(record: &Value) -> String {
    if record["Administrator"] == true {
        return "administrator".to_owned();
    }
    plain(&record["Roles"]).replace("AccessToken-", "")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn roles_may_be_written_in_short() {
        assert_eq!(role("edit"), Ok(Role::Edit));
        assert_eq!(role("AccessToken-Edit"), Ok(Role::Edit));
        assert!(role("admin").unwrap_err().contains("Redeem"));
        assert_eq!(
            roles(&json!({"Roles": ["AccessToken-List", "AccessToken-Read"]})),
            "List, Read"
        );
    }
}

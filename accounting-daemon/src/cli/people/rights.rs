//! What somebody may do, and where.

use clap::Args;
use serde_json::Value;

use crate::{cli::show::plain, http::Role};

/// What somebody may do, and where.
#[derive(Debug, Args)]
pub(super) struct Rights {
    /// May do this: List, Read, Create, Edit, Delete, Redeem; may be given several times. Without any: nothing
    #[arg(long = "role", value_name = "ROLE", value_parser = role, value_delimiter = ',')]
    roles: Vec<Role>,

    /// Only sees the records of this location (BusinessId); may be given several times
    #[arg(long = "business", value_name = "ID", value_delimiter = ',')]
    businesses: Vec<u64>,

    /// May do nothing by itself
    #[arg(long, conflicts_with = "roles")]
    no_roles: bool,

    /// Sees the records of every location
    #[arg(long, conflicts_with = "businesses")]
    all_businesses: bool,
}

/// A role by its name on the wire, or the last part of it.
fn role(text: &str) -> Result<Role, String> {
    let whole = format!("AccessToken-{text}");
    text.parse()
        .or_else(|_| whole.parse())
        .map_err(|_| "must be one of List, Read, Create, Edit, Delete, Redeem".to_owned())
}

impl Rights {
    /// Tells whoever makes somebody without any right, unless that was asked for. `kind`: `user` or `client`.
    pub(super) fn warn(&self, kind: &str, name: &str) {
        if let Some(hint) = self.hint(kind, name) {
            eprintln!("{hint}");
        }
    }

    /// The members that were given.
    pub(super) fn put(&self, body: &mut Value) {
        if !self.roles.is_empty() || self.no_roles {
            body["Roles"] = self.roles.iter().map(|role| role.as_str()).collect();
        }
        if !self.businesses.is_empty() {
            body["BusinessIds"] = self.businesses.iter().copied().collect();
        }
        if self.all_businesses {
            body["BusinessIds"] = Value::Null;
        }
    }

    fn hint(&self, kind: &str, name: &str) -> Option<String> {
        (self.roles.is_empty() && !self.no_roles).then(|| {
            format!(
                "{name} may do nothing yet: accounting-daemon {kind} edit {name} --role List,Read says what"
            )
        })
    }
}

/// The roles of a record, in short.
pub(super) fn roles(record: &Value) -> String {
    if record["Administrator"] == true {
        return "administrator".to_owned();
    }
    match plain(&record["Roles"]).replace("AccessToken-", "") {
        none if none.is_empty() => "none".to_owned(),
        some => some,
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use serde_json::json;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        rights: Rights,
    }

    /// What of a user changes.
    fn put(line: &str) -> Value {
        let line = Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap();
        let mut body = json!({});
        line.rights.put(&mut body);
        body
    }

    #[test]
    fn rights_are_given_taken_and_left_alone() {
        assert_eq!(put(""), json!({}));
        assert_eq!(
            put("--role list,edit --business 1 --business 2"),
            json!({"Roles": ["AccessToken-List", "AccessToken-Edit"], "BusinessIds": [1, 2]})
        );
        assert_eq!(
            put("--no-roles --all-businesses"),
            json!({"Roles": [], "BusinessIds": null})
        );
        assert!(Line::try_parse_from(["x", "--no-roles", "--role", "list"]).is_err());
    }

    #[test]
    fn who_may_do_nothing_is_told_unless_that_was_meant() {
        let hint = |line: &str| {
            let line = Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace())).unwrap();
            line.rights.hint("user", "ann@example.org")
        };
        let told = hint("--business 1").unwrap();
        assert!(
            told.contains("user edit ann@example.org --role List,Read"),
            "{told}"
        );
        assert_eq!(hint("--role list"), None);
        assert_eq!(hint("--no-roles"), None);
    }

    #[test]
    fn roles_may_be_written_in_short() {
        assert_eq!(role("edit"), Ok(Role::Edit));
        assert_eq!(role("AccessToken-Edit"), Ok(Role::Edit));
        assert!(role("admin").unwrap_err().contains("Redeem"));
        assert_eq!(
            roles(&json!({"Roles": ["AccessToken-List", "AccessToken-Read"]})),
            "List, Read"
        );
        assert_eq!(roles(&json!({"Roles": []})), "none");
    }
}

//! `accounting-daemon audit`: who changed what.

use clap::Args;
use serde_json::Value;

use super::{
    Console, human,
    paged::{self, Limit},
    query::Query,
    show::{Column, made, plain, text, time},
};

/// Who changed what, the latest first
#[derive(Debug, Args)]
pub(super) struct Audit {
    /// By whom, such as root@local
    #[arg(long, value_name = "NAME")]
    who: Option<String>,

    /// Of what, such as token/7, or token for all tokens
    #[arg(long, value_name = "OBJECT")]
    object: Option<String>,

    /// Since
    #[arg(long, value_name = "DATE", value_parser = human::time)]
    from: Option<String>,

    /// Until
    #[arg(long, value_name = "DATE", value_parser = human::end)]
    to: Option<String>,

    #[command(flatten)]
    limit: Limit,
}

const COLUMNS: &[Column] = &[
    time("ON", "On"),
    text("WHO", "Who"),
    text("ACTION", "Action"),
    text("OBJECT", "Object"),
    made("CHANGED", changed),
];

/// The members that differ, from what to what.
fn changed(record: &Value) -> String {
    let (before, after) = (&record["Before"], &record["After"]);
    let names: std::collections::BTreeSet<&String> = [before, after]
        .into_iter()
        .filter_map(Value::as_object)
        .flat_map(serde_json::Map::keys)
        .collect();
    let differences = names
        .into_iter()
        .filter(|name| before[name.as_str()] != after[name.as_str()])
        .map(|name| {
            let (old, new) = (plain(&before[name.as_str()]), plain(&after[name.as_str()]));
            match (before.is_object(), after.is_object()) {
                (true, true) => format!("{name} {} to {}", or_none(&old), or_none(&new)),
                (false, _) => format!("{name} {new}"),
                (true, false) => format!("{name} {old}"),
            }
        });
    differences.collect::<Vec<_>>().join("; ")
}

fn or_none(text: &str) -> &str {
    if text.is_empty() { "none" } else { text }
}

impl Audit {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let query = Query::new()
            .maybe("Who", self.who)
            .maybe("Object", self.object)
            .maybe("From", self.from)
            .maybe("To", self.to);
        paged::print(
            console,
            "/v1/audit",
            &query,
            self.limit,
            COLUMNS,
            "nothing was changed",
        )
        .await
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_differs_is_shown() {
        let record = json!({
            "Before": {"MinutesIncluded": 60, "Description": null, "Id": 7},
            "After": {"MinutesIncluded": 90, "Description": "x", "Id": 7},
        });
        assert_eq!(
            changed(&record),
            "Description none to x; MinutesIncluded 60 to 90"
        );
        assert_eq!(changed(&json!({"Before": null, "After": {"Id": 7}})), "Id 7");
        assert_eq!(changed(&json!({"Before": null, "After": null})), "");
    }
}

//! `accounting-daemon usage`: what was used.

use std::path::PathBuf;

use clap::Args;
use serde_json::Value;

use super::{
    Console, files, human,
    paged::{self, Limit},
    query::Query,
    show::{Column, bytes, made, number, shown_length, text, time},
};
use crate::mac::Mac;

/// What was used: a record for each session that ended
#[derive(Debug, Args)]
pub(super) struct Usage {
    /// Of this token
    #[arg(long, value_name = "ID")]
    token: Option<u64>,

    /// Of this device
    #[arg(long, value_name = "MAC")]
    mac: Option<Mac>,

    /// Ended since
    #[arg(long, value_name = "DATE", value_parser = human::time)]
    from: Option<String>,

    /// Ended until
    #[arg(long, value_name = "DATE", value_parser = human::end)]
    to: Option<String>,

    #[command(flatten)]
    limit: Limit,

    /// Write all of them into this new CSV file instead; - is standard output
    #[arg(long, value_name = "FILE")]
    csv: Option<PathBuf>,
}

const COLUMNS: &[Column] = &[
    number("ID", "Id"),
    number("TOKEN", "TokenId"),
    text("DEVICE", "MacAddress"),
    time("SINCE", "OpenedOn"),
    time("UNTIL", "ReleasedOn"),
    made("CHARGED", charged),
    bytes("UP", "BytesUp"),
    bytes("DOWN", "BytesDown"),
    text("CAUSE", "Cause"),
];

/// To the tenth of a second.
fn charged(record: &Value) -> String {
    let ms = record["MillisecondsCharged"].as_u64().unwrap_or_default();
    format!("{}.{}", shown_length(ms / 1000), ms % 1000 / 100)
}

impl Usage {
    pub(super) async fn run(self, console: &Console) -> anyhow::Result<()> {
        let query = Query::new()
            .maybe("TokenId", self.token)
            .maybe("MacAddress", self.mac)
            .maybe("From", self.from)
            .maybe("To", self.to);
        if let Some(file) = self.csv {
            let target = query.with("Format", "Csv").target("/v1/usage");
            return files::save(console, &target, Some(file)).await;
        }
        paged::print(
            console,
            "/v1/usage",
            &query,
            self.limit,
            COLUMNS,
            "nothing was used",
        )
        .await
    }
}

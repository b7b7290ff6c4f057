//! Pages of the portal while many guests are online: asked for by one of them, through the gate.

use std::{path::Path, time::Duration};

use accounting_tests::lab::PORTAL_PORT;
use accounting_tests::lab::site::LAN_IP4;
use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::{
    daemon, fill,
    load::Load,
    report::{grouped, number},
    rounds::Rounds,
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Guests online
    #[arg(long, default_value_t = 10_000)]
    sessions: u64,
    /// Connections, each with one request at a time; one device may have 64
    #[arg(long, default_value_t = 48)]
    connections: usize,
    /// Rounds of each page
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Requests of a round
    #[arg(long, default_value_t = 20_000)]
    requests: u64,
}

/// Seconds that a round may last.
const ROUND: Duration = Duration::from_secs(30);

/// What is asked for, and what it is.
const PAGES: [(&str, &str); 3] = [
    ("/login?another=1", "the form for a code"),
    ("/status", "the status, asked of the engine"),
    ("/captive-api", "RFC 8908, asked of the engine"),
];

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let devices = u32::try_from(options.sessions + 1_000)?;
    let lab = daemon::up(binary, devices, options.sessions + 1, options.sessions)?;
    let gateway = lab.daemon()?;
    daemon::sign_in(gateway)?;
    let client = lab.client(1)?;
    let body = json!({"AccessCode": fill::code(options.sessions + 1), "MacAddress": client.mac_text()});
    let answer = gateway.api("POST", "/v1/redemptions", Some(&body))?;
    ensure!(answer.status == 200, "not admitted: {}", answer.text());
    println!(
        "{} sessions online, {} connections of one guest, {} rounds of {} requests for each page",
        grouped(number(options.sessions + 1)),
        options.connections,
        options.rounds,
        grouped(number(options.requests)),
    );
    let server = (LAN_IP4, PORTAL_PORT).into();
    let mut load = Load::connect(client.namespace(), server, options.connections)?;
    for (path, what) in PAGES {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: {LAN_IP4}:{PORTAL_PORT}\r\nAccept-Language: de, en;q=0.5\r\n\r\n"
        );
        let mut rounds = Rounds::default();
        for round in 0..=options.rounds {
            let mut left = options.requests;
            let mut run = || {
                load.run(ROUND, |buffer| {
                    let more = left > 0;
                    left = left.saturating_sub(1);
                    if more {
                        buffer.extend_from_slice(request.as_bytes());
                    }
                    more
                })
            };
            // The first one warms up.
            if round == 0 {
                run()?.granted().context(path)?;
                continue;
            }
            rounds.measure(gateway, run).context(path)?;
        }
        println!("{path}: {what}");
        rounds.print("pages a second", 5_000.0, Some(50.0));
    }
    Ok(())
}

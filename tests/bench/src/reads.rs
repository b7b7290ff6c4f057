//! Reads of one record over HTTP among a million, the client on the same processors.

use std::{path::Path, time::Duration};

use accounting_tests::lab::Daemon;
use anyhow::Result;

use crate::{
    daemon, fill,
    load::Load,
    report::{grouped, number},
    rounds::Rounds,
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Tokens in the store
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u64,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 128)]
    connections: usize,
    /// Rounds
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Reads of a round
    #[arg(long, default_value_t = 100_000)]
    reads: u64,
}

const ROUND: Duration = Duration::from_secs(60);

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let lab = daemon::up(binary, 1_000, options.tokens, 0)?;
    let daemon = lab.daemon()?;
    daemon::sign_in(daemon)?;
    println!(
        "{} tokens, {} connections, {} rounds of {} reads, in an order that jumps about",
        grouped(number(options.tokens)),
        options.connections,
        options.rounds,
        grouped(number(options.reads)),
    );
    let mut load = Load::connect(lab.gateway(), daemon.api_address(), options.connections)?;
    let head = head(daemon);
    let mut order = (0..).flat_map(|_: u64| fill::shuffled(options.tokens));
    let mut rounds = Rounds::default();
    for round in 0..=options.rounds {
        let mut left = options.reads;
        let mut run = || {
            load.run(ROUND, |request| {
                let Some(id) = (left > 0).then(|| order.next()).flatten() else {
                    return false;
                };
                left -= 1;
                request
                    .extend_from_slice(format!("GET /api/spaces/accesstokens/{} {head}", id + 1).as_bytes());
                true
            })
        };
        // The first round warms up.
        if round == 0 {
            run()?.granted()?;
            continue;
        }
        rounds.measure(daemon, run)?;
    }
    rounds.print("reads a second", 30_000.0, None);
    Ok(())
}

/// What follows the target in the first line of a request, signed in as the administrator.
fn head(daemon: &Daemon) -> String {
    let authorization = daemon.authorization();
    format!("HTTP/1.1\r\nHost: gateway\r\nAuthorization: {authorization}\r\n\r\n")
}

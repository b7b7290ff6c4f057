//! Reads of one record over HTTP among a million, the client on the same processors.

use std::{path::Path, time::Duration};

use accounting_tests::lab::{ADMINISTRATOR, Daemon, base64};
use anyhow::{Result, ensure};

use crate::{
    daemon, fill,
    load::Load,
    process,
    report::{grouped, judged, line, median, number, quantile},
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
    let (mut rates, mut p50, mut p99, mut server, mut client) = (vec![], vec![], vec![], vec![], vec![]);
    let this = i32::try_from(std::process::id())?;
    for round in 0..=options.rounds {
        let (of_server, of_client) = (process::cpu(daemon.pid()?)?, process::cpu(this)?);
        let mut left = options.reads;
        let outcome = load.run(ROUND, |request| {
            let Some(id) = (left > 0).then(|| order.next()).flatten() else {
                return false;
            };
            left -= 1;
            request.extend_from_slice(format!("GET /api/spaces/accesstokens/{} {head}", id + 1).as_bytes());
            true
        })?;
        ensure!(outcome.refused == 0, "a read failed: {}", outcome.refusal);
        // The first round warms up.
        if round == 0 {
            continue;
        }
        let read = number(outcome.latencies.len());
        rates.push(read / outcome.took.as_secs_f64());
        p50.push(quantile(&outcome.latencies, 0.5));
        p99.push(quantile(&outcome.latencies, 0.99));
        let spent = |before: Duration, id| -> Result<f64> {
            Ok(process::cpu(id)?.saturating_sub(before).as_secs_f64() * 1e6 / read)
        };
        server.push(spent(of_server, daemon.pid()?)?);
        client.push(spent(of_client, this)?);
    }
    let rate = median(&rates);
    judged("reads a second", grouped(rate), "30,000", rate >= 30_000.0);
    let ends = (quantile(&rates, 0.0), quantile(&rates, 1.0));
    line(
        "  slowest and fastest round",
        format!("{}, {}", grouped(ends.0), grouped(ends.1)),
    );
    line("answered within, p50", format!("{:.1} ms", median(&p50)));
    line("answered within, p99", format!("{:.1} ms", median(&p99)));
    line(
        "processor time of the daemon for each",
        format!("{:.1} us", median(&server)),
    );
    line(
        "processor time of the client for each",
        format!("{:.1} us", median(&client)),
    );
    Ok(())
}

/// What follows the target in the first line of a request, signed in as the administrator.
fn head(daemon: &Daemon) -> String {
    let credentials = base64(format!("{ADMINISTRATOR}:{}", daemon.password()).as_bytes());
    format!("HTTP/1.1\r\nHost: gateway\r\nAuthorization: Basic {credentials}\r\n\r\n")
}

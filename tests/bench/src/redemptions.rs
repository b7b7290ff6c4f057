//! Durable redemptions over HTTP: the real daemon, gate and disk, every redemption another code and another device.
//!
//! Rounds with group commit and rounds with one commit each take turns, so that what else the machine does meets both.

use std::{path::Path, time::Duration};

use accounting_tests::lab::{ADMINISTRATOR, Daemon};
use anyhow::{Result, ensure};

use crate::{
    daemon, fill,
    load::{Load, Outcome},
    one_each, process,
    process::Syncs,
    report::{self, grouped, judged, line, median, number, quantile},
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Tokens in the store; each is redeemed at most once
    #[arg(long, default_value_t = 600_000)]
    tokens: u64,
    /// Connections, each with one request at a time
    #[arg(long, default_value_t = 512)]
    connections: usize,
    /// Rounds of each kind
    #[arg(long, default_value_t = 5)]
    rounds: u64,
    /// Redemptions of a round
    #[arg(long, default_value_t = 40_000)]
    redemptions: u64,
}

/// Seconds that a round may last.
const ROUND: Duration = Duration::from_secs(30);

/// Seconds of a round with one commit each.
const ONE_EACH: Duration = Duration::from_secs(4);

/// Tokens in the store of that round.
const ONE_EACH_TOKENS: u64 = 50_000;

/// Redemptions before the first round: the sign-in is remembered, files and buffers have grown.
const WARM_UP: u64 = 5_000;

#[derive(Default)]
struct Figures {
    rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    server: Vec<f64>,
    client: Vec<f64>,
    written: Vec<f64>,
    round: Vec<f64>,
    one_each: Vec<f64>,
}

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let wanted = WARM_UP + options.rounds * options.redemptions;
    ensure!(
        wanted <= options.tokens,
        "{wanted} redemptions need more than {} tokens",
        options.tokens
    );
    let devices = u32::try_from(wanted + 1_000)?;
    let lab = daemon::up(binary, devices, options.tokens, 0)?;
    let daemon = lab.daemon()?;
    println!(
        "{} tokens, {} connections, {} rounds of {} redemptions; each its own code and device",
        grouped(number(options.tokens)),
        options.connections,
        options.rounds,
        grouped(number(options.redemptions)),
    );
    daemon::sign_in(daemon)?;
    let mut load = Load::connect(lab.gateway(), daemon.api_address(), options.connections)?;
    let mut order = fill::shuffled(options.tokens);
    let mut writer = Writer::new(daemon);
    checked(load.run(ROUND, writer.requests(&mut order, WARM_UP))?)?;

    let mut figures = Figures::default();
    let (mut syncs, mut commits) = (Some(0), 0.0);
    let this = i32::try_from(std::process::id())?;
    for _ in 0..options.rounds {
        let before = daemon::metric(daemon, "accounting_commit_seconds_count")?;
        let counted = Syncs::of(daemon.pid()?);
        let (server, client) = (process::cpu(daemon.pid()?)?, process::cpu(this)?);
        let written = process::written(daemon.pid()?)?;
        let outcome = checked(load.run(ROUND, writer.requests(&mut order, options.redemptions))?)?;
        let (server, client) = (
            process::cpu(daemon.pid()?)? - server,
            process::cpu(this)? - client,
        );
        syncs = syncs.zip(counted.stop()).map(|(sum, more)| sum + more);
        let rounds = daemon::metric(daemon, "accounting_commit_seconds_count")? - before;
        commits += rounds;
        let redeemed = number(outcome.latencies.len());
        figures.rate.push(redeemed / outcome.took.as_secs_f64());
        figures.p50.push(quantile(&outcome.latencies, 0.5));
        figures.p99.push(quantile(&outcome.latencies, 0.99));
        figures.server.push(server.as_secs_f64() * 1e6 / redeemed);
        let written = process::written(daemon.pid()?)?.saturating_sub(written);
        figures.written.push(number(written) / redeemed);
        figures.client.push(client.as_secs_f64() * 1e6 / redeemed);
        figures.round.push(redeemed / rounds.max(1.0));
        let folder = tempfile::tempdir_in(lab.disk())?;
        figures
            .one_each
            .push(one_each::rate(folder.path(), ONE_EACH_TOKENS, ONE_EACH)?);
    }
    figures.print(syncs, commits, number(options.rounds * options.redemptions));
    Ok(())
}

impl Figures {
    fn print(&self, syncs: Option<u64>, commits: f64, redeemed: f64) {
        let rate = median(&self.rate);
        let p99 = median(&self.p99);
        let ratio = rate / median(&self.one_each);
        judged(
            "redemptions a second, durable",
            grouped(rate),
            "20,000",
            rate >= 20_000.0,
        );
        line(
            "  slowest and fastest round",
            format!(
                "{}, {}",
                grouped(quantile(&self.rate, 0.0)),
                grouped(quantile(&self.rate, 1.0))
            ),
        );
        line("answered within, p50", format!("{:.1} ms", median(&self.p50)));
        judged(
            "answered within, p99",
            format!("{p99:.1} ms"),
            "50 ms",
            p99 < 50.0,
        );
        line(
            "processor time of the daemon for each",
            format!("{:.1} us", median(&self.server)),
        );
        line(
            "processor time of the client for each",
            format!("{:.1} us", median(&self.client)),
        );
        line("bytes written for each", grouped(median(&self.written)));
        line("redemptions in a commit", format!("{:.0}", median(&self.round)));
        let counted = syncs.map_or("not counted: no perf".to_owned(), |syncs| {
            report::grouped(number(syncs))
        });
        line("calls of fdatasync, counted by the kernel's tracepoint", counted);
        line("commits, as the daemon counts them", grouped(commits));
        line("redemptions, all rounds", grouped(redeemed));
        line(
            "one commit each, a second (in process, no HTTP)",
            grouped(median(&self.one_each)),
        );
        judged("ratio", format!("{ratio:.1}"), "5", ratio >= 5.0);
    }
}

/// Every redemption must have been granted, else something else was measured.
fn checked(outcome: Outcome) -> Result<Outcome> {
    ensure!(
        outcome.refused == 0,
        "{} redemptions were refused, such as: {}",
        outcome.refused,
        outcome.refusal
    );
    Ok(outcome)
}

/// Writes requests to redeem.
pub(crate) struct Writer {
    head: String,
}

impl Writer {
    /// Signed in as the administrator.
    pub(crate) fn new(daemon: &Daemon) -> Self {
        let credentials =
            accounting_tests::lab::base64(format!("{ADMINISTRATOR}:{}", daemon.password()).as_bytes());
        Self {
            head: format!(
                "POST /v1/redemptions HTTP/1.1\r\nHost: gateway\r\nAuthorization: Basic {credentials}\r\n\
                 Content-Type: application/json\r\nContent-Length: "
            ),
        }
    }

    /// The next `count` redemptions in an order.
    pub(crate) fn requests<'a>(
        &'a mut self,
        order: &'a mut impl Iterator<Item = u64>,
        count: u64,
    ) -> impl FnMut(&mut Vec<u8>) -> bool + 'a {
        let mut left = count;
        move |request| {
            let Some(number) = (left > 0).then(|| order.next()).flatten() else {
                return false;
            };
            left -= 1;
            let code = fill::code(number + 1);
            let mac = fill::device(number).mac;
            let body = format!("{{\"AccessCode\":\"{code}\",\"MacAddress\":\"{mac}\"}}");
            request.extend_from_slice(self.head.as_bytes());
            request.extend_from_slice(format!("{}\r\n\r\n{body}", body.len()).as_bytes());
            true
        }
    }
}

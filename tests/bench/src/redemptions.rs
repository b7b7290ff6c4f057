//! Durable redemptions over HTTP: the real daemon, gate and disk, every redemption another code and another device.
//!
//! Rounds with group commit and rounds with one commit each take turns, so that what else the machine does meets both.

use std::{path::Path, time::Duration};

use accounting_tests::lab::Daemon;
use anyhow::{Result, ensure};

use crate::{
    daemon, fill,
    load::Load,
    one_each,
    process::{self, Syncs},
    report::{self, grouped, judged, line, median, number},
    rounds::Rounds,
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
    rounds: Rounds,
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
    load.run(ROUND, writer.requests(&mut order, WARM_UP))?.granted()?;

    let mut figures = Figures::default();
    let (mut syncs, mut commits) = (Some(0), 0.0);
    for _ in 0..options.rounds {
        let before = daemon::metric(daemon, "accounting_commit_seconds_count")?;
        let counted = Syncs::of(daemon.pid()?);
        let written = process::written(daemon.pid()?)?;
        let redeemed = figures.rounds.measure(daemon, || {
            load.run(ROUND, writer.requests(&mut order, options.redemptions))
        })?;
        syncs = syncs.zip(counted.stop()).map(|(sum, more)| sum + more);
        let rounds = daemon::metric(daemon, "accounting_commit_seconds_count")? - before;
        commits += rounds;
        let written = process::written(daemon.pid()?)?.saturating_sub(written);
        figures.written.push(number(written) / redeemed);
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
        let ratio = self.rounds.rate() / median(&self.one_each);
        self.rounds
            .print("redemptions a second, durable", 20_000.0, Some(50.0));
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

/// Writes requests to redeem.
pub(crate) struct Writer {
    head: String,
}

impl Writer {
    /// Signed in as the administrator.
    pub(crate) fn new(daemon: &Daemon) -> Self {
        let authorization = daemon.authorization();
        Self {
            head: format!(
                "POST /v1/redemptions HTTP/1.1\r\nHost: gateway\r\nAuthorization: {authorization}\r\n\
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

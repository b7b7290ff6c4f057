//! Memory of the daemon: what an online session takes, and what a token takes that nobody uses.
//!
//! Counted is anonymous memory that is present (`RssAnon`): neither the program's file nor the maps shared with the kernel.

use std::{path::Path, time::Duration};

use accounting_tests::lab::Lab;
use anyhow::{Result, ensure};

use crate::{
    daemon, fill,
    load::Load,
    process,
    redemptions::Writer,
    report::{grouped, judged, line, number},
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Sessions that are opened
    #[arg(long, default_value_t = 100_000)]
    sessions: u64,
    /// Tokens that nobody uses
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u64,
}

const CONNECTIONS: usize = 256;

/// Sessions before the first look: buffers and caches have grown.
const WARM_UP: u64 = 20_000;

const LIMIT: Duration = Duration::from_secs(120);

/// Until what was freed at the start is given back or used again.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let devices = u32::try_from(WARM_UP + options.sessions + 1_000)?;
    let few = WARM_UP + options.sessions;
    let lab = daemon::up(binary, devices, few, 0)?;
    let empty = memory(&lab)?;
    let mut order = fill::shuffled(few);
    redeem(&lab, &mut order, WARM_UP)?;
    let warm = memory(&lab)?;
    redeem(&lab, &mut order, options.sessions)?;
    let online = memory(&lab)?;
    let each = (online - warm) / number(options.sessions);
    line("bytes at start, no session", grouped(empty));
    line("  with 20,000 sessions", grouped(warm));
    line(
        &format!("  with {} more", grouped(number(options.sessions))),
        grouped(online),
    );
    judged(
        "bytes for each of those",
        format!("{each:.0}"),
        "400",
        each <= 400.0,
    );

    let daemon = lab.daemon()?;
    daemon.kill9()?;
    daemon.start()?;
    let again = memory(&lab)?;
    let each = (again - empty) / number(few);
    line(
        "bytes after kill -9 and start, all sessions restored",
        grouped(again),
    );
    judged(
        "bytes for each of those",
        format!("{each:.0}"),
        "400",
        each <= 400.0,
    );
    drop(lab);

    let lab = daemon::up(binary, devices, options.tokens, 0)?;
    let many = memory(&lab)?;
    let more = number(options.tokens - few.min(options.tokens));
    let each = (many - empty) / more.max(1.0);
    line(
        &format!(
            "bytes at start with {} tokens, no session",
            grouped(number(options.tokens))
        ),
        grouped(many),
    );
    judged(
        "bytes for each token more that nobody uses",
        format!("{each:.1}"),
        "0, give or take 16",
        each <= 16.0,
    );
    Ok(())
}

fn memory(lab: &Lab) -> Result<f64> {
    daemon::ready(lab, LIMIT)?;
    std::thread::sleep(SETTLE);
    Ok(number(process::memory(lab.daemon()?.pid()?)?))
}

fn redeem(lab: &Lab, order: &mut impl Iterator<Item = u64>, count: u64) -> Result<()> {
    let daemon = lab.daemon()?;
    daemon::sign_in(daemon)?;
    let mut load = Load::connect(lab.gateway(), daemon.api_address(), CONNECTIONS)?;
    let outcome = load.run(LIMIT, Writer::new(daemon).requests(order, count))?;
    ensure!(outcome.refused == 0, "refused: {}", outcome.refusal);
    ensure!(
        u64::try_from(outcome.latencies.len())? == count,
        "{} of {count} redemptions in {} s",
        outcome.latencies.len(),
        LIMIT.as_secs()
    );
    Ok(())
}

//! A start with a full store: from exec to ready, while the gate goes on enforcing what was pinned before.
//!
//! The daemon is killed and started again; a device that is online sends 1,000 packets a second all the while, and those
//! that do not arrive are counted.

use std::{path::Path, time::Duration};

use accounting_tests::lab::{Capture, DISCARD_PORT, Filter, Flow, Lab, Nonce, Pace, site, started_at};
use anyhow::{Context, Result, anyhow, ensure};
use serde_json::json;

use crate::{
    daemon, fill, process,
    report::{grouped, judged, line, median, number, quantile},
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Tokens in the store
    #[arg(long, default_value_t = 1_000_000)]
    tokens: u64,
    /// Open sessions
    #[arg(long, default_value_t = 100_000)]
    sessions: u64,
    /// Starts
    #[arg(long, default_value_t = 5)]
    rounds: usize,
}

const PATIENCE: Duration = Duration::from_secs(60);

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let devices = u32::try_from(options.sessions + 1_000)?;
    let lab = daemon::up(binary, devices, options.tokens, options.sessions)?;
    let daemon = lab.daemon()?;
    daemon::ready(&lab, PATIENCE)?;
    admit(&lab, options.sessions + 1)?;
    let sized = std::fs::metadata(daemon.data().join("accounting.redb"))?.len();
    println!(
        "{} tokens, {} open sessions, a store of {} bytes; {} starts after kill -9",
        grouped(number(options.tokens)),
        grouped(number(options.sessions)),
        grouped(number(sized)),
        options.rounds,
    );
    let (mut starts, mut times, mut sent, mut lost) = (Vec::new(), Vec::new(), 0, 0);
    for _ in 0..options.rounds {
        let nonce = Nonce::draw()?;
        let witness = Capture::start(lab.internet(), site::ISP, Filter::Nonce(nonce))?;
        let client = lab.client(1)?;
        let server = (site::INTERNET_IP4, DISCARD_PORT).into();
        let flow = Flow::start(
            client.namespace(),
            client.ip4()?.into(),
            server,
            Pace::steady(nonce),
        )?;
        std::thread::sleep(Duration::from_millis(300));
        daemon.kill9()?;
        let (took, cpu) = start(&lab)?;
        starts.push(took);
        times.push(cpu);
        std::thread::sleep(Duration::from_millis(300));
        let count = flow.stop();
        std::thread::sleep(Duration::from_millis(100));
        ensure!(witness.lost() == 0, "the witness had no room for all frames");
        sent += count;
        lost += count - number_of(witness.stop().iter().filter(|frame| !frame.outgoing).count());
    }
    let took = median(&starts);
    judged(
        "seconds from exec to ready, median",
        format!("{took:.2}"),
        "2",
        took <= 2.0,
    );
    line(
        "seconds, fastest and slowest",
        format!("{:.2}, {:.2}", quantile(&starts, 0.0), quantile(&starts, 1.0)),
    );
    line(
        "processor time of the start, seconds",
        format!("{:.2}", median(&times)),
    );
    line("packets of an online device meanwhile", grouped(number(sent)));
    judged("  lost", lost, "0", lost == 0);
    Ok(())
}

fn number_of(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}

/// Lets the lab's client in by the code of a token that nobody uses.
fn admit(lab: &Lab, token: u64) -> Result<()> {
    let body = json!({"AccessCode": fill::code(token), "MacAddress": lab.client(1)?.mac_text()});
    let answer = lab.daemon()?.api("POST", "/v1/redemptions", Some(&body))?;
    ensure!(answer.status == 200, "the client was refused: {}", answer.text());
    Ok(())
}

/// Starts the daemon: seconds from its exec until it is ready, and seconds of processor time until then.
fn start(lab: &Lab) -> Result<(f64, f64)> {
    let daemon = lab.daemon()?;
    let ready = std::thread::scope(|scope| {
        let asking = scope.spawn(|| daemon::ready(lab, PATIENCE));
        daemon.start()?;
        asking.join().map_err(|_panic| anyhow!("a thread panicked"))?
    })?;
    let id = daemon.pid()?;
    let ticks = started_at(id).context("the daemon ended")?;
    // In ticks of 10 ms as a rule: the figure is up to one tick too large.
    let second = rustix::param::clock_ticks_per_second();
    let started = Duration::from_millis(ticks * 1_000 / second.max(1));
    let cpu = process::cpu(id)?;
    Ok((ready.saturating_sub(started).as_secs_f64(), cpu.as_secs_f64()))
}

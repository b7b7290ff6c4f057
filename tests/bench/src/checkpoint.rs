//! What a checkpoint costs, at few and at many open sessions: the real daemon with nothing to do but that, seen by the
//! kernel.

use std::{path::Path, time::Duration};

use accounting_tests::clock;
use anyhow::{Result, ensure};

use crate::{
    daemon,
    process::{self, Syncs},
    report::{grouped, judged, line, number},
};

/// How much is measured.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Open sessions, the smaller number
    #[arg(long, default_value_t = 10)]
    few: u64,
    /// Open sessions, the larger number
    #[arg(long, default_value_t = 100_000)]
    many: u64,
    /// Seconds of watching, each
    #[arg(long, default_value_t = 41)]
    seconds: u64,
}

/// Seconds between two checkpoints, as the daemon is made.
const INTERVAL: f64 = 5.0;

#[derive(Clone, Copy)]
struct Cost {
    milliseconds: f64,
    bytes: f64,
}

/// Measures and prints.
pub(crate) fn run(binary: &Path, options: &Options) -> Result<()> {
    let few = watch(binary, options.few, options.seconds)?;
    let many = watch(binary, options.many, options.seconds)?;
    let (time, bytes) = (many.milliseconds / few.milliseconds, many.bytes / few.bytes);
    judged(
        "bytes written, many to few",
        format!("{bytes:.2}"),
        "about 1",
        (0.5..2.0).contains(&bytes),
    );
    line("time of a commit, many to few", format!("{time:.2}"));
    let day = many.bytes * 86_400.0 / INTERVAL;
    judged(
        "bytes a day for checkpoints",
        grouped(day),
        "1,000,000,000",
        day < 1e9,
    );
    Ok(())
}

fn watch(binary: &Path, sessions: u64, seconds: u64) -> Result<Cost> {
    let devices = u32::try_from(sessions + 1_000)?;
    let lab = daemon::up(binary, devices, sessions, sessions)?;
    daemon::ready(&lab, Duration::from_secs(60))?;
    // The commits of the start are over.
    std::thread::sleep(Duration::from_secs(6));
    let daemon = lab.daemon()?;
    let id = daemon.pid()?;
    let metrics = || -> Result<(f64, f64, f64)> {
        Ok((
            daemon::metric(daemon, "accounting_commit_seconds_count")?,
            daemon::metric(daemon, "accounting_commit_seconds_sum")?,
            daemon::metric(daemon, "accounting_commands_committed_total")?,
        ))
    };
    let counted = Syncs::of(id);
    let (before, cpu, bytes) = (metrics()?, process::cpu(id)?, process::written(id)?);
    let start = clock::monotonic();
    clock::sleep_until(start + Duration::from_secs(seconds));
    let (after, cpu, bytes) = (metrics()?, process::cpu(id)? - cpu, process::written(id)? - bytes);
    let syncs = counted.stop();
    let commits = after.0 - before.0;
    ensure!(commits > 0.0, "there was no checkpoint in {seconds} s");
    let cost = Cost {
        milliseconds: (after.1 - before.1) * 1_000.0 / commits,
        bytes: number(bytes) / commits,
    };
    println!("{} open sessions, {seconds} s", grouped(number(sessions)));
    line("  checkpoints", commits);
    line("  rows besides the checkpoint's one", after.2 - before.2);
    line(
        "  calls of fdatasync for each",
        syncs.map_or("not counted".to_owned(), |syncs| {
            format!("{:.1}", number(syncs) / commits)
        }),
    );
    line(
        "  milliseconds for each commit",
        format!("{:.2}", cost.milliseconds),
    );
    line("  bytes written for each", grouped(cost.bytes));
    line(
        "  processor time of the daemon, milliseconds a second",
        format!("{:.2}", cpu.as_secs_f64() * 1_000.0 / number(seconds)),
    );
    Ok(cost)
}

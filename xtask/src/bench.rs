//! `cargo xtask bench <what>`: figures, with the machine they were taken on.

use std::process::{Command, ExitCode};

use accounting_tests::lab::build_program;
use anyhow::{Context, Result};

use crate::verdict;

/// Arguments of `cargo xtask bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(clap::Subcommand)]
enum What {
    /// Nanoseconds for each frame that the programs decide about (needs root)
    Verdict,
    /// Durable redemptions over HTTP, against one commit each
    Redemptions(More),
    /// Pages of the portal while 10,000 guests are online, asked for through the gate
    Portal(More),
    /// The counters of 1,000,000 sessions through shared memory, against walking the maps
    Sweep(More),
    /// Bytes of daemon memory for an online session, and for a token that nobody uses
    Memory(More),
    /// Taking a token from 500 devices: one store, against removing each
    Revoke(More),
    /// From exec to ready with 1,000,000 tokens and 100,000 sessions, the gate enforcing meanwhile
    Start(More),
    /// What a checkpoint costs at 10 and at 100,000 open sessions
    Checkpoint(More),
    /// What 100,000 parked devices cost each second
    Parked(More),
    /// How late traffic stops after the deadline, daemon alive and killed
    Lateness(More),
    /// Records by Id over HTTP among 1,000,000
    Reads(More),
    /// 1,000,000 tokens in bulk, and as a table
    Bulk(More),
    /// Pages, look-ups and walks over 1,000,000 records
    List(More),
}

/// All but the first need root, and measure a daemon built with optimisation.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
struct More {
    /// Passed on; --help shows them
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    options: Vec<String>,
}

/// Runs a benchmark; its exit status.
///
/// # Errors
///
/// When it cannot run here.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let (what, more) = match &args.what {
        What::Verdict => return verdict().map(|()| ExitCode::SUCCESS),
        What::Redemptions(more) => ("redemptions", more),
        What::Portal(more) => ("portal", more),
        What::Sweep(more) => ("sweep", more),
        What::Memory(more) => ("memory", more),
        What::Revoke(more) => ("revoke", more),
        What::Start(more) => ("start", more),
        What::Checkpoint(more) => ("checkpoint", more),
        What::Parked(more) => ("parked", more),
        What::Lateness(more) => ("lateness", more),
        What::Reads(more) => ("reads", more),
        What::Bulk(more) => ("bulk", more),
        What::List(more) => ("list", more),
    };
    let daemon = build_program("accounting-daemon", &["--release"])?;
    let bench = build_program("accounting-bench", &["--release"])?;
    let mut command = Command::new(&bench);
    command.arg("--daemon").arg(daemon).arg(what).args(&more.options);
    let status = command
        .status()
        .with_context(|| format!("cannot start {}", bench.display()))?;
    Ok(if status.success() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn verdict() -> Result<()> {
    let system = rustix::system::uname();
    println!(
        "Linux {}, {}",
        system.release().to_string_lossy(),
        system.machine().to_string_lossy()
    );
    verdict::run()
}

//! `cargo xtask bench <what>`: figures, with the machine they were taken on.

use crate::verdict;
use anyhow::Result;

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
}

/// Runs a benchmark.
///
/// # Errors
///
/// When it cannot run here.
pub(crate) fn run(args: &Args) -> Result<()> {
    let system = rustix::system::uname();
    println!(
        "Linux {}, {}",
        system.release().to_string_lossy(),
        system.machine().to_string_lossy()
    );
    match args.what {
        What::Verdict => verdict::run(),
    }
}

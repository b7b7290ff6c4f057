//! `cargo xtask sim`: the simulator is a program of its own, for this one must build when the daemon does not.

use accounting_tests::lab::cargo;
use anyhow::{Result, ensure};

/// Arguments of `cargo xtask sim`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Break each rule in turn, and fail where nobody notices
    #[arg(long)]
    mutants: bool,
    /// See `cargo xtask sim -- --help`: --seed N, --steps N, --seeds N, --seconds N
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds and runs the simulator.
///
/// # Errors
/// When daemon and auditor disagree; the simulator has said why.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut cargo = cargo();
    cargo.args(["run", "--quiet", "--locked", "--package", "accounting-simulator"]);
    if args.mutants {
        cargo.args(["--features", "mutants", "--bin", "mutants"]);
    } else {
        cargo.args(["--bin", "simulate"]);
    }
    let status = cargo.arg("--").args(&args.rest).status()?;
    ensure!(status.success(), "the simulator found a difference");
    Ok(())
}

//! `cargo xtask fuzz`: a program of its own, since only it builds the daemon with what the fuzzer feeds.

use std::process::Command;

use anyhow::{Result, ensure};

/// Arguments of `cargo xtask fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// See `cargo xtask fuzz -- --help`: --seconds N, --seed N, --target NAME
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    rest: Vec<String>,
}

/// Builds and runs the fuzzer.
///
/// # Errors
/// When something panicked; its input is kept in the corpus.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args([
        "run",
        "--quiet",
        "--locked",
        "--package",
        "accounting-fuzz",
        "--features",
        "targets",
        "--",
    ]);
    let status = cargo.args(&args.rest).status()?;
    ensure!(status.success(), "the fuzzer found a panic");
    Ok(())
}

//! The command line.

mod detach;
mod serve;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::telemetry::{self, FILTER_DEFAULT, LogFormat};

/// Keeps the minutes of a hotspot's guests, and the gate that ends them.
#[derive(Debug, Parser)]
#[command(name = "accounting-daemon", version)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    /// What is logged: a level, or levels by module such as `info,accounting_daemon::gate=debug`
    #[arg(long, global = true, env = "ACCOUNTING_LOG", default_value = FILTER_DEFAULT)]
    log: String,

    /// How log lines are written
    #[arg(
        long,
        global = true,
        env = "ACCOUNTING_LOG_FORMAT",
        value_enum,
        default_value_t
    )]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the daemon
    Serve(serve::Serve),
    /// Take the gate down on purpose, while the daemon is stopped
    Detach(detach::Detach),
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = telemetry::init(&cli.log, cli.log_format)
        .map_err(anyhow::Error::from)
        .and_then(|()| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            match cli.command {
                Command::Serve(command) => runtime.block_on(command.run()),
                Command::Detach(command) => runtime.block_on(command.run()),
            }
        });
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

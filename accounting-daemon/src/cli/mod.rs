//! The command line.
//!
//! `serve`, `detach`, `restore` and `doctor` work on this machine; all others ask the running daemon over its Unix socket,
//! by the same API that everybody uses.

mod access;
mod audit;
mod backup;
mod daemon;
mod detach;
mod doctor;
mod events;
mod failure;
#[cfg(test)]
mod fake;
mod files;
mod generate;
mod human;
mod paged;
mod people;
mod progress;
mod query;
mod serve;
mod session;
mod show;
mod status;
mod token;
mod usage;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::telemetry::{self, FILTER_DEFAULT, FILTER_VARIABLE, LogFormat};
use daemon::{Daemon, Reach};
use failure::EXIT_STATUS;
use show::Output;

/// Where help lists the options that all commands have.
const EVERYWHERE: &str = "Options of every command";

/// Keeps the minutes of a hotspot's guests, and the gate that ends them.
#[derive(Debug, Parser)]
#[command(name = "accounting-daemon", version, after_help = EXIT_STATUS, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    reach: Reach,

    #[command(flatten)]
    output: Output,

    /// What is logged: a level, or levels by module such as `info,accounting_daemon::gate=debug`
    #[arg(
        long,
        value_name = "FILTER",
        global = true,
        env = FILTER_VARIABLE,
        default_value = FILTER_DEFAULT,
        help_heading = EVERYWHERE
    )]
    log: String,

    /// How log lines are written
    #[arg(
        long,
        value_name = "FORMAT",
        global = true,
        env = "ACCOUNTING_LOG_FORMAT",
        value_enum,
        default_value_t,
        help_heading = EVERYWHERE
    )]
    log_format: LogFormat,
}

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Serve),
    Detach(detach::Detach),
    Status(status::Status),
    /// Make, list, change and delete access tokens
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// See who is online, let a device in, end its session
    #[command(subcommand)]
    Session(session::SessionCommand),
    Usage(usage::Usage),
    /// Devices that pass without a code
    #[command(subcommand)]
    Bypass(access::AccessCommand),
    /// Devices that never pass
    #[command(subcommand)]
    Block(access::AccessCommand),
    /// People who may sign in
    #[command(subcommand)]
    User(people::UserCommand),
    /// Machines that may sign in
    #[command(subcommand)]
    Client(people::ClientCommand),
    Audit(audit::Audit),
    Doctor(doctor::Doctor),
    Backup(backup::Backup),
    Restore(backup::Restore),
    Completions(generate::Completions),
    Man(generate::Man),
}

/// What commands that ask the daemon work with.
#[derive(Clone, Debug)]
struct Console {
    daemon: Daemon,
    output: Output,
}

/// Runs the command that the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = telemetry::init(&cli.log, cli.log_format)
        .map_err(anyhow::Error::from)
        .and_then(|()| {
            let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
            runtime.block_on(run(cli))
        });
    match done {
        Ok(code) => code,
        Err(error) if failure::reader_gone(&error) => ExitCode::SUCCESS,
        Err(error) => {
            // What the daemon refused may hold what somebody typed, or a cell of a table.
            let lines: Vec<_> = failure::sentence(&error).lines().map(show::harmless).collect();
            eprintln!("error: {}", lines.join("\n"));
            failure::exit_code(&error)
        }
    }
}

async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    let Cli {
        command,
        reach,
        output,
        ..
    } = cli;
    let console = || -> anyhow::Result<Console> {
        let daemon = reach.daemon()?;
        Ok(Console { daemon, output })
    };
    match command {
        Command::Serve(command) => command.run(&reach).await?,
        Command::Detach(command) => command.run(&reach).await?,
        Command::Status(command) => return command.run(&console()?).await,
        Command::Token(command) => command.run(&console()?).await?,
        Command::Session(command) => command.run(&console()?).await?,
        Command::Usage(command) => command.run(&console()?).await?,
        Command::Bypass(command) => command.run(&console()?, "bypass").await?,
        Command::Block(command) => command.run(&console()?, "block").await?,
        Command::User(command) => command.run(&console()?).await?,
        Command::Client(command) => command.run(&console()?).await?,
        Command::Audit(command) => command.run(&console()?).await?,
        Command::Doctor(command) => return command.run(&reach, output).await,
        Command::Backup(command) => command.run(&console()?).await?,
        Command::Restore(command) => command.run(&reach, output).await?,
        Command::Completions(command) => command.run()?,
        Command::Man(command) => command.run()?,
    }
    Ok(ExitCode::SUCCESS)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_option_says_what_it_is() {
        fn look(command: &clap::Command) {
            let name = command.get_name();
            assert!(command.get_about().is_some(), "{name}");
            for option in command.get_arguments() {
                assert!(option.get_help().is_some(), "{name} {}", option.get_id());
            }
            command.get_subcommands().for_each(look);
        }
        look(&Cli::command());
        // What is lost by it stands where people look before they do it.
        let mut cli = Cli::command();
        let restore = cli.find_subcommand_mut("restore").unwrap();
        assert!(restore.render_long_help().to_string().contains("forgotten"));
    }

    #[test]
    fn where_the_daemon_is_can_be_said_before_and_after_the_command() {
        for line in [
            "--socket /s token list",
            "token list --socket /s",
            "token --socket /s list --json",
        ] {
            let words = std::iter::once("accounting-daemon").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }
}

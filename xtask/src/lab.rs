//! `cargo xtask lab`: a network of namespaces, and a command that is told where everything is.

use std::process::ExitCode;

use accounting_tests::lab::{Lab as Network, Options, build_daemon, clean, run_command, variables};
use anyhow::Result;

/// Bring a hotspot's network up, run a command with the LAB_ variables, take it down
#[derive(clap::Args)]
pub(crate) struct Lab {
    /// How many clients
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u8).range(1..=200))]
    clients: u8,
    /// Without the daemon: no gate, everything passes
    #[arg(long)]
    no_daemon: bool,
    /// Only remove what labs left whose owner was killed
    #[arg(long, conflicts_with_all = ["clients", "no_daemon", "command"])]
    clean: bool,
    /// The command and its arguments; without one, an interactive shell
    #[arg(last = true, value_name = "COMMAND")]
    command: Vec<String>,
}

impl Lab {
    /// Ends with the command's exit status, 128 + signal when a signal ended it.
    pub(crate) fn run(self) -> Result<ExitCode> {
        if self.clean {
            for id in clean()? {
                println!("removed lab {id}");
            }
            return Ok(ExitCode::SUCCESS);
        }
        let daemon = if self.no_daemon {
            None
        } else {
            Some(build_daemon()?)
        };
        let options = Options {
            clients: self.clients.into(),
            daemon,
            answers: true,
            ..Options::default()
        };
        let lab = Network::up(&options)?;
        let status = match self.command.split_first() {
            Some((program, arguments)) => run_command(&lab, program, arguments)?,
            None => {
                for (name, value) in variables(&lab)? {
                    println!("{name}={value}");
                }
                println!("the lab is up; leave this shell to take it down");
                run_command(
                    &lab,
                    &std::env::var("SHELL").unwrap_or_else(|_| "/bin/sh".into()),
                    &[],
                )?
            }
        };
        Ok(ExitCode::from(status))
    }
}

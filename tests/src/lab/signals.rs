//! SIGINT, SIGTERM and SIGHUP take the labs of this process down before it dies of them.

use std::io::IsTerminal;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Signal, WaitOptions, waitpid};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;
use signal_hook::low_level::emulate_default_handler;

use super::cleanup;
use super::process::Process;

/// How long the command may take to end after a signal.
const GRACE: Duration = Duration::from_secs(5);

/// The command that runs with the lab, if one does.
static COMMAND: Mutex<Option<Process>> = Mutex::new(None);

/// Starts the thread that waits for signals; once a process.
///
/// # Errors
/// When the handlers cannot be registered.
pub(super) fn watch() -> Result<()> {
    static WATCHED: OnceLock<Result<(), String>> = OnceLock::new();
    let watched = WATCHED.get_or_init(|| {
        let mut signals = Signals::new([SIGHUP, SIGINT, SIGTERM]).map_err(|error| error.to_string())?;
        let body = move || {
            for signal in signals.forever() {
                end_command(signal);
                cleanup::abandon();
                // The machine's first process may never do it.
                while let Ok(Some(_reaped)) = waitpid(None, WaitOptions::NOHANG) {}
                if let Err(error) = emulate_default_handler(signal) {
                    eprintln!("lab: cannot end by signal {signal}: {error}");
                }
            }
        };
        let thread = std::thread::Builder::new().name("lab-signals".into()).spawn(body);
        thread.map(drop).map_err(|error| error.to_string())
    });
    watched
        .clone()
        .map_err(anyhow::Error::msg)
        .context("cannot watch for signals")
}

/// Names the command that a signal is passed on to.
pub(super) fn set_command(command: Option<Process>) {
    *COMMAND.lock().unwrap_or_else(PoisonError::into_inner) = command;
}

fn end_command(signal: i32) {
    let Some(command) = COMMAND.lock().unwrap_or_else(PoisonError::into_inner).take() else {
        return;
    };
    // The terminal has already told the command about Ctrl-C.
    let told = signal == SIGINT && std::io::stdin().is_terminal();
    if !told && let Some(signal) = Signal::from_named_raw(signal) {
        let _gone = command.signal(signal);
    }
    if !command.ended_within(GRACE) {
        let _gone = command.signal(Signal::KILL);
    }
}

//! Programs of the system that the lab calls.

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use anyhow::{Context, Result, bail};

/// Administrators' programs are not in everybody's path.
const EXTRA: &str = "/usr/local/sbin:/usr/sbin:/sbin";

/// The search path with the administrators' folders at its end.
pub(crate) fn path() -> String {
    match std::env::var("PATH") {
        Ok(path) => format!("{path}:{EXTRA}"),
        Err(_) => format!("/usr/local/bin:/usr/bin:/bin:{EXTRA}"),
    }
}

/// Where `program` is, or `None` when it is not installed.
pub fn find(program: &str) -> Option<PathBuf> {
    path()
        .split(':')
        .map(|folder| PathBuf::from(folder).join(program))
        .find(|file| file.is_file())
}

/// A command that is looked up in [`path`] and reads nothing.
pub(crate) fn tool(program: &str) -> Command {
    let mut command = Command::new(program);
    command.env("PATH", path()).stdin(Stdio::null());
    command
}

/// Runs a command to its end and gives what it printed.
///
/// # Errors
/// When it cannot be started or ends with another status than 0; the error carries what it wrote to stderr.
pub fn run(command: &mut Command) -> Result<Output> {
    let output = command
        .output()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    checked(command, output)
}

/// The same, with `input` on its stdin.
///
/// # Errors
/// As [`run`].
pub fn run_with(command: &mut Command, input: &str) -> Result<Output> {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {}", shown(command)))?;
    if let Some(mut stdin) = child.stdin.take() {
        // A program that ends before it has read everything says why on stderr.
        let _unread = stdin.write_all(input.as_bytes());
    }
    let output = child
        .wait_with_output()
        .with_context(|| format!("cannot wait for {}", shown(command)))?;
    checked(command, output).with_context(|| format!("its input was:\n{input}"))
}

fn checked(command: &Command, output: Output) -> Result<Output> {
    if output.status.success() {
        return Ok(output);
    }
    let words = String::from_utf8_lossy(&output.stderr);
    bail!(
        "{} ended with {}: {}",
        shown(command),
        output.status,
        words.trim()
    )
}

fn shown(command: &Command) -> String {
    let mut words = vec![command.get_program().to_string_lossy().into_owned()];
    words.extend(command.get_args().map(|word| word.to_string_lossy().into_owned()));
    words.join(" ")
}

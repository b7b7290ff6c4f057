//! Builds the daemon that a lab runs, and other programs of this workspace.

use std::io::IsTerminal;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};
use serde_json::Value;

/// Builds the daemon with the cargo that runs this process and gives the path of the binary. Cargo's own words go to
/// stderr.
///
/// # Errors
/// When it does not build.
pub fn daemon() -> Result<PathBuf> {
    program("accounting-daemon", &[])
}

/// The daemon as the version to come, whose store the present one does not know.
///
/// # Errors
/// When it does not build.
pub fn next_daemon() -> Result<PathBuf> {
    let next = "accounting-daemon-next";
    binary("accounting-daemon", next, &["--features", "next"])
}

/// The same for the program of this name in the package of that name, with further options such as `--release`.
///
/// # Errors
/// When it does not build.
pub fn program(name: &str, options: &[&str]) -> Result<PathBuf> {
    binary(name, name, options)
}

/// The cargo that runs this process.
#[must_use]
pub fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    // What it says of this package would make others build anew that watch these variables, as ring does.
    for (name, _) in std::env::vars_os() {
        let about_this = |name: &str| name.starts_with("CARGO_PKG_") || name.starts_with("CARGO_MANIFEST_");
        if name.to_str().is_some_and(about_this) {
            command.env_remove(name);
        }
    }
    command
}

fn binary(package: &str, name: &str, options: &[&str]) -> Result<PathBuf> {
    let mut command = cargo();
    command.args(["build", "--locked", "--package", package, "--bin", name]);
    // People who wait for minutes see what for.
    if !std::io::stderr().is_terminal() {
        command.arg("--quiet");
    }
    command.args(options);
    command.arg("--message-format=json-render-diagnostics");
    // The manifest of this crate, so that it works from any folder.
    command
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit());
    let output = command.output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("{name} does not build");
    }
    let messages = String::from_utf8_lossy(&output.stdout);
    let binary = messages
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .find_map(|message| {
            let named = message["target"]["name"] == name;
            named.then(|| message["executable"].as_str().map(PathBuf::from))?
        });
    binary.with_context(|| format!("cargo built {name} but does not say where it is"))
}

//! The black-box handle: a command on the host that is told where everything is, by `LAB_` variables.

use std::os::unix::process::ExitStatusExt;
use std::process::Command;

use anyhow::{Context, Result};

use super::process::Process;
use super::site::{INTERNET_IP4, INTERNET_IP6};
use super::{Lab, cleanup, daemon, signals};

/// The variables that describe a lab, names and values. Those of the daemon only when there is one.
///
/// # Errors
/// When the daemon does not run.
pub fn variables(lab: &Lab) -> Result<Vec<(String, String)>> {
    let mut variables: Vec<(String, String)> = Vec::new();
    let mut set = |name: &str, value: &str| variables.push((format!("LAB_{name}"), value.to_owned()));
    set("GATEWAY_NS", lab.gateway().name());
    set("INTERNET_NS", lab.internet().name());
    set("INTERNET_IP4", &INTERNET_IP4.to_string());
    set("INTERNET_IP6", &INTERNET_IP6.to_string());
    for client in lab.clients() {
        let name = match client.number() {
            1 => "CLIENT".to_owned(),
            number => format!("CLIENT{number}"),
        };
        set(&format!("{name}_NS"), client.namespace().name());
        set(&format!("{name}_IF"), client.interface());
        set(&format!("{name}_MAC"), &client.mac_text());
    }
    if let Some(daemon) = lab.installed_daemon() {
        set("API", &format!("http://{}", daemon.api_address()));
        set("PORTAL", &format!("http://{}", daemon.portal_address()));
        set("ADMIN_USER", daemon::ADMINISTRATOR);
        set("ADMIN_PASSWORD", daemon.password());
        set("DAEMON_PID", &daemon.pid()?.to_string());
        set("CONFIG", &daemon.config().display().to_string());
        set("DATA", &daemon.data().display().to_string());
        set("DAEMON_START", &daemon.start_command()?);
    }
    Ok(variables)
}

/// Runs a command with the variables to its end, and gives its exit status: 128 + signal when a signal ended it.
///
/// # Errors
/// When it cannot be started.
pub fn run(lab: &Lab, program: &str, arguments: &[String]) -> Result<u8> {
    let mut command = Command::new(program);
    command.args(arguments).envs(variables(lab)?);
    let mut child = command
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let process = Process::open(i32::try_from(child.id())?)?;
    cleanup::record_command(&lab.footprint.state(), &process)?;
    signals::set_command(Some(process));
    let status = child.wait();
    signals::set_command(None);
    let status = status.with_context(|| format!("cannot wait for {program}"))?;
    let code = status
        .code()
        .unwrap_or_else(|| 128 + status.signal().unwrap_or(0));
    Ok(u8::try_from(code).unwrap_or(u8::MAX))
}

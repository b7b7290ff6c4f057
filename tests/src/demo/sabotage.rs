//! How a step is broken on purpose: by deeds on the lab, never by a word to the judge.

use anyhow::{Context, Result};

use super::api;
use super::cast::PHONE;
use super::stage::Stage;
use crate::lab::{run, run_with};

/// Keeps devices from getting addresses.
pub(super) fn silence_dhcp(stage: &Stage) -> Result<()> {
    let rules = "table inet sabotage {\n\
         chain input {\n\
         type filter hook input priority 0;\n\
         udp dport { 67, 547 } drop\n\
         icmpv6 type nd-router-solicit drop\n\
         }\n\
         }\n";
    run_with(stage.lab.gateway().command("nft").args(["-f", "-"]), rules)?;
    Ok(())
}

/// Takes the gate down for good; the daemon, which would put it up again, first.
pub(super) fn open_gate(stage: &Stage) -> Result<()> {
    let daemon = stage.daemon()?;
    if daemon.pid().is_ok() {
        daemon.kill9()?;
    }
    let binary = stage.binary.to_str();
    let binary = binary.context("the daemon's path is not text")?;
    let mut command = stage.lab.gateway().command(binary);
    run(command
        .arg("detach")
        .arg("--config")
        .arg(daemon.config())
        .arg("--open"))?;
    Ok(())
}

/// Disconnects all that share the minute but the phone, which moves its end.
pub(super) fn disconnect_others(stage: &Stage) -> Result<()> {
    for number in stage.sharing().into_iter().filter(|number| *number != PHONE) {
        api::disconnect(stage.daemon()?, stage.client(number)?)?;
    }
    Ok(())
}

/// Removes all that the daemon has written down.
pub(super) fn burn_books(stage: &Stage) -> Result<()> {
    let data = stage.daemon()?.data();
    std::fs::remove_dir_all(data).with_context(|| format!("cannot remove {}", data.display()))?;
    std::fs::create_dir(data).with_context(|| format!("cannot make {}", data.display()))
}

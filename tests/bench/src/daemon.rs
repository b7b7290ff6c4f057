//! The real daemon in the lab's gateway, with a store that was filled before it started.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::Duration,
};

use accounting_tests::{
    clock,
    lab::{Daemon, Lab, Options},
};
use anyhow::{Result, ensure};

use crate::fill;

/// A lab with one client, its daemon running on a store with so many tokens and open sessions.
pub(crate) fn up(binary: &Path, devices: u32, tokens: u64, sessions: u64) -> Result<Lab> {
    up_with(binary, devices, 1, |data| fill::fill(data, tokens, sessions))
}

/// The same with so many clients, and a store filled by the caller.
pub(crate) fn up_with(
    binary: &Path,
    devices: u32,
    clients: usize,
    fill: impl FnOnce(&Path) -> Result<()>,
) -> Result<Lab> {
    let lab = Lab::up(&Options {
        clients,
        devices,
        daemon: Some(binary.to_owned()),
        ..Options::default()
    })?;
    let daemon = lab.daemon()?;
    on_disk(daemon.data())?;
    // It has made its administrator.
    daemon.stop()?;
    fill(daemon.data())?;
    daemon.start()?;
    Ok(lab)
}

/// Refuses a folder in memory: a synchronisation costs nothing there.
pub(crate) fn on_disk(folder: &Path) -> Result<()> {
    const TMPFS: u64 = 0x0102_1994;
    const RAMFS: u64 = 0x8584_58f6;
    let system = u64::try_from(rustix::fs::statfs(folder)?.f_type)?;
    ensure!(
        system != TMPFS && system != RAMFS,
        "{} is in memory: durability costs nothing there, so nothing would be measured",
        folder.display()
    );
    Ok(())
}

/// Has the administrator's password checked once; the daemon then remembers it for five minutes.
pub(crate) fn sign_in(daemon: &Daemon) -> Result<()> {
    let answer = daemon.api("GET", "/api/spaces/accesstokens/1", None)?;
    ensure!(answer.status != 401, "the administrator is unknown");
    Ok(())
}

/// A metric of the daemon without labels; 0 for one that it does not have.
pub(crate) fn metric(daemon: &Daemon, name: &str) -> Result<f64> {
    Ok(daemon.metric(name)?.unwrap_or(0.0))
}

/// Asks `/readyz` every few milliseconds until it answers 200; when it did.
pub(crate) fn ready(lab: &Lab, limit: Duration) -> Result<Duration> {
    let address = lab.daemon()?.api_address();
    lab.gateway().enter(|| {
        clock::wait_for("the daemon's readiness", limit, || {
            Ok(is_ready(address).then(clock::monotonic))
        })
    })
}

fn is_ready(address: std::net::SocketAddr) -> bool {
    let ask = || -> std::io::Result<bool> {
        let mut connection = TcpStream::connect(address)?;
        // Long enough for any answer, so that none is missed by asking anew.
        connection.set_read_timeout(Some(Duration::from_secs(30)))?;
        connection.write_all(b"GET /readyz HTTP/1.0\r\nHost: g\r\n\r\n")?;
        let mut status = [0; 12];
        connection.read_exact(&mut status)?;
        Ok(status.ends_with(b" 200"))
    };
    ask().unwrap_or(false)
}

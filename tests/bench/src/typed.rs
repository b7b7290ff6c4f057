//! A command of the daemon's command line, typed at a terminal: with its progress bar, and watched for its memory.

use std::{
    fs::File,
    io::Read,
    os::fd::OwnedFd,
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    time::Duration,
};

use accounting_tests::{clock, lab::Daemon};
use anyhow::{Result, ensure};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use crate::process;

/// What a command came to.
pub(crate) struct Typed {
    pub(crate) took: Duration,
    /// Most bytes of memory of its own.
    pub(crate) most: u64,
    /// How often its bar was drawn anew.
    pub(crate) draws: usize,
}

/// Runs a command to its end.
pub(crate) fn typed(daemon: &Daemon, words: &[&str]) -> Result<Typed> {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
    grantpt(&master)?;
    unlockpt(&master)?;
    let name = ptsname(&master, Vec::new())?;
    let terminal = File::options().read(true).write(true).open(name.to_str()?)?;
    let begun = clock::monotonic();
    let mut child = {
        let mut command: Command = daemon.command();
        command.arg("--config").arg(daemon.config()).args(words);
        command.env("TERM", "xterm").stdin(Stdio::null());
        command.stdout(terminal.try_clone()?).stderr(terminal);
        command.spawn()?
    };
    let shown = Mutex::new(Vec::new());
    let (status, most) = std::thread::scope(|scope| {
        scope.spawn(|| read(master, &shown));
        let id = i32::try_from(child.id())?;
        let mut most = 0;
        loop {
            if let Some(status) = child.try_wait()? {
                return anyhow::Ok((status, most));
            }
            most = most.max(process::memory(id).unwrap_or(0));
            std::thread::sleep(Duration::from_millis(20));
        }
    })?;
    let took = clock::monotonic().saturating_sub(begun);
    let shown = shown.into_inner().unwrap_or_else(PoisonError::into_inner);
    let shown = String::from_utf8_lossy(&shown);
    ensure!(status.success(), "{words:?}: {shown}");
    let draws = shown.matches(" left").count();
    Ok(Typed { took, most, draws })
}

/// Reads what is shown, until nobody holds the terminal any more.
fn read(master: OwnedFd, shown: &Mutex<Vec<u8>>) {
    let mut master = File::from(master);
    let mut part = [0; 4096];
    while let Ok(length @ 1..) = master.read(&mut part) {
        let mut shown = shown.lock().unwrap_or_else(PoisonError::into_inner);
        shown.extend_from_slice(part.get(..length).unwrap_or_default());
    }
}

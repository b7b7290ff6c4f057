//! Processes named by id, held by a descriptor so that a reused id is never hit.

use std::os::fd::{AsFd, OwnedFd};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process that need not be a child of this one.
#[derive(Debug)]
pub struct Process {
    id: i32,
    handle: OwnedFd,
}

impl Process {
    /// Takes hold of a running process.
    ///
    /// # Errors
    /// When there is none of this id.
    pub fn open(id: i32) -> Result<Self> {
        let Some(pid) = Pid::from_raw(id) else {
            bail!("{id} is not the id of a process")
        };
        let handle = pidfd_open(pid, PidfdFlags::empty()).with_context(|| format!("no process {id}"))?;
        Ok(Self { id, handle })
    }

    /// Its id.
    #[must_use]
    pub fn id(&self) -> i32 {
        self.id
    }

    /// Sends a signal.
    ///
    /// # Errors
    /// When it has ended, or belongs to somebody else.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        pidfd_send_signal(&self.handle, signal).with_context(|| format!("cannot signal process {}", self.id))
    }

    /// Waits until it has ended, at most for `limit`. Whether it has.
    #[must_use]
    pub fn ended_within(&self, limit: Duration) -> bool {
        let end = crate::clock::monotonic() + limit;
        loop {
            let left = end.saturating_sub(crate::clock::monotonic());
            let timeout = Timespec {
                tv_sec: i64::try_from(left.as_secs()).unwrap_or(i64::MAX),
                tv_nsec: i64::from(left.subsec_nanos()),
            };
            let mut waited = [PollFd::from_borrowed_fd(self.handle.as_fd(), PollFlags::IN)];
            match poll(&mut waited, Some(&timeout)) {
                Ok(ready) => return ready > 0,
                Err(rustix::io::Errno::INTR) => {}
                Err(_) => return false,
            }
        }
    }
}

/// When the process started, in the kernel's ticks since boot; `None` when there is none of this id. Id and start
/// together name a process for good.
#[must_use]
pub fn started_at(id: i32) -> Option<u64> {
    let line = std::fs::read_to_string(format!("/proc/{id}/stat")).ok()?;
    // The name in parentheses may hold spaces and parentheses; the start is the 20th word after it.
    line.rsplit_once(')')?.1.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_has_a_start_and_an_end() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let id = i32::try_from(child.id()).unwrap();
        let process = Process::open(id).unwrap();
        assert!(started_at(id).is_some());
        assert!(!process.ended_within(Duration::from_millis(20)));
        process.signal(Signal::KILL).unwrap();
        assert!(process.ended_within(Duration::from_secs(5)));
        child.wait().unwrap();
        assert_eq!(started_at(id), None);
    }
}

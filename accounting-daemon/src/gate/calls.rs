//! Small calls to the kernel and what their failures mean.

use std::{io, os::fd::OwnedFd, path::Path, thread, time::Duration};

use accounting_ebpf::layout::Key;
use aya::maps::MapError;
use rustix::{
    fs::{FlockOperation, Mode, OFlags},
    thread::MembarrierCommand,
    time::ClockId,
};

use super::{GateError, StartError};
use crate::mac::{DeviceId, Mac};

/// How long programs may still use what is no longer in the maps, where the kernel cannot be asked to wait.
const GRACE: Duration = Duration::from_millis(100);

/// Waits until no program uses what was removed before: this barrier is an RCU grace period.
pub(super) fn grace() {
    if rustix::thread::membarrier(MembarrierCommand::Global).is_err() {
        thread::sleep(GRACE);
    }
}

pub(super) fn word(device: DeviceId) -> u64 {
    Key::new(device.mac.0, device.zone).word()
}

pub(super) fn device_of(word: u64) -> DeviceId {
    let key = Key::from_word(word);
    DeviceId {
        mac: Mac(key.mac),
        zone: u16::from_le_bytes(key.zone),
    }
}

pub(super) fn kernel(action: &'static str, error: MapError) -> GateError {
    let source = match error {
        MapError::SyscallError(error) => error.io_error,
        MapError::IoError(error) => error,
        other => io::Error::other(other),
    };
    GateError::Kernel { action, source }
}

pub(super) fn refused(action: &'static str, kind: io::ErrorKind) -> GateError {
    GateError::Kernel {
        action,
        source: kind.into(),
    }
}

pub(super) fn os_error(error: &MapError) -> Option<i32> {
    match error {
        MapError::SyscallError(error) => error.io_error.raw_os_error(),
        MapError::IoError(error) => error.raw_os_error(),
        _ => None,
    }
}

pub(super) fn lag() -> u64 {
    let tick = rustix::time::clock_getres(ClockId::MonotonicCoarse);
    let ns = tick
        .tv_sec
        .saturating_mul(1_000_000_000)
        .saturating_add(tick.tv_nsec);
    u64::try_from(ns).unwrap_or(0)
}

/// Claims a directory of pins for this process.
pub(super) fn lock(directory: &Path) -> Result<OwnedFd, StartError> {
    let path = directory.to_owned();
    let failed = |source: rustix::io::Errno| StartError::Pins {
        path: path.clone(),
        source: source.into(),
    };
    let held = rustix::fs::open(
        directory,
        OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(failed)?;
    match rustix::fs::flock(&held, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(held),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(StartError::InUse { path }),
        Err(error) => Err(failed(error)),
    }
}

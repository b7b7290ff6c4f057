//! Takes the exit statuses of a lab's processes, so that none stays as a zombie where the machine's first process does
//! not care, as in many containers: whoever asks whether a killed daemon is gone must be told yes.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Child;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context, Result};
use rustix::process::{Pid, WaitOptions, set_child_subreaper, waitpid};

use super::process::started_at;

/// How often it looks.
const LOOK: Duration = Duration::from_millis(10);

/// The thread that looks after a lab's processes. Dropping it waits for the adopted ones, which must have been ended.
#[derive(Debug)]
pub(super) struct Reaper {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    stop: AtomicBool,
    children: Mutex<Vec<Child>>,
    pid_file: Mutex<Option<PathBuf>>,
}

impl Reaper {
    /// Makes this process the parent of its descendants' orphans, and starts the thread.
    pub(super) fn start() -> Result<Self> {
        set_child_subreaper(Some(rustix::process::getpid())).context("cannot adopt orphans")?;
        let shared = Arc::new(Shared::default());
        let theirs = Arc::clone(&shared);
        let thread = std::thread::Builder::new()
            .name("lab-reaper".into())
            .spawn(move || look(&theirs))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// Waits for a child in the end.
    pub(super) fn adopt(&self, child: Child) {
        self.shared
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(child);
    }

    /// Watches whatever process the file names, now or later. Never a child that somebody waits for.
    pub(super) fn watch(&self, pid_file: PathBuf) {
        *self
            .shared
            .pid_file
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Some(pid_file);
    }
}

impl Drop for Reaper {
    fn drop(&mut self) {
        self.shared.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            let _panic_was_printed = thread.join();
        }
        for child in self
            .shared
            .children
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .iter_mut()
        {
            // When nothing ended it (its lab failed half-way), it must not be waited for in vain.
            let _gone = child.kill();
            let _gone = child.wait();
        }
    }
}

fn look(shared: &Shared) {
    let mut watched = BTreeSet::new();
    loop {
        let last = shared.stop.load(Ordering::Relaxed);
        let pid_file = shared
            .pid_file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let named = pid_file.and_then(|file| std::fs::read_to_string(file).ok());
        watched.extend(named.and_then(|text| text.trim().parse::<i32>().ok()));
        // A daemon that ended and is no child of this process stays watched until its own parent has waited for it.
        watched.retain(|&id| {
            let reaped = Pid::from_raw(id).is_some_and(|pid| {
                waitpid(Some(pid), WaitOptions::NOHANG).is_ok_and(|status| status.is_some())
            });
            !reaped && started_at(id).is_some()
        });
        if last {
            return;
        }
        std::thread::sleep(LOOK);
    }
}

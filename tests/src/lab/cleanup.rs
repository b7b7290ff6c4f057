//! What a lab leaves on the machine, and how it goes away again: at the end, on a signal, or by the next lab when the
//! owner was killed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use super::folder::{make_folder, real_disk, remove_folder};
use super::namespace::{FOLDER, Namespace};
use super::packages::BPF_FS;
use super::process::{Process, started_at};
use super::tool;

/// One folder for each lab that is up, named by its id.
pub const STATE: &str = "/run/accounting-lab";

/// How long processes of a lab may take to end by themselves.
const GRACE: Duration = Duration::from_secs(2);

/// Labs of this process, so that a signal can take them down.
static LIVE: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Held while something is removed: the end of the process waits for it.
static REMOVING: Mutex<()> = Mutex::new(());

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The traces of one lab. Dropping it removes them all.
#[derive(Debug)]
pub(super) struct Footprint {
    id: String,
    disk: PathBuf,
}

impl Footprint {
    /// Claims an id, `<owner's process id>-<count>`, and makes the lab's folders.
    ///
    /// # Errors
    /// When a folder cannot be made, or no real disk is found for the data.
    pub(super) fn claim() -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let owner = std::process::id();
        let id = format!("{owner}-{}", COUNT.fetch_add(1, Ordering::Relaxed));
        locked(&LIVE).insert(id.clone());
        let mut footprint = Self {
            id,
            disk: PathBuf::new(),
        };
        let state = footprint.state();
        fs::create_dir_all(STATE).with_context(|| format!("cannot make {STATE}"))?;
        make_folder(&state)?;
        let start = started_at(i32::try_from(owner)?).context("this process is not in /proc")?;
        fs::write(state.join("owner"), format!("{owner} {start}\n"))?;
        let disk = real_disk()?.join(format!("accounting-lab-{}", footprint.id));
        // The link comes first: a folder that nothing names would stay for ever.
        std::os::unix::fs::symlink(&disk, state.join("disk"))?;
        make_folder(&disk)?;
        footprint.disk = disk;
        Ok(footprint)
    }

    /// The lab's id, part of all its names.
    pub(super) fn id(&self) -> &str {
        &self.id
    }

    /// The namespace of this role, for example `gw`. It need not exist yet.
    pub(super) fn namespace(&self, role: &str) -> Namespace {
        Namespace::named(format!("{}{role}", prefix(&self.id)))
    }

    /// The folder of pid files, logs and scripts.
    pub(super) fn state(&self) -> PathBuf {
        Path::new(STATE).join(&self.id)
    }

    /// A folder on a real disk, where syncing costs what it costs.
    pub(super) fn disk(&self) -> &Path {
        &self.disk
    }

    /// The folder for the daemon's pins; the daemon makes it.
    pub(super) fn pins(&self) -> PathBuf {
        pins(&self.id)
    }
}

impl Drop for Footprint {
    fn drop(&mut self) {
        if let Err(error) = remove(&self.id) {
            eprintln!("lab: {error:#}; `cargo xtask lab --clean` tries again");
        }
    }
}

/// Removes what labs left whose owner is dead, and gives their ids.
///
/// # Errors
/// The first thing that cannot be removed.
pub fn clean() -> Result<Vec<String>> {
    let dead: Vec<String> = known().into_iter().filter(|id| !owner_lives(id)).collect();
    for id in &dead {
        remove(id).with_context(|| format!("cannot remove what lab {id} left"))?;
    }
    Ok(dead)
}

/// Takes down all labs of this process, in the middle of whatever they do.
pub(super) fn abandon() {
    let ids: Vec<String> = locked(&LIVE).iter().cloned().collect();
    // A command that was already on its way may finish behind the first round.
    for _round in 0..2 {
        for id in &ids {
            if let Err(error) = remove(id) {
                eprintln!("lab: {error:#}; `cargo xtask lab --clean` tries again");
            }
        }
    }
}

fn remove(id: &str) -> Result<()> {
    let _only_one = locked(&REMOVING);
    let state = Path::new(STATE).join(id);
    end_command(&state);
    let namespaces = namespaces(id);
    end_processes(&namespaces)?;
    let batch: String = namespaces
        .iter()
        .map(|one| format!("netns delete {}\n", one.name()))
        .collect();
    if !batch.is_empty() {
        let done = tool::run_with(tool::tool("ip").args(["-force", "-batch", "-"]), &batch);
        // Another process may have cleaned at the same time.
        if !self::namespaces(id).is_empty() {
            done?;
        }
    }
    remove_folder(&pins(id))?;
    if let Ok(disk) = fs::read_link(state.join("disk")) {
        remove_folder(&disk)?;
    }
    remove_folder(&state)?;
    locked(&LIVE).remove(id);
    Ok(())
}

/// Writes down the command that runs with the lab, for the case that its owner is killed.
pub(super) fn record_command(state: &Path, command: &Process) -> Result<()> {
    let start = started_at(command.id()).unwrap_or(0);
    fs::write(state.join("command"), format!("{} {start}\n", command.id()))
        .context("cannot record the command")
}

fn end_command(state: &Path) {
    let text = fs::read_to_string(state.join("command")).unwrap_or_default();
    let Some((id, start)) = text.trim().split_once(' ') else {
        return;
    };
    let (Ok(id), start) = (id.parse(), start.parse().ok()) else {
        return;
    };
    if let Ok(process) = Process::open(id)
        && start.is_some()
        && started_at(id) == start
    {
        let _gone = process.signal(Signal::TERM);
    }
}

fn end_processes(namespaces: &[Namespace]) -> Result<()> {
    for signal in [Signal::TERM, Signal::KILL, Signal::KILL] {
        let mut found = Vec::new();
        for namespace in namespaces {
            for id in namespace.processes() {
                // Between the look and the hold the id may have gone to another process.
                if let Ok(process) = Process::open(id)
                    && namespace.processes().contains(&id)
                {
                    found.push(process);
                }
            }
        }
        if found.is_empty() {
            return Ok(());
        }
        let asked = found.into_iter().filter(|process| process.signal(signal).is_ok());
        let asked: Vec<Process> = asked.collect();
        let end = crate::clock::monotonic() + GRACE;
        for process in &asked {
            let _killed_next_round = process.ended_within(end.saturating_sub(crate::clock::monotonic()));
        }
    }
    let left: Vec<i32> = namespaces.iter().flat_map(Namespace::processes).collect();
    if !left.is_empty() {
        bail!("processes {left:?} do not end");
    }
    Ok(())
}

/// Ids of labs with a state folder or a namespace.
fn known() -> BTreeSet<String> {
    let names = |folder: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect::<Vec<_>>()
    };
    let of_namespaces = names(FOLDER).into_iter().filter_map(|name| {
        let mut words = name.strip_prefix("acc-")?.split('-');
        Some(format!("{}-{}", words.next()?, words.next()?))
    });
    let ids = names(STATE).into_iter().chain(of_namespaces);
    ids.filter(|id| owner(id).is_some()).collect()
}

fn owner_lives(id: &str) -> bool {
    let Some(owner) = owner(id) else { return true };
    if u32::try_from(owner) == Ok(std::process::id()) {
        return locked(&LIVE).contains(id);
    }
    let Some(start) = started_at(owner) else {
        return false;
    };
    // A lab that was claimed a moment ago has not written this file yet.
    let Ok(written) = fs::read_to_string(Path::new(STATE).join(id).join("owner")) else {
        return true;
    };
    written.is_empty() || written == format!("{owner} {start}\n")
}

/// The process id in a lab's id; `None` when it is not the id of a lab.
fn owner(id: &str) -> Option<i32> {
    let (owner, count) = id.split_once('-')?;
    let _count: u32 = count.parse().ok()?;
    owner.parse().ok()
}

fn prefix(id: &str) -> String {
    format!("acc-{id}-")
}

fn pins(id: &str) -> PathBuf {
    Path::new(BPF_FS).join(format!("accounting-lab-{id}"))
}

fn namespaces(id: &str) -> Vec<Namespace> {
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    names
        .filter(|name| name.starts_with(&prefix(id)))
        .map(Namespace::named)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_owner_is_read_from_the_id() {
        assert_eq!(owner("71-3"), Some(71));
        assert_eq!(owner("gw-3"), None);
        assert_eq!(owner("71"), None);
    }

    #[test]
    fn a_lab_of_a_process_that_never_was_is_dead_and_other_folders_are_left_alone() {
        assert!(!owner_lives("999999999-0"));
        assert!(owner_lives("lost+found"));
    }
}

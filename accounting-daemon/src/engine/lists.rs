//! Bypass and block list: those of the configuration file, which stay, and those that are kept in the store. A device that
//! is on both is blocked.

mod round;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    gate::Listed,
    ledger::{
        Now,
        mutant::{Mutant, broken},
    },
    mac::{DeviceId, Mac},
    store::{ListEntry, ListKind, Write},
};

/// Entries that are kept, of both lists together.
const ENTRIES_MAX: usize = 10_000;

/// What is to be kept of a device, or forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListChange {
    /// Puts a device on a list, or replaces what is said of it there.
    Put(ListEntry),
    /// Takes a device off.
    Delete(ListKind, DeviceId),
}

/// Why a list stays as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// The configuration file has it.
    #[error("this device is listed in the configuration file: change it there and start the daemon again")]
    Configured,
    /// The device is not on the list.
    #[error("this device is not on the list")]
    NotListed,
    /// The entry would have ended already.
    #[error("must be in the future")]
    Over,
    /// No more fit.
    #[error("the lists hold {ENTRIES_MAX} devices: take one off first")]
    Full,
}

/// Some entries of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListPage {
    /// By device; those of the configuration file say so in their note.
    pub entries: Vec<ListEntry>,
    /// The last device, where there are more.
    pub next: Option<DeviceId>,
}

/// Which entries are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListAsked {
    /// Of which list.
    pub kind: ListKind,
    /// Of this address alone.
    pub mac: Option<Mac>,
    /// In these zones alone.
    pub zones: BTreeSet<u16>,
    /// The last device of the page before.
    pub after: Option<DeviceId>,
    /// Entries at most.
    pub size: usize,
}

/// The note of what the configuration file lists.
const CONFIGURED: &str = "listed in the configuration file";

/// Who is on the lists, and what the gate is still to be told.
#[derive(Debug, Default)]
pub(super) struct Lists {
    configured: BTreeMap<DeviceId, Listed>,
    kept: BTreeMap<(ListKind, DeviceId), ListEntry>,
    /// Rows of the next commit.
    pub(super) writes: Vec<Write>,
    /// Devices of which the gate may know something else.
    untold: BTreeSet<DeviceId>,
}

impl Lists {
    /// Those that the gate begins with are the configured ones.
    pub(super) fn new(configured: Vec<(DeviceId, Listed)>) -> Self {
        Self {
            configured: configured.into_iter().collect(),
            ..Self::default()
        }
    }

    /// Takes what the store has in place of what was known.
    pub(super) fn load(&mut self, entries: Vec<ListEntry>) {
        let before = std::mem::take(&mut self.kept);
        self.writes.clear();
        self.kept = entries
            .into_iter()
            .filter(|_| !broken(Mutant::ListsForgotten))
            .map(|entry| ((entry.kind, entry.device), entry))
            .collect();
        let devices = before.keys().chain(self.kept.keys()).map(|(_, device)| *device);
        self.untold.extend(devices);
    }

    /// Forgets entries whose end has passed.
    pub(super) fn end(&mut self, now: Now) {
        let believed = now.trusted || broken(Mutant::UntrustedClockEndsEntries);
        if !believed || broken(Mutant::EntriesNeverEnd) {
            return;
        }
        let over = self
            .kept
            .values()
            .filter(|entry| entry.until.is_some_and(|until| until <= now.wall));
        let over: Vec<_> = over.map(|entry| (entry.kind, entry.device)).collect();
        for (kind, device) in over {
            self.forget(kind, device);
        }
    }

    fn change(&mut self, change: &ListChange, now: Now) -> Result<Option<ListEntry>, ListError> {
        let (kind, device) = change.target();
        if self.configured.get(&device) == Some(&listed(kind)) {
            return Err(ListError::Configured);
        }
        match change {
            ListChange::Put(entry) => {
                let is_new = !self.kept.contains_key(&(kind, device));
                if is_new && self.kept.len() >= ENTRIES_MAX {
                    return Err(ListError::Full);
                }
                if now.trusted && entry.until.is_some_and(|until| until <= now.wall) {
                    return Err(ListError::Over);
                }
                self.writes.push(Write::List(entry.clone()));
                self.untold.insert(device);
                Ok(self.kept.insert((kind, device), entry.clone()))
            }
            ListChange::Delete(..) => self.forget(kind, device).ok_or(ListError::NotListed).map(Some),
        }
    }

    fn forget(&mut self, kind: ListKind, device: DeviceId) -> Option<ListEntry> {
        let before = self.kept.remove(&(kind, device))?;
        self.writes.push(Write::Unlist(kind, device));
        self.untold.insert(device);
        Some(before)
    }

    /// How a device is judged: a block wins.
    fn of(&self, device: DeviceId) -> Option<Listed> {
        let kept = |kind| self.kept.contains_key(&(kind, device)).then_some(listed(kind));
        let ways = [
            self.configured.get(&device).copied(),
            kept(ListKind::Block),
            kept(ListKind::Bypass),
        ];
        let mut ways = ways.into_iter().flatten();
        let first = ways.next()?;
        let winner = if broken(Mutant::BypassWins) {
            Listed::Bypass
        } else {
            Listed::Blocked
        };
        Some(if ways.any(|listed| listed == winner) {
            winner
        } else {
            first
        })
    }

    fn page(&self, asked: &ListAsked) -> ListPage {
        let configured = self
            .configured
            .iter()
            .filter(|(_, on)| **on == listed(asked.kind));
        let mut all: BTreeMap<DeviceId, ListEntry> = configured
            .map(|(device, _)| {
                let entry = ListEntry {
                    kind: asked.kind,
                    device: *device,
                    note: Some(CONFIGURED.to_owned()),
                    until: None,
                };
                (*device, entry)
            })
            .collect();
        let kept = self.kept.iter().filter(|((kind, _), _)| *kind == asked.kind);
        all.extend(kept.map(|((_, device), entry)| (*device, entry.clone())));
        let mut page = ListPage::default();
        for (device, entry) in all {
            let wanted = asked.after.is_none_or(|after| device > after)
                && asked.mac.is_none_or(|mac| device.mac == mac)
                && asked.zones.contains(&device.zone);
            if !wanted {
                continue;
            }
            if page.entries.len() == asked.size {
                page.next = page.entries.last().map(|entry| entry.device);
                break;
            }
            page.entries.push(entry);
        }
        page
    }
}

impl ListChange {
    const fn target(&self) -> (ListKind, DeviceId) {
        match self {
            Self::Put(entry) => (entry.kind, entry.device),
            Self::Delete(kind, device) => (*kind, *device),
        }
    }
}

const fn listed(kind: ListKind) -> Listed {
    match kind {
        ListKind::Bypass => Listed::Bypass,
        ListKind::Block => Listed::Blocked,
    }
}

//! Bypass and block list: those of the configuration file, which stay, and those that are kept in the store. A device that
//! is on both is blocked.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat};
use serde_json::json;

use super::Core;
use crate::{
    gate::{Gate, Listed},
    ledger::{
        Cause, Now,
        mutant::{Mutant, broken},
    },
    mac::{DeviceId, Mac},
    store::{Actor, AuditRecord, ListEntry, ListKind, Store, Write},
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

impl<S: Store, G: Gate> Core<S, G> {
    /// Changes a list; answers whether the entry is new. Whoever is blocked is offline.
    pub(super) fn change_list(
        &mut self,
        change: &ListChange,
        by: Actor,
        now: Now,
    ) -> Result<bool, ListError> {
        let before = self.lists.change(change, now)?;
        let (kind, device) = change.target();
        if self.lists.of(device) == Some(Listed::Blocked) && !broken(Mutant::BlockedStaysOnline) {
            // Mostly nobody is online there.
            let _ = self
                .ledger
                .release(device.mac, Some(device.zone), Cause::Disconnected, now);
        }
        let (action, after) = match change {
            ListChange::Put(entry) => ("put", Some(shown(entry))),
            ListChange::Delete(..) => ("delete", None),
        };
        let is_new = before.is_none();
        self.audits.push(AuditRecord {
            on: now.wall,
            by,
            action: format!("{}.{action}", kind.as_str()).into(),
            object: format!("{}/{}", kind.as_str(), device.mac),
            before: before.as_ref().map(shown),
            after,
        });
        Ok(is_new)
    }

    pub(super) fn list_page(&self, asked: &ListAsked) -> ListPage {
        self.lists.page(asked)
    }

    /// Tells the gate before the commit what takes away: who passes no more.
    pub(super) fn list_before(&mut self) {
        self.tell_lists(|before, after| {
            let takes = after == Some(Listed::Blocked) || before == Some(Listed::Bypass);
            let gives = after == Some(Listed::Bypass) && broken(Mutant::BypassBeforeCommit);
            takes && !broken(Mutant::BlockedAfterCommit) || gives
        });
    }

    /// Tells it the rest after the commit.
    pub(super) fn list_after(&mut self) {
        self.tell_lists(|_, _| true);
    }

    /// What the gate does not take is told again in the next round.
    fn tell_lists(&mut self, which: impl Fn(Option<Listed>, Option<Listed>) -> bool) {
        if self.lists.untold.is_empty() {
            return;
        }
        let told: BTreeMap<DeviceId, Listed> = self.gate.lists().into_iter().collect();
        for device in std::mem::take(&mut self.lists.untold) {
            let (before, after) = (told.get(&device).copied(), self.lists.of(device));
            if before == after {
                continue;
            }
            if !which(before, after) {
                self.lists.untold.insert(device);
                continue;
            }
            let result = self.gate.list(device, after);
            if result.is_err() {
                self.lists.untold.insert(device);
            }
            self.note(result.as_ref().err());
        }
    }
}

fn shown(entry: &ListEntry) -> String {
    let until = entry.until.and_then(DateTime::from_timestamp_millis);
    json!({
        "MacAddress": entry.device.mac,
        "Zone": entry.device.zone,
        "Note": entry.note,
        "Until": until.map(|until| until.to_rfc3339_opts(SecondsFormat::Secs, true)),
    })
    .to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Now = Now {
        monotonic: 1,
        wall: 1_000,
        trusted: true,
    };

    fn device(last: u8) -> DeviceId {
        DeviceId {
            mac: Mac([2, 0, 0, 0, 0, last]),
            zone: 0,
        }
    }

    fn entry(kind: ListKind, last: u8, until: Option<i64>) -> ListEntry {
        ListEntry {
            kind,
            device: device(last),
            note: None,
            until,
        }
    }

    fn lists() -> Lists {
        Lists::new(vec![(device(1), Listed::Bypass), (device(2), Listed::Blocked)])
    }

    #[test]
    fn a_block_wins_wherever_it_comes_from() {
        let mut lists = lists();
        for change in [
            entry(ListKind::Block, 1, None),
            entry(ListKind::Bypass, 2, None),
            entry(ListKind::Bypass, 3, None),
            entry(ListKind::Block, 4, None),
            entry(ListKind::Bypass, 4, None),
        ] {
            lists.change(&ListChange::Put(change), NOW).unwrap();
        }
        let of = |last| lists.of(device(last));
        for blocked in [1, 2, 4] {
            assert_eq!(of(blocked), Some(Listed::Blocked), "{blocked}");
        }
        assert_eq!((of(3), of(5)), (Some(Listed::Bypass), None));
        let off = ListChange::Delete(ListKind::Block, device(1));
        lists.change(&off, NOW).unwrap();
        assert_eq!(lists.of(device(1)), Some(Listed::Bypass), "as configured");
    }

    #[test]
    fn what_is_configured_stays() {
        let mut lists = lists();
        let put = ListChange::Put(entry(ListKind::Bypass, 1, None));
        let delete = ListChange::Delete(ListKind::Block, device(2));
        for change in [put, delete] {
            assert_eq!(lists.change(&change, NOW), Err(ListError::Configured));
        }
        let absent = ListChange::Delete(ListKind::Block, device(1));
        assert_eq!(lists.change(&absent, NOW), Err(ListError::NotListed));
    }

    #[test]
    fn entries_end_by_a_trusted_clock_alone() {
        let mut lists = lists();
        let over = ListChange::Put(entry(ListKind::Block, 3, Some(1_000)));
        assert_eq!(lists.change(&over, NOW), Err(ListError::Over));
        let soon = ListChange::Put(entry(ListKind::Block, 3, Some(1_001)));
        lists.change(&soon, NOW).unwrap();
        let later = Now { wall: 1_001, ..NOW };
        lists.end(Now {
            trusted: false,
            ..later
        });
        lists.end(NOW);
        assert_eq!(lists.of(device(3)), Some(Listed::Blocked));
        lists.end(later);
        assert_eq!(lists.of(device(3)), None);
        assert!(matches!(
            lists.writes.last(),
            Some(Write::Unlist(ListKind::Block, _))
        ));
    }

    #[test]
    fn the_lists_are_bounded() {
        let mut lists = Lists::default();
        for number in 0..ENTRIES_MAX {
            let [a, b] = u16::try_from(number).unwrap().to_be_bytes();
            let mut entry = entry(ListKind::Bypass, 0, None);
            entry.device.mac = Mac([2, 0, 0, 0, a, b]);
            lists.change(&ListChange::Put(entry), NOW).unwrap();
        }
        let mut more = entry(ListKind::Block, 9, None);
        assert!(lists.change(&ListChange::Put(more.clone()), NOW).is_err());
        (more.kind, more.note) = (ListKind::Bypass, Some("replaced".to_owned()));
        assert!(lists.change(&ListChange::Put(more), NOW).unwrap().is_some());
    }

    #[test]
    fn pages_go_by_device() {
        let mut lists = lists();
        for last in [9, 3, 5] {
            let put = ListChange::Put(entry(ListKind::Bypass, last, None));
            lists.change(&put, NOW).unwrap();
        }
        let mut asked = ListAsked {
            kind: ListKind::Bypass,
            mac: None,
            zones: BTreeSet::from([0]),
            after: None,
            size: 3,
        };
        let devices = |page: &ListPage| {
            page.entries
                .iter()
                .map(|one| one.device.mac.0[5])
                .collect::<Vec<_>>()
        };
        let page = lists.page(&asked);
        assert_eq!((devices(&page), page.next), (vec![1, 3, 5], Some(device(5))));
        asked.after = page.next;
        let page = lists.page(&asked);
        assert_eq!((devices(&page), page.next), (vec![9], None));
        asked.zones.clear();
        assert!(lists.page(&asked).entries.is_empty());
    }
}

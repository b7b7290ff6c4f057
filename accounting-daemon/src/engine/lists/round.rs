//! The lists in a round: what is changed, noted in the audit, and told to the gate.

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat};
use serde_json::json;

use super::{ListAsked, ListChange, ListError, ListPage};
use crate::{
    engine::Core,
    gate::{Gate, Listed},
    ledger::{
        Cause, Now,
        mutant::{Mutant, broken},
    },
    mac::DeviceId,
    store::{Actor, AuditRecord, ListEntry, Store},
};

impl<S: Store, G: Gate> Core<S, G> {
    /// Changes a list; answers whether the entry is new. Whoever is blocked is offline.
    pub(in crate::engine) fn change_list(
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

    pub(in crate::engine) fn list_page(&self, asked: &ListAsked) -> ListPage {
        self.lists.page(asked)
    }

    /// Tells the gate before the commit what takes away: who passes no more.
    pub(in crate::engine) fn list_before(&mut self) {
        self.tell_lists(|before, after| {
            let takes = after == Some(Listed::Blocked) || before == Some(Listed::Bypass);
            let gives = after == Some(Listed::Bypass) && broken(Mutant::BypassBeforeCommit);
            takes && !broken(Mutant::BlockedAfterCommit) || gives
        });
    }

    /// Tells it the rest after the commit.
    pub(in crate::engine) fn list_after(&mut self) {
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

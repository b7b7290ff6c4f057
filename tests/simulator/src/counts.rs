//! How many frames went through each session, by the simulator's own count, and what the daemon makes of it.

use std::collections::{BTreeMap, BTreeSet};

use accounting_auditor::Auditor;

use crate::image::Image;

/// How long what went through may be without a row on disk, while the daemon runs and takes steps: a minute until a pass begins, and a
/// frame that comes just after one waits for the next.
const WRITTEN_WITHIN: u64 = 120_000;

/// Counts by session.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    sessions: BTreeMap<u64, Count>,
    judged: BTreeSet<u64>,
    /// When the daemon started last.
    started: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct Count {
    up: u64,
    down: u64,
    last: u64,
}

impl Counts {
    /// A frame was forwarded.
    pub(crate) fn frame(&mut self, session: u64, up: bool, at: u64) {
        let count = self.sessions.entry(session).or_default();
        *if up { &mut count.up } else { &mut count.down } += 1;
        count.last = at;
    }

    /// The daemon starts, and the gate has counted on for these sessions only: of the others there is what is on disk.
    pub(crate) fn started(&mut self, image: &Image, counted: &BTreeSet<u64>, now: u64) {
        self.started = now;
        for id in image.sessions.keys().filter(|id| !counted.contains(id)) {
            let row = image.heard.get(id).map(|row| row.total).unwrap_or_default();
            let count = self.sessions.entry(*id).or_default();
            (count.up, count.down) = (row.packets_up, row.packets_down);
        }
    }

    /// Compares what is on disk after a step of the daemon.
    pub(crate) fn judge(&mut self, books: &Auditor, image: &Image, now: u64) -> Result<(), String> {
        for (_, session) in books.sessions() {
            self.judged.remove(&session.id);
            let Some(count) = self.sessions.get(&session.id) else {
                continue;
            };
            let row = image
                .heard
                .get(&session.id)
                .map(|row| row.total)
                .unwrap_or_default();
            let written = (row.packets_up, row.packets_down) == (count.up, count.down);
            let due = now.saturating_sub(count.last.max(self.started)) >= WRITTEN_WITHIN;
            if due && !written {
                return Err(format!(
                    "through session {} went {count:?}, and on disk is {row:?}",
                    session.id
                ));
            }
        }
        for (id, record) in image.records.iter().rev().take(64) {
            if !self.judged.insert(*id) {
                continue;
            }
            let count = self.sessions.get(id).copied().unwrap_or_default();
            let said = record.traffic;
            if (said.packets_up, said.packets_down) != (count.up, count.down) {
                return Err(format!(
                    "through session {id} went {count:?}, and its record says {said:?}"
                ));
            }
        }
        Ok(())
    }
}

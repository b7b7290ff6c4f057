//! What went through sessions, and with which addresses. The gate counts from a device's last opening on; what went before is carried here, and the sum
//! is written down once in a while, so that the record of a session has it after a power cut.

use std::{
    collections::{BTreeMap, BTreeSet},
    net::IpAddr,
};

use super::Core;
use crate::{
    gate::Gate,
    ledger::{
        Now, SessionId, Traffic,
        mutant::{Mutant, broken},
    },
    mac::DeviceId,
    store::{Heard, Store, StoreError, Write},
};

/// How often it is written down, in milliseconds ...
const PASS_MS: u64 = 60_000;

/// ... and how many sessions are looked at for one commit.
const ROWS_MAX: usize = 1_000;

/// What is known beyond the gate's counts.
#[derive(Debug, Default)]
pub(super) struct Carried {
    /// Of sessions for which there is any; a session's row as it would be if nothing had gone through since.
    before: BTreeMap<SessionId, Heard>,
    /// Released in this round: whether for good shows at its end.
    released: Vec<(DeviceId, SessionId)>,
    /// When the present or the last pass over all sessions began.
    began: u64,
    /// Rows are written for what was seen from this instant on: all of it by the first pass of a daemon, which does not know what the
    /// one before has written, and by the others since the one before.
    since: u64,
    /// The same for the pass that follows.
    next: u64,
    /// The last session of the present pass.
    at: Option<SessionId>,
    /// Devices that were seen with addresses that their sessions' rows may not have yet.
    seen: BTreeSet<DeviceId>,
}

impl Carried {
    /// Begins with what the store knows; `counted` are the devices for which the gate went on counting, in their order.
    pub(super) fn new(rows: Vec<(DeviceId, Heard)>, counted: &[DeviceId], now: Now) -> Self {
        let is_counted = |device| counted.binary_search(&device).is_ok();
        // What the gate has counted from the beginning is all there is.
        let rows = rows
            .into_iter()
            .map(|(device, row)| (is_counted(device), row))
            .filter(|(counted, row)| {
                !counted || row.before != Traffic::default() || broken(Mutant::HeardTwice)
            });
        let carried = rows.map(|(counted, row)| {
            let before = if counted && !broken(Mutant::HeardTwice) {
                row.before
            } else if broken(Mutant::HeardForgotten) {
                Traffic::default()
            } else {
                row.total
            };
            (row.id, Heard { before, ..row })
        });
        Self {
            before: carried.collect(),
            began: now.monotonic,
            ..Self::default()
        }
    }

    /// The rows of sessions whose counts the gate has lost.
    pub(super) fn moved(&self) -> impl Iterator<Item = Write> + '_ {
        let moved = self.before.values().filter(|row| row.before == row.total);
        moved.map(|row| Write::Heard(*row))
    }

    /// The row of a session of which the gate has counted so much.
    pub(super) fn row(&self, id: SessionId, counted: Traffic, now: Now) -> Heard {
        let carried = self.before.get(&id).copied().unwrap_or_default();
        let seen = counted.seen_up.max(counted.seen_down).map(|at| now.wall_at(at));
        let before = carried.before;
        Heard {
            id,
            before,
            total: Traffic {
                bytes_up: before.bytes_up + counted.bytes_up,
                bytes_down: before.bytes_down + counted.bytes_down,
                packets_up: before.packets_up + counted.packets_up,
                packets_down: before.packets_down + counted.packets_down,
                ..Traffic::default()
            },
            last_seen_on: seen.or(carried.last_seen_on),
        }
    }

    /// A session is released: should the release be taken back, the gate counts anew.
    pub(super) fn release(&mut self, device: DeviceId, row: Heard) {
        let before = row.total;
        self.before.insert(row.id, Heard { before, ..row });
        self.released.push((device, row.id));
    }

    /// The rows of sessions whose release these rows take back: it had taken theirs with it.
    pub(super) fn restored(&self, writes: &[Write]) -> Vec<Write> {
        let ids = writes.iter().filter_map(|write| match write {
            Write::Unrelease(id) => Some(id),
            _ => None,
        });
        let rows = ids.filter_map(|id| self.before.get(id));
        rows.map(|row| Write::Heard(*row)).collect()
    }

    /// Forgets the sessions that were released in this round and are not open.
    pub(super) fn end_round(&mut self, open: impl Fn(DeviceId) -> Option<SessionId>) {
        for (device, id) in std::mem::take(&mut self.released) {
            if open(device) != Some(id) {
                self.before.remove(&id);
            }
        }
    }
}

impl<S: Store, G: Gate> Core<S, G> {
    /// Devices were seen with addresses: kept in memory, and written with the next pass at the latest.
    pub(super) fn saw(&mut self, seen: Vec<(DeviceId, IpAddr)>) {
        for (device, address) in seen {
            if self.ledger.saw(device, address) {
                self.carried.seen.insert(device);
            }
        }
    }

    /// Writes down a part of what went through since the last time.
    pub(super) fn write_heard(&mut self, now: Now) -> Result<(), StoreError> {
        let carried = &mut self.carried;
        if broken(Mutant::HeardNotWritten) {
            return Ok(());
        }
        if carried.at.is_none() {
            if now.monotonic.saturating_sub(carried.began) < PASS_MS {
                return Ok(());
            }
            (carried.since, carried.next, carried.began) = (carried.next, now.monotonic, now.monotonic);
        }
        let sessions = self
            .ledger
            .sessions_after(self.carried.at.unwrap_or(0))
            .take(ROWS_MAX);
        let (mut writes, mut looked, mut last) = (Vec::new(), 0, None);
        for session in sessions {
            (looked, last) = (looked + 1, Some(session.id));
            if self.carried.seen.remove(&session.device) {
                writes.extend(self.ledger.open_session(session.device).map(Write::Open));
            }
            let counted = self.gate.traffic(session.device).unwrap_or_default();
            if counted.seen_up.max(counted.seen_down) >= Some(self.carried.since) {
                let row = self.carried.row(session.id, counted, now);
                writes.push(Write::Heard(row));
            }
        }
        self.carried.at = last.filter(|_| looked == ROWS_MAX);
        if self.carried.at.is_none() {
            let ledger = &self.ledger;
            self.carried
                .seen
                .retain(|device| ledger.session_id(*device).is_some());
        }
        if writes.is_empty() {
            return Ok(());
        }
        self.write_checkpoint(now, &writes)
    }
}

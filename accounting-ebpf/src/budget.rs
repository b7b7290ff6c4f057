//! What strangers may spend: the generic cell rate algorithm over a fixed array, so that a flood of invented MACs
//! fills no table. One cell for each value of a keyed hash of the MAC, and one for the interface.

use crate::address::Mac;
use crate::layout::{BUDGETS, Port};

/// The array `BUDGETS`: theoretical arrival times in nanoseconds. Races between processors are tolerated: a lost store
/// gives away one frame.
pub trait Cells {
    /// The time, in nanoseconds of the clock that arrival times are in.
    fn now(&self) -> u64;

    /// The cell's time; 0 when it was never used.
    fn cell(&self, index: u32) -> u64;

    /// Stores the cell's time.
    fn set_cell(&self, index: u32, arrival: u64);
}

/// Index of the interface's own cell.
pub const INTERFACE: u32 = BUDGETS;

/// The cell of a MAC address.
#[inline(always)]
#[must_use]
pub const fn cell_of(mac: Mac, key: u64) -> u32 {
    let mut hash = (mac.0 ^ key).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    hash = (hash ^ (hash >> 32))
        .wrapping_add(key)
        .wrapping_mul(0xd6e8_feb8_6659_fd93);
    (hash >> 32) as u32 & (BUDGETS - 1)
}

/// The cell's next time when a frame of this cost (nanoseconds) fits, `None` when it would run ahead of `now` by more
/// than `burst` nanoseconds. A cost of 0 always fits.
#[inline(always)]
#[must_use]
pub const fn next(arrival: u64, now: u64, cost: u64, burst: u64) -> Option<u64> {
    let start = if arrival > now { arrival } else { now };
    let end = start.saturating_add(cost);
    if cost != 0 && end - now > burst {
        None
    } else {
        Some(end)
    }
}

/// Takes `units` frames from the cell of `mac` and from the interface's; from neither when either is exhausted.
#[inline(always)]
pub fn spend<C: Cells>(mac: Mac, units: u64, port: &Port, cells: &C) -> bool {
    take(mac, units, (port.budget_burst, port.interface_burst), port, cells)
}

/// Takes a frame from the first half of both: refusals leave the rest to what a device needs to come online.
#[inline(always)]
pub fn spare<C: Cells>(mac: Mac, port: &Port, cells: &C) -> bool {
    let half = (port.budget_burst / 2, port.interface_burst / 2);
    take(mac, 1, half, port, cells)
}

#[inline(always)]
fn take<C: Cells>(mac: Mac, units: u64, bursts: (u64, u64), port: &Port, cells: &C) -> bool {
    if port.budget_cost == 0 && port.interface_cost == 0 {
        return true;
    }
    let now = cells.now();
    // First what a flood of invented MACs exhausts: the rest is then not worth looking at.
    let all_cost = port.interface_cost.saturating_mul(units);
    let Some(all_next) = next(cells.cell(INTERFACE), now, all_cost, bursts.1) else {
        return false;
    };
    let own = cell_of(mac, port.budget_key);
    let own_cost = port.budget_cost.saturating_mul(units);
    let Some(own_next) = next(cells.cell(own), now, own_cost, bursts.0) else {
        return false;
    };
    if own_cost != 0 {
        cells.set_cell(own, own_next);
    }
    if all_cost != 0 {
        cells.set_cell(INTERFACE, all_next);
    }
    true
}

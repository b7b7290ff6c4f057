//! What an operator decides about the accounting, told to the ledger once at start.

use std::collections::BTreeMap;

use super::{Mutant, broken};
use crate::mac::DeviceId;

/// Limits and habits. Lengths are milliseconds; `None` switches a rule off.
#[derive(Clone, Debug)]
pub struct Rules {
    /// Devices the gate can hold.
    pub devices_max: usize,
    /// The location of each zone that has one. Where no zone has, tokens of every location open everywhere.
    pub locations: BTreeMap<u16, u64>,
    /// Silence after which a session on connected time ends.
    pub idle_timeout: Option<u64>,
    /// Whether that silence is charged.
    pub bill_idle: bool,
    /// The cap of one session.
    pub session_timeout: Option<u64>,
    /// Silence after which a seat is given to the next device that asks.
    pub seat_silence: u64,
    /// Silence after which a seat may be taken over by a device that asks for it.
    pub takeover_silence: u64,
    /// How often seats of one token may be taken over within the window.
    pub takeovers_max: usize,
    /// The window.
    pub takeover_window: u64,
    /// Wrong codes that one device may try in a minute.
    pub attempts_per_device: usize,
    /// Wrong codes that one client or address may try in a minute.
    pub attempts_per_asker: usize,
}

impl Rules {
    /// Whether tokens of a location open where a device is; without a device, whether they do anywhere.
    pub(super) fn opens_at(&self, business_id: u64, device: Option<DeviceId>) -> bool {
        let unmapped = |device: DeviceId| !self.locations.contains_key(&device.zone);
        if broken(Mutant::UnmappedZoneOpens) && device.is_some_and(unmapped) {
            return true;
        }
        let mut locations = self.locations.iter();
        self.locations.is_empty()
            || locations.any(|(zone, location)| {
                *location == business_id && device.is_none_or(|device| device.zone == *zone)
            })
    }
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            devices_max: usize::MAX,
            locations: BTreeMap::new(),
            idle_timeout: Some(600_000),
            bill_idle: false,
            session_timeout: None,
            seat_silence: 120_000,
            takeover_silence: 30_000,
            takeovers_max: 3,
            takeover_window: 600_000,
            attempts_per_device: 10,
            attempts_per_asker: 300,
        }
    }
}

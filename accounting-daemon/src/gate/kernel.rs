//! The gate in the kernel: [`Gate`] on the pinned maps.
//!
//! A device's entry points at two slots. The token slot holds the deadline that all devices of a token share, so that
//! moving it is one store however many they are; the device slot holds the counts. Entries are written by system
//! calls, slots through shared memory. Slots 0 and 1 of the tokens belong to the lists.
//!
//! A device on the block list is refused by [`Gate::open`], whoever admits it. One on the bypass list passes with or
//! without a session: its entry stays as it is, and a session only reads its counts from where they stood.

use std::{
    collections::BTreeMap,
    io,
    os::fd::{AsFd, OwnedFd},
};

use accounting_ebpf::layout::{self, Counters, Device, map};
use aya::maps::{self, MapData, MapError};

use super::{
    Adoption, Deadline, Entry, Gate, GateError, Settings, StartError,
    accounts::Accounts,
    calls::{grace, kernel, lag, lock, os_error, refused, word},
    counters::{Counts, Deadlines},
    lists::{self, Listed},
    maps::{Maps, failed},
    seats::{Seat, Seats},
    slots::Slots,
};
use crate::{
    ledger::{SessionId, TokenId, Traffic},
    mac::DeviceId,
};

/// The session number of entries that a list put there; sessions count from 1.
pub(super) const NO_SESSION: SessionId = 0;

const NS_PER_MS: u64 = 1_000_000;

/// The gate of this machine. Dropping it leaves everything enforced.
#[derive(Debug)]
pub struct KernelGate {
    pub(super) capacity: u32,
    pub(super) devices: maps::HashMap<MapData, u64, Device>,
    deadlines: Deadlines,
    pub(super) counts: Counts,
    /// Entries of `TOKENS` and of `COUNTERS`.
    pub(super) slots: u32,
    pub(super) device_slots: Slots,
    pub(super) token_slots: Slots,
    pub(super) open: Seats,
    pub(super) accounts: Accounts,
    pub(super) lists: BTreeMap<DeviceId, Listed>,
    /// Whether the maps have been brought in line: until then the lists are only noted.
    pub(super) adopted: bool,
    /// The entries of sessions whose devices are listed, as they would be in the map.
    pub(super) covered: BTreeMap<DeviceId, Device>,
    /// Nanoseconds by which the kernel's coarse clock may lag.
    lag: u64,
    /// Held while this process owns the pins.
    _lock: OwnedFd,
}

impl KernelGate {
    /// Makes the maps, or adopts those that are pinned; they hold what they held until [`Gate::adopt`].
    ///
    /// # Errors
    /// [`StartError`]: the maps cannot be made, are of another layout, or belong to a running daemon.
    pub fn open(settings: &Settings) -> Result<Self, StartError> {
        let maps = Maps::open(&settings.pins, settings.devices)?;
        let lock = lock(maps.directory())?;
        if maps.devices() < settings.devices {
            tracing::warn!(
                pinned = maps.devices(),
                configured = settings.devices,
                "the gate keeps the room that it was made with; for more stop the daemon, run \
                 `accounting-daemon detach --open` and start it again"
            );
        }
        let slots = maps.entries(map::TOKENS);
        let mapped = |name, source: io::Error| failed(name, "map")(MapError::IoError(source));
        let tokens = maps.get(map::TOKENS)?;
        let deadlines =
            Deadlines::map(tokens.fd().as_fd(), slots).map_err(|error| mapped(map::TOKENS, error))?;
        let counters = maps.get(map::COUNTERS)?;
        let counts =
            Counts::map(counters.fd().as_fd(), slots).map_err(|error| mapped(map::COUNTERS, error))?;
        let devices = maps::HashMap::try_from(maps::Map::HashMap(maps.get(map::DEVICES)?))
            .map_err(failed(map::DEVICES, "open"))?;
        deadlines.store(layout::TOKEN_BLOCKED, 0);
        deadlines.store(layout::TOKEN_BYPASS, layout::FOREVER);
        Ok(Self {
            capacity: maps.devices(),
            devices,
            deadlines,
            counts,
            slots,
            // Nothing is free before `adopt` has seen who holds what.
            device_slots: Slots::new(slots, slots, &[]),
            token_slots: Slots::new(slots, slots, &[]),
            open: Seats::new(slots),
            accounts: Accounts::new(slots),
            lists: lists::merge(&settings.bypass, &settings.block),
            adopted: false,
            covered: BTreeMap::new(),
            lag: lag(),
            _lock: lock,
        })
    }

    /// Looks at every device that was let in, in the order of their slots: through shared memory, without a system call.
    pub fn sweep(&self, mut each: impl FnMut(DeviceId, Traffic)) {
        for (device, slot) in self.open.iter() {
            each(device, self.counted(slot, self.open.base(slot)));
        }
    }

    /// A deadline as the kernel has it: early by what its clock may lag, so that nobody passes after it.
    pub(super) fn in_kernel(&self, deadline: Deadline) -> u64 {
        if deadline == super::FOREVER {
            return layout::FOREVER;
        }
        deadline.saturating_mul(NS_PER_MS).saturating_sub(self.lag)
    }

    /// Adds a device to a token and says where the token's deadline is.
    pub(super) fn join(&mut self, token: TokenId) -> Result<u32, GateError> {
        let Some(deadline) = self.accounts.known(token) else {
            return Err(refused(
                "admit a device on a token without a deadline",
                io::ErrorKind::InvalidInput,
            ));
        };
        let slot = match self.accounts.slot(token) {
            Some(slot) => slot,
            None => self.token_slots.take(grace).ok_or(GateError::Full {
                capacity: self.capacity,
            })?,
        };
        self.take_seat(token, slot, deadline);
        Ok(slot)
    }

    /// The same where the token's slot is known to be free, or its own.
    pub(super) fn take_seat(&mut self, token: TokenId, slot: u32, deadline: Deadline) {
        self.deadlines.store(slot, self.in_kernel(deadline));
        self.accounts.join(token, slot, deadline);
    }

    /// Takes a device off the token of a slot; the last one frees it.
    pub(super) fn leave(&mut self, token: u32) {
        if self.accounts.leave(token) {
            self.deadlines.store(token, 0);
            self.token_slots.give(token);
        }
    }

    /// Writes an entry; one that is there already is replaced in one step.
    pub(super) fn write(&mut self, device: DeviceId, entry: Device) -> Result<(), GateError> {
        self.devices
            .insert(word(device), entry, 0)
            .map_err(|error| match os_error(&error) {
                Some(libc::E2BIG | libc::ENOMEM) => GateError::Full {
                    capacity: self.capacity,
                },
                _ => kernel("insert a device", error),
            })
    }

    /// Removes an entry; one that is not there is fine.
    pub(super) fn erase(&mut self, device: DeviceId) -> Result<(), GateError> {
        match self.devices.remove(&word(device)) {
            Ok(()) | Err(MapError::KeyNotFound) => Ok(()),
            Err(error) if os_error(&error) == Some(libc::ENOENT) => Ok(()),
            Err(error) => Err(kernel("remove a device", error)),
        }
    }

    /// A cleared slot for the counts of a new entry.
    pub(super) fn slot(&mut self) -> Result<u32, GateError> {
        let slot = self.device_slots.take(grace).ok_or(GateError::Full {
            capacity: self.capacity,
        })?;
        self.counts.clear(slot);
        Ok(slot)
    }

    fn open_entry(&mut self, entry: &Entry, token: u32) -> Result<Seat, GateError> {
        if self.lists.contains_key(&entry.device) {
            let listed = self.devices.get(&word(entry.device), 0);
            let slot = listed.map_err(|error| kernel("read a device", error))?.slot;
            let base = self.counts.load(slot);
            self.covered
                .insert(entry.device, self.entry_of(entry, slot, token));
            return Ok(Seat { slot, token, base });
        }
        let slot = self.slot()?;
        let device = self.entry_of(entry, slot, token);
        if let Err(error) = self.write(entry.device, device) {
            self.device_slots.give(slot);
            return Err(error);
        }
        Ok(Seat {
            slot,
            token,
            base: Counters::default(),
        })
    }

    /// What the map holds of a session.
    fn entry_of(&self, entry: &Entry, slot: u32, token: u32) -> Device {
        Device {
            slot,
            token,
            deadline: self.in_kernel(entry.deadline),
            session: entry.session,
        }
    }

    /// Forgets a device that is no longer in the map, or whose entry has moved.
    fn vacate(&mut self, device: DeviceId, seat: Seat) {
        if !self.lists.contains_key(&device) {
            self.device_slots.give(seat.slot);
        }
        self.leave(seat.token);
    }

    #[inline]
    fn counted(&self, slot: u32, base: Counters) -> Traffic {
        let now = self.counts.load(slot);
        let seen = |now: u64, base: u64| (now > base).then_some(now / NS_PER_MS);
        Traffic {
            bytes_up: now.up_bytes.wrapping_sub(base.up_bytes),
            bytes_down: now.down_bytes.wrapping_sub(base.down_bytes),
            packets_up: now.up_packets.wrapping_sub(base.up_packets),
            packets_down: now.down_packets.wrapping_sub(base.down_packets),
            seen_up: seen(now.up_seen, base.up_seen),
            seen_down: seen(now.down_seen, base.down_seen),
        }
    }
}

impl Gate for KernelGate {
    fn capacity(&self) -> u32 {
        self.capacity
    }

    fn adopt(&mut self, deadlines: &[(TokenId, Deadline)], entries: &[Entry]) -> Result<Adoption, GateError> {
        super::adopt::adopt(self, deadlines, entries)
    }

    fn set_deadline(&mut self, token: TokenId, deadline: Deadline) -> Result<(), GateError> {
        if let Some(slot) = self.accounts.set(token, deadline) {
            self.deadlines.store(slot, self.in_kernel(deadline));
        }
        Ok(())
    }

    fn deadline(&self, token: TokenId) -> Option<Deadline> {
        self.accounts.deadline(token)
    }

    fn open(&mut self, entry: &Entry) -> Result<(), GateError> {
        if self.lists.get(&entry.device) == Some(&Listed::Blocked) {
            return Err(refused(
                "admit a device on the block list",
                io::ErrorKind::PermissionDenied,
            ));
        }
        let opened = self
            .join(entry.token)
            .and_then(|token| self.open_entry(entry, token).inspect_err(|_| self.leave(token)));
        let before = self.open.remove(entry.device);
        match opened {
            Ok(seat) => {
                self.open.insert(entry.device, seat);
                if let Some(before) = before {
                    self.vacate(entry.device, before);
                }
                Ok(())
            }
            Err(error) => {
                // A device that could not be moved must not go on by its old entry.
                if let Some(before) = before {
                    if !self.lists.contains_key(&entry.device) {
                        self.erase(entry.device)?;
                    }
                    self.covered.remove(&entry.device);
                    self.vacate(entry.device, before);
                }
                Err(error)
            }
        }
    }

    fn close(&mut self, device: DeviceId) -> Result<Option<Traffic>, GateError> {
        let Some(seat) = self.open.get(device) else {
            return Ok(None);
        };
        if !self.lists.contains_key(&device) {
            self.erase(device)?;
        }
        let traffic = self.counted(seat.slot, seat.base);
        self.open.remove(device);
        self.covered.remove(&device);
        self.vacate(device, seat);
        Ok(Some(traffic))
    }

    fn traffic(&self, device: DeviceId) -> Option<Traffic> {
        self.open
            .get(device)
            .map(|seat| self.counted(seat.slot, seat.base))
    }

    fn seen_since(&self, monotonic: u64) -> Vec<DeviceId> {
        let since = monotonic.saturating_mul(NS_PER_MS);
        let seen = self
            .open
            .iter()
            .filter(|(_, slot)| self.counts.seen(*slot) >= since);
        seen.map(|(device, _)| device).collect()
    }

    fn list(&mut self, device: DeviceId, listed: Option<Listed>) -> Result<(), GateError> {
        lists::set(self, device, listed)
    }

    fn lists(&self) -> Vec<(DeviceId, Listed)> {
        self.lists
            .iter()
            .map(|(device, listed)| (*device, *listed))
            .collect()
    }
}

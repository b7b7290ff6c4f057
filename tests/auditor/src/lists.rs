//! Devices that pass without a code, and devices that never do.

use std::collections::BTreeMap;

use crate::{Auditor, Cause, Device, Now, Why};

impl Auditor {
    /// Puts a device on a list, until an instant of the wall clock or for good; answers whether it was not there.
    pub(crate) fn list(
        &mut self,
        block: bool,
        device: Device,
        until: Option<i64>,
        now: Now,
    ) -> Result<bool, Why> {
        if now.trusted && until.is_some_and(|until| until <= now.wall) {
            return Err(Why::Over);
        }
        let new = self.lists.insert((block, device), until).is_none();
        self.cut_if_blocked(device, now);
        Ok(new)
    }

    pub(crate) fn unlist(&mut self, block: bool, device: Device, now: Now) -> Result<(), Why> {
        self.lists.remove(&(block, device)).ok_or(Why::NotListed)?;
        self.cut_if_blocked(device, now);
        Ok(())
    }

    /// Whoever is blocked is offline.
    fn cut_if_blocked(&mut self, device: Device, now: Now) {
        if self.judged().get(&device) == Some(&true) {
            self.end(device, now.monotonic, now.monotonic, Cause::Disconnected, now);
        }
    }

    /// Forgets entries that are over, by a clock that can be believed.
    pub(crate) fn end_lists(&mut self, now: Now) {
        if now.trusted {
            self.lists
                .retain(|_, until| until.is_none_or(|until| until > now.wall));
        }
    }

    /// Devices that are judged without a session, and whether they are blocked: that wins.
    #[must_use]
    pub fn judged(&self) -> BTreeMap<Device, bool> {
        let mut judged = BTreeMap::new();
        for (block, device) in self.lists.keys() {
            *judged.entry(*device).or_default() |= *block;
        }
        judged
    }

    /// Whether an entry of a device is over by a clock that can be believed, though nobody has looked yet.
    #[must_use]
    pub fn listing_is_over(&self, device: Device, now: Now) -> bool {
        let entries = self.lists.iter().filter(|((_, listed), _)| *listed == device);
        let mut ends = entries.filter_map(|(_, until)| *until);
        now.trusted && ends.any(|until| until <= now.wall)
    }
}

//! The addresses that devices are seen with, for the records of their sessions.

use std::net::IpAddr;

use super::Ledger;
use crate::mac::DeviceId;

/// Addresses that a session remembers; those that come first stay.
pub const ADDRESSES_MAX: usize = 16;

impl Ledger {
    /// A device was seen with an address. Answers whether that is new to its session. No effect says so: the session's row and
    /// its record have the address whenever they are written next.
    pub fn saw(&mut self, device: DeviceId, address: IpAddr) -> bool {
        let Some(open) = self.sessions.get_mut(device) else {
            return false;
        };
        open.saw(address, ADDRESSES_MAX)
    }
}

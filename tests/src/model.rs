//! The maps as plain collections, for the policy on the host.

use crate::world;
use accounting_ebpf::address::Address;
use accounting_ebpf::budget::Cells;
use accounting_ebpf::layout::{BUDGETS, Garden};
use accounting_ebpf::policy::Addresses;
use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};

/// The maps of [`world`], and how often addresses were looked up.
pub struct Model {
    addresses: HashMap<Ipv6Addr, u32>,
    gardens: Vec<(IpAddr, u32, Garden)>,
    cells: RefCell<Vec<u64>>,
    /// The time, in nanoseconds.
    pub now: Cell<u64>,
    /// When every device was answered last, in nanoseconds.
    pub answered: Cell<u64>,
    /// Look-ups of addresses and gardens so far.
    pub lookups: Cell<u32>,
}

impl Default for Model {
    fn default() -> Self {
        Self {
            addresses: world::addresses()
                .into_iter()
                .map(|(address, flags)| (mapped(address), flags))
                .collect(),
            gardens: world::gardens(),
            cells: RefCell::new(vec![0; BUDGETS as usize + 1]),
            now: Cell::new(1_000_000_000_000),
            answered: Cell::new(0),
            lookups: Cell::new(0),
        }
    }
}

fn mapped(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

fn ip(address: &Address) -> Ipv6Addr {
    let mut octets = [0; 16];
    for (at, word) in address.0.iter().enumerate() {
        octets[at * 4..at * 4 + 4].copy_from_slice(&word.to_ne_bytes());
    }
    Ipv6Addr::from(octets)
}

impl Addresses for Model {
    fn flags(&self, address: &Address) -> u32 {
        self.lookups.set(self.lookups.get() + 1);
        self.addresses.get(&ip(address)).copied().unwrap_or(0)
    }

    fn garden(&self, address: &Address) -> Option<Garden> {
        self.lookups.set(self.lookups.get() + 1);
        let wanted = ip(address);
        let holds = |prefix: IpAddr, length: u32| {
            let bits = if prefix.is_ipv4() { length + 96 } else { length };
            let mask = u128::MAX << (128 - bits);
            prefix.is_ipv4() == address.is_v4() && mapped(prefix).to_bits() == wanted.to_bits() & mask
        };
        let matching = self
            .gardens
            .iter()
            .filter(|(prefix, length, _)| holds(*prefix, *length));
        matching
            .max_by_key(|(_, length, _)| *length)
            .map(|(_, _, garden)| *garden)
    }
}

impl Cells for Model {
    fn now(&self) -> u64 {
        self.now.get()
    }

    fn cell(&self, index: u32) -> u64 {
        self.cells.borrow()[index as usize]
    }

    fn set_cell(&self, index: u32, arrival: u64) {
        self.cells.borrow_mut()[index as usize] = arrival;
    }

    fn answered(&self, _: u32) -> u64 {
        self.answered.get()
    }
}

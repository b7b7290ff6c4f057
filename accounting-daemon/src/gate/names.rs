//! The walled garden by name: which addresses listed names have, learnt from what the gateway's resolver answers to strangers.
//!
//! An answer opens addresses only for a name that is listed; aliases are followed within the answer. Each address is open for as
//! long as its record says, within bounds, and closed after that. Sites that share an address with a listed name are open too: the
//! gate sees addresses, not names. Addresses that are nobody's site are never opened, whatever a server answers.

mod answers;
#[cfg(feature = "fuzz")]
pub(super) mod fuzz;
mod pattern;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use simple_dns::{CLASS, Packet, PacketFlag, RCODE, rdata::RData};

pub(super) use answers::Answers;
pub use pattern::Pattern;

/// Names and wildcards that can be listed.
pub const NAMES_MAX: usize = 256;

/// Addresses that one listed name can have at a time; the one that expires first makes room.
const ADDRESSES_MAX: usize = 64;

/// Aliases that are followed in one answer.
const ALIASES_MAX: usize = 16;

/// How long an address is open, in seconds, whatever its record says.
const OPEN_MIN: u64 = 60;
const OPEN_MAX: u64 = 86_400;

/// What became known or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// Open with these ports.
    Open(IpAddr, [u16; 4]),
    /// Closed.
    Close(IpAddr),
}

/// The listed names and the addresses they have. Times are seconds of any clock that only goes on.
#[derive(Debug, Default)]
pub(super) struct Names {
    listed: Vec<(Pattern, [u16; 4])>,
    /// What is configured by address stays as it is configured.
    prefixes: Vec<IpNet>,
    /// By address: which name has it, and until when.
    open: BTreeMap<IpAddr, (usize, u64)>,
}

impl Names {
    pub(super) fn new(listed: &[(Pattern, [u16; 4])], garden: &[(IpNet, [u16; 4])]) -> Self {
        Self {
            listed: listed.to_vec(),
            prefixes: garden.iter().map(|(prefix, _)| *prefix).collect(),
            open: BTreeMap::new(),
        }
    }

    /// Takes an answer in. `own`: the gateway's addresses.
    pub(super) fn learn(&mut self, message: &[u8], own: &[IpAddr], now: u64) -> Vec<Change> {
        let Some((name, records)) = self.read(message) else {
            return Vec::new();
        };
        let mut changes = Vec::new();
        for (address, ttl) in records.into_iter().take(ADDRESSES_MAX) {
            let configured = self.prefixes.iter().any(|prefix| prefix.contains(&address));
            if configured || own.iter().any(|own| is_beside(*own, address)) || !is_public(address) {
                continue;
            }
            let until = now + u64::from(ttl).clamp(OPEN_MIN, OPEN_MAX);
            if let Some((_, known)) = self.open.get_mut(&address) {
                *known = until.max(*known);
                continue;
            }
            changes.extend(self.make_room(name));
            self.open.insert(address, (name, until));
            if let Some((_, ports)) = self.listed.get(name) {
                changes.push(Change::Open(address, *ports));
            }
        }
        changes
    }

    /// Forgets what has ended.
    pub(super) fn expire(&mut self, now: u64) -> Vec<Change> {
        let ended: Vec<IpAddr> = self
            .open
            .iter()
            .filter(|(_, (_, until))| *until <= now)
            .map(|(address, _)| *address)
            .collect();
        for address in &ended {
            self.open.remove(address);
        }
        ended.into_iter().map(Change::Close).collect()
    }

    fn make_room(&mut self, name: usize) -> Option<Change> {
        let held = self.open.iter().filter(|(_, (holder, _))| *holder == name);
        if held.clone().count() < ADDRESSES_MAX {
            return None;
        }
        let (&first, _) = held.min_by_key(|(address, (_, until))| (*until, **address))?;
        self.open.remove(&first);
        Some(Change::Close(first))
    }

    /// The listed name that was asked for, and the addresses and seconds it was answered.
    fn read(&self, message: &[u8]) -> Option<(usize, Vec<(IpAddr, u32)>)> {
        let packet = Packet::parse(message).ok()?;
        let [question] = packet.questions.as_slice() else {
            return None;
        };
        if !packet.has_flags(PacketFlag::RESPONSE) || packet.rcode() != RCODE::NoError {
            return None;
        }
        let asked = question.qname.to_string().to_ascii_lowercase();
        let listed = self
            .listed
            .iter()
            .position(|(pattern, _)| pattern.matches(&asked))?;
        let mut aliases = BTreeSet::from([asked]);
        for _ in 0..ALIASES_MAX {
            let more: Vec<String> = packet
                .answers
                .iter()
                .filter(|record| aliases.contains(&record.name.to_string().to_ascii_lowercase()))
                .filter_map(|record| match &record.rdata {
                    RData::CNAME(alias) => Some(alias.0.to_string().to_ascii_lowercase()),
                    _ => None,
                })
                .filter(|alias| !aliases.contains(alias))
                .collect();
            if more.is_empty() {
                break;
            }
            aliases.extend(more);
        }
        let found = packet
            .answers
            .iter()
            .filter(|record| record.class == CLASS::IN)
            .filter(|record| aliases.contains(&record.name.to_string().to_ascii_lowercase()))
            .filter_map(|record| {
                let address: IpAddr = match &record.rdata {
                    RData::A(four) => Ipv4Addr::from(four.address).into(),
                    RData::AAAA(six) => Ipv6Addr::from(six.address).into(),
                    _ => return None,
                };
                Some((address, record.ttl))
            });
        Some((listed, found.collect()))
    }
}

/// Whether an address is the gateway's own, or on a network of the gateway's: a guest's. Guests' IPv4 addresses are private.
fn is_beside(own: IpAddr, address: IpAddr) -> bool {
    match (own, address) {
        (IpAddr::V6(own), IpAddr::V6(address)) => own.octets()[..8] == address.octets()[..8],
        _ => own == address,
    }
}

/// Whether a site can have the address: not this host or link, no group, nothing private.
fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(four) => {
            let [a, b, ..] = four.octets();
            !(four.is_private()
                || four.is_loopback()
                || four.is_link_local()
                || a == 0
                || a >= 224
                || (a == 100 && (64..128).contains(&b)))
        }
        IpAddr::V6(six) => {
            let first = six.segments()[0];
            // Only what is routed worldwide: no mapped address, no other private one either.
            (0x2000..0x4000).contains(&first)
        }
    }
}

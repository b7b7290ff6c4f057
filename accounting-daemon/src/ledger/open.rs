//! Open sessions in memory: each as a few words, found by device and by number.

use std::net::IpAddr;

use super::{
    Activity, FOREVER, Metering, Seen, Session, SessionId, TokenId,
    ages::Ages,
    due::Kind,
    table::{Entry, Table},
};
use crate::mac::{DeviceId, Mac};

/// An open session in memory: a [`Session`], what is due of it, and what was heard of its device.
#[derive(Clone, Debug)]
pub(super) struct Open {
    pub(super) id: SessionId,
    pub(super) device: DeviceId,
    pub(super) token: TokenId,
    pub(super) settled: u64,
    opened: u64,
    opened_wall: i64,
    charged: u64,
    /// [`FOREVER`] where nothing is.
    due: u64,
    rare: Option<Box<Rare>>,
    kind: Kind,
    pub(super) parked: bool,
    pub(super) metering: Metering,
}

/// What few sessions have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Rare {
    age: u64,
    /// What was heard of the device before the gate began to count anew.
    before: Seen,
    addresses: Vec<IpAddr>,
}

impl Open {
    pub(super) fn new(session: Session, before: Seen) -> Self {
        let rare = Rare {
            age: session.age,
            before,
            addresses: session.addresses,
        };
        Self {
            id: session.id,
            device: session.device,
            token: session.token,
            settled: session.settled,
            opened: session.opened,
            opened_wall: session.opened_wall,
            charged: session.charged,
            due: FOREVER,
            rare: (rare != Rare::default()).then(|| Box::new(rare)),
            kind: Kind::Idle,
            parked: session.parked,
            metering: session.metering,
        }
    }

    /// The session as the store has it.
    pub(super) fn session(&self) -> Session {
        let rare = self.rare.as_deref();
        Session {
            id: self.id,
            device: self.device,
            token: self.token,
            opened: self.opened,
            opened_wall: self.opened_wall,
            age: self.age(),
            charged: self.charged,
            settled: self.settled,
            parked: self.parked,
            metering: self.metering,
            addresses: rare.map_or_else(Vec::new, |rare| rare.addresses.clone()),
        }
    }

    pub(super) fn opened(&self) -> u64 {
        self.opened
    }

    pub(super) fn age(&self) -> u64 {
        self.rare.as_ref().map_or(0, |rare| rare.age)
    }

    pub(super) fn before(&self) -> Seen {
        self.rare.as_ref().map_or_else(Seen::default, |rare| rare.before)
    }

    /// Remembers an address where there are fewer than `max`; answers whether it is new.
    pub(super) fn saw(&mut self, address: IpAddr, max: usize) -> bool {
        let addresses = &mut self.rare.get_or_insert_default().addresses;
        let new = addresses.len() < max && !addresses.contains(&address);
        if new {
            addresses.reserve_exact(1);
            addresses.push(address);
        }
        new
    }

    /// The last frames of the device.
    pub(super) fn heard(&self, activity: &dyn Activity) -> Seen {
        let (seen, before) = (activity.seen(self.device), self.before());
        Seen {
            up: seen.up.max(before.up),
            down: seen.down.max(before.down),
        }
    }
}

impl Entry for Open {
    // The same address in several zones.
    const ALIKE_BITS: u32 = 16;

    fn key(&self) -> u64 {
        self.device.to_number()
    }

    fn due(&self) -> Option<(u64, Kind)> {
        (self.due != FOREVER).then_some((self.due, self.kind))
    }

    fn note_due(&mut self, due: Option<(u64, Kind)>) {
        (self.due, self.kind) = due.unwrap_or((FOREVER, Kind::Idle));
    }
}

/// The open sessions.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    table: Table<Open>,
    ages: Ages,
}

impl Sessions {
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn contains(&self, device: DeviceId) -> bool {
        self.table.contains(device.to_number())
    }

    pub(super) fn get(&self, device: DeviceId) -> Option<&Open> {
        self.table.get(device.to_number())
    }

    pub(super) fn get_mut(&mut self, device: DeviceId) -> Option<&mut Open> {
        self.table.get_mut(device.to_number())
    }

    /// The session with a number.
    pub(super) fn numbered(&self, id: SessionId) -> Option<&Open> {
        self.table.at(self.ages.find(id, |place| self.number(place))?)
    }

    /// The devices of an address that are online, by zone.
    pub(super) fn of_mac(&self, mac: Mac) -> impl Iterator<Item = DeviceId> + use<> {
        let device = DeviceId { mac, zone: 0 };
        let found = self.table.alike(device.to_number());
        found.into_iter().map(DeviceId::from_number)
    }

    /// Those with greater numbers, oldest first.
    pub(super) fn after(&self, id: SessionId) -> impl Iterator<Item = &Open> + '_ {
        let places = self.ages.after(id, |place| self.number(place));
        places.filter_map(|place| self.table.at(place))
    }

    /// All, oldest first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Open> + '_ {
        self.after(0)
    }

    pub(super) fn insert(&mut self, open: Open) {
        let id = open.id;
        self.remove(open.device);
        let place = self.table.insert(open);
        let table = &self.table;
        self.ages.insert(place, id, |place| number(table, place));
    }

    pub(super) fn remove(&mut self, device: DeviceId) -> Option<Open> {
        let id = self.get(device)?.id;
        let table = &self.table;
        self.ages.remove(id, |place| number(table, place));
        self.table.remove(device.to_number())
    }

    /// See [`Table::set_due`].
    pub(super) fn set_due(&mut self, device: DeviceId, due: Option<(u64, Kind)>) {
        self.table.set_due(device.to_number(), due);
    }

    /// See [`Table::first`].
    pub(super) fn first(&self) -> Option<(u64, Kind, DeviceId)> {
        let (at, kind, device) = self.table.first()?;
        Some((at, kind, DeviceId::from_number(device)))
    }

    /// See [`Table::any_due`].
    pub(super) fn any_due(&self, until: u64, wanted: impl Fn(&Open) -> bool) -> bool {
        self.table.any_due(until, wanted)
    }

    fn number(&self, place: u32) -> SessionId {
        number(&self.table, place)
    }
}

fn number(table: &Table<Open>, place: u32) -> SessionId {
    table.at(place).map_or(0, |open| open.id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_takes_few_bytes_and_loses_nothing() {
        assert_eq!(size_of::<Option<Open>>(), 80);
        let session = Session {
            id: 1,
            device: DeviceId::from_number(0x0200_0000_0001_0003),
            token: 2,
            opened: 3,
            opened_wall: -4,
            age: 5,
            charged: 6,
            settled: 7,
            parked: true,
            metering: Metering::ElapsedTime,
            addresses: vec!["10.0.0.1".parse().unwrap()],
        };
        let before = Seen {
            up: Some(8),
            down: None,
        };
        let mut open = Open::new(session.clone(), before);
        assert_eq!((open.session(), open.before()), (session, before));
        assert!(open.saw("::1".parse().unwrap(), 2));
        for known in ["::1", "::2"] {
            assert!(!open.saw(known.parse().unwrap(), 2), "{known}");
        }
        assert_eq!(open.session().addresses.len(), 2);
    }
}

//! The rows of sessions and of what becomes of them.

use super::{
    Checkpoint, Heard,
    codec::{Damaged, Reader, Row, Writer},
};
use crate::ledger::{Adjustment, Cause, Session, Traffic, UsageRecord};

impl Row for Session {
    const VERSION: u8 = 2;

    fn write(&self, out: &mut Writer) {
        out.u64(self.id);
        out.device(self.device);
        out.u64(self.token);
        out.u64(self.opened);
        out.i64(self.opened_wall);
        out.u64(self.charged);
        out.u64(self.settled);
        out.metering(self.metering);
        out.addresses(&self.addresses);
        out.u64(self.age);
        out.u8(u8::from(self.parked));
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut session = Self {
            id: from.u64()?,
            device: from.device()?,
            token: from.u64()?,
            opened: from.u64()?,
            opened_wall: from.i64()?,
            age: 0,
            charged: from.u64()?,
            settled: from.u64()?,
            parked: false,
            metering: from.metering()?,
            addresses: from.addresses()?,
        };
        if from.version >= 2 {
            session.age = from.u64()?;
            session.parked = from.flag()?;
        }
        Ok(session)
    }
}

impl Row for UsageRecord {
    const VERSION: u8 = 2;

    fn write(&self, out: &mut Writer) {
        out.u64(self.id);
        out.u64(self.token);
        out.device(self.device);
        out.addresses(&self.addresses);
        out.i64(self.opened_on);
        out.i64(self.released_on);
        out.u64(self.charged);
        out.u64(self.traffic.bytes_up);
        out.u64(self.traffic.bytes_down);
        out.u64(self.traffic.packets_up);
        out.u64(self.traffic.packets_down);
        out.option(self.traffic.seen_up, Writer::u64);
        out.option(self.traffic.seen_down, Writer::u64);
        let cause = Cause::ALL
            .iter()
            .position(|cause| *cause == self.cause)
            .unwrap_or_default();
        out.u8(u8::try_from(cause).unwrap_or_default());
        out.option(self.last_seen_on, Writer::i64);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let mut record = Self {
            id: from.u64()?,
            token: from.u64()?,
            device: from.device()?,
            addresses: from.addresses()?,
            opened_on: from.i64()?,
            released_on: from.i64()?,
            charged: from.u64()?,
            traffic: Traffic {
                bytes_up: from.u64()?,
                bytes_down: from.u64()?,
                packets_up: from.u64()?,
                packets_down: from.u64()?,
                seen_up: from.option(Reader::u64)?,
                seen_down: from.option(Reader::u64)?,
            },
            last_seen_on: None,
            cause: *Cause::ALL.get(usize::from(from.u8()?)).ok_or(Damaged)?,
        };
        if from.version >= 2 {
            record.last_seen_on = from.option(Reader::i64)?;
        }
        Ok(record)
    }
}

impl Row for Heard {
    fn write(&self, out: &mut Writer) {
        out.u64(self.id);
        for traffic in [self.before, self.total] {
            out.u64(traffic.bytes_up);
            out.u64(traffic.bytes_down);
            out.u64(traffic.packets_up);
            out.u64(traffic.packets_down);
        }
        out.option(self.last_seen_on, Writer::i64);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        let id = from.u64()?;
        let mut traffic = || {
            Ok(Traffic {
                bytes_up: from.u64()?,
                bytes_down: from.u64()?,
                packets_up: from.u64()?,
                packets_down: from.u64()?,
                ..Traffic::default()
            })
        };
        Ok(Self {
            id,
            before: traffic()?,
            total: traffic()?,
            last_seen_on: from.option(Reader::i64)?,
        })
    }
}

impl Row for Adjustment {
    fn write(&self, out: &mut Writer) {
        out.u64(self.token);
        out.i64(self.on);
        out.i64(self.by_ms);
        out.text(&self.who);
        out.text(&self.reason);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            token: from.u64()?,
            on: from.i64()?,
            by_ms: from.i64()?,
            who: from.text()?,
            reason: from.text()?,
        })
    }
}

impl Row for Checkpoint {
    fn write(&self, out: &mut Writer) {
        out.bytes(&self.boot);
        out.u64(self.monotonic);
        out.i64(self.wall);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            boot: from.array()?,
            monotonic: from.u64()?,
            wall: from.i64()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        ledger::Metering,
        mac::{DeviceId, Mac},
    };
    use proptest::prelude::*;
    use std::net::IpAddr;

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Session::decode(&bytes);
            let _ = UsageRecord::decode(&bytes);
        }

        #[test]
        fn sessions_read_back(id: u64, mac: [u8; 6], zone: u16, charged: u64, v4: [u8; 4], v6: [u8; 16]) {
            let session = Session {
                id, device: DeviceId { mac: Mac(mac), zone }, token: 1, opened: 2, opened_wall: -3, age: charged / 2, charged, settled: 4, parked: zone > 9, metering: Metering::ConnectedTime,
                addresses: vec![IpAddr::from(v4), IpAddr::from(v6).to_canonical()],
            };
            prop_assert_eq!(Session::decode(&session.encode()), Ok(session));
        }
    }
}

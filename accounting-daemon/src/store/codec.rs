//! Rows as bytes: a version byte, then the fields in order, little endian, texts and lists with their length before.
//! A field that may be absent has a byte before it, 0 or 1.

use std::net::IpAddr;

use uuid::Uuid;

use crate::{
    ledger::{AccessCode, Adjustment, Cause, Metering, Run, Session, Token, Traffic, UsageRecord},
    mac::{DeviceId, Mac},
    store::{Checkpoint, Heard},
};

/// The version that most kinds of row are written in.
const VERSION: u8 = 1;

/// Room for nearly every row, so that writing one seldom moves it.
const ROW_BYTES: usize = 256;

/// A row that does not read back: wrong version, too short, too long, or a value out of its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Damaged;

/// A kind of row.
pub(super) trait Row: Sized {
    /// The version that this program writes; it reads that and those before it.
    const VERSION: u8 = VERSION;

    fn write(&self, out: &mut Writer);
    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged>;

    fn encode(&self) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(ROW_BYTES));
        out.u8(Self::VERSION);
        self.write(&mut out);
        out.0
    }

    fn decode(bytes: &[u8]) -> Result<Self, Damaged> {
        let mut from = Reader::of(bytes, Self::VERSION)?;
        let row = Self::read(&mut from)?;
        if from.bytes.is_empty() {
            Ok(row)
        } else {
            Err(Damaged)
        }
    }
}

pub(super) struct Writer(Vec<u8>);

impl Writer {
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }
    pub(super) fn u8(&mut self, value: u8) {
        self.0.push(value);
    }
    pub(super) fn flag(&mut self, value: bool) {
        self.u8(u8::from(value));
    }
    pub(super) fn u32(&mut self, value: u32) {
        self.bytes(&value.to_le_bytes());
    }
    pub(super) fn u64(&mut self, value: u64) {
        self.bytes(&value.to_le_bytes());
    }
    pub(super) fn i64(&mut self, value: i64) {
        self.bytes(&value.to_le_bytes());
    }
    pub(super) fn text(&mut self, text: &str) {
        self.u32(u32::try_from(text.len()).unwrap_or(u32::MAX));
        self.bytes(text.as_bytes());
    }
    pub(super) fn option<T>(&mut self, value: Option<T>, write: impl FnOnce(&mut Self, T)) {
        self.u8(u8::from(value.is_some()));
        if let Some(value) = value {
            write(self, value);
        }
    }
    pub(super) fn metering(&mut self, metering: Metering) {
        self.u8(match metering {
            Metering::ConnectedTime => 0,
            Metering::ElapsedTime => 1,
        });
    }
    pub(super) fn device(&mut self, device: DeviceId) {
        self.bytes(&device.mac.0);
        self.bytes(&device.zone.to_le_bytes());
    }
    pub(super) fn addresses(&mut self, addresses: &[IpAddr]) {
        let addresses = &addresses[..addresses.len().min(usize::from(u8::MAX))];
        self.u8(u8::try_from(addresses.len()).unwrap_or(u8::MAX));
        for address in addresses {
            match address {
                IpAddr::V4(v4) => self.bytes(&v4.to_ipv6_mapped().octets()),
                IpAddr::V6(v6) => self.bytes(&v6.octets()),
            }
        }
    }
}

pub(super) struct Reader<'a> {
    bytes: &'a [u8],
    /// Of the row.
    version: u8,
}

impl<'a> Reader<'a> {
    /// The fields of a row, behind its version, of which `newest` is the last that is known.
    pub(super) fn of(row: &'a [u8], newest: u8) -> Result<Self, Damaged> {
        let mut from = Self {
            bytes: row,
            version: 0,
        };
        from.version = from.u8()?;
        if (1..=newest).contains(&from.version) {
            Ok(from)
        } else {
            Err(Damaged)
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Damaged> {
        let (head, rest) = self.bytes.split_first_chunk::<N>().ok_or(Damaged)?;
        self.bytes = rest;
        Ok(*head)
    }
    pub(super) fn u8(&mut self) -> Result<u8, Damaged> {
        self.array::<1>().map(|[byte]| byte)
    }
    pub(super) fn u32(&mut self) -> Result<u32, Damaged> {
        self.array().map(u32::from_le_bytes)
    }
    pub(super) fn u64(&mut self) -> Result<u64, Damaged> {
        self.array().map(u64::from_le_bytes)
    }
    pub(super) fn i64(&mut self) -> Result<i64, Damaged> {
        self.array().map(i64::from_le_bytes)
    }
    pub(super) fn text(&mut self) -> Result<String, Damaged> {
        let length = usize::try_from(self.u32()?).map_err(|_| Damaged)?;
        let (text, rest) = self.bytes.split_at_checked(length).ok_or(Damaged)?;
        self.bytes = rest;
        String::from_utf8(text.to_vec()).map_err(|_| Damaged)
    }
    /// Passes a text over.
    pub(super) fn skip_text(&mut self) -> Result<(), Damaged> {
        let length = usize::try_from(self.u32()?).map_err(|_| Damaged)?;
        let (_, rest) = self.bytes.split_at_checked(length).ok_or(Damaged)?;
        self.bytes = rest;
        Ok(())
    }
    pub(super) fn option<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, Damaged>,
    ) -> Result<Option<T>, Damaged> {
        match self.u8()? {
            0 => Ok(None),
            1 => read(self).map(Some),
            _ => Err(Damaged),
        }
    }
    pub(super) fn flag(&mut self) -> Result<bool, Damaged> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Damaged),
        }
    }
    pub(super) fn metering(&mut self) -> Result<Metering, Damaged> {
        match self.u8()? {
            0 => Ok(Metering::ConnectedTime),
            1 => Ok(Metering::ElapsedTime),
            _ => Err(Damaged),
        }
    }
    pub(super) fn mac(&mut self) -> Result<Mac, Damaged> {
        self.array().map(Mac)
    }
    pub(super) fn device(&mut self) -> Result<DeviceId, Damaged> {
        Ok(DeviceId {
            mac: self.mac()?,
            zone: u16::from_le_bytes(self.array()?),
        })
    }
    pub(super) fn uuid(&mut self) -> Result<Uuid, Damaged> {
        self.array().map(Uuid::from_bytes)
    }
    pub(super) fn addresses(&mut self) -> Result<Vec<IpAddr>, Damaged> {
        let count = self.u8()?;
        (0..count)
            .map(|_| {
                self.array::<16>()
                    .map(|octets| IpAddr::from(octets).to_canonical())
            })
            .collect()
    }
}

impl Row for Token {
    fn write(&self, out: &mut Writer) {
        out.u64(self.id);
        out.bytes(self.unique_id.as_bytes());
        out.u64(self.business_id);
        out.text(self.code.as_str());
        out.option(self.description.as_deref(), Writer::text);
        out.u32(self.minutes_included);
        out.option(self.valid_from, Writer::i64);
        out.option(self.valid_to, Writer::i64);
        out.option(self.user_limit, Writer::u32);
        out.option(self.mac_address, |out, mac| out.bytes(&mac.0));
        out.option(self.booking_guid, |out, guid| out.bytes(guid.as_bytes()));
        out.option(self.visitor_guid, |out, guid| out.bytes(guid.as_bytes()));
        out.option(self.last_access, Writer::i64);
        out.i64(self.created_on);
        out.i64(self.updated_on);
        out.text(&self.updated_by);
        out.option(self.system_id.as_deref(), Writer::text);
        out.metering(self.metering);
        out.u64(self.entitled);
        out.u64(self.used);
        out.u64(self.settled);
        out.option(self.run.as_ref(), |out, run| {
            out.u64(run.id);
            out.device(run.device);
            out.i64(run.opened_wall);
            out.u64(run.charged);
            out.u8(u8::from(run.paused));
        });
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            id: from.u64()?,
            unique_id: from.uuid()?,
            business_id: from.u64()?,
            code: AccessCode::new(from.text()?).map_err(|_| Damaged)?,
            description: from.option(Reader::text)?,
            minutes_included: from.u32()?,
            valid_from: from.option(Reader::i64)?,
            valid_to: from.option(Reader::i64)?,
            user_limit: from.option(Reader::u32)?,
            mac_address: from.option(Reader::mac)?,
            booking_guid: from.option(Reader::uuid)?,
            visitor_guid: from.option(Reader::uuid)?,
            last_access: from.option(Reader::i64)?,
            created_on: from.i64()?,
            updated_on: from.i64()?,
            updated_by: from.text()?,
            system_id: from.option(Reader::text)?,
            metering: from.metering()?,
            entitled: from.u64()?,
            used: from.u64()?,
            settled: from.u64()?,
            run: from.option(|from| {
                Ok(Run {
                    id: from.u64()?,
                    device: from.device()?,
                    opened_wall: from.i64()?,
                    charged: from.u64()?,
                    paused: from.flag()?,
                })
            })?,
        })
    }
}

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
    use proptest::prelude::*;

    fn token() -> Token {
        Token {
            id: 7,
            unique_id: Uuid::from_u128(1),
            business_id: 3,
            code: AccessCode::new("00001").unwrap(),
            description: Some("Desk 4".into()),
            minutes_included: 60,
            valid_from: None,
            valid_to: Some(-5),
            user_limit: Some(2),
            mac_address: Some(Mac([2, 0, 0, 0, 0, 1])),
            booking_guid: None,
            visitor_guid: Some(Uuid::from_u128(2)),
            last_access: None,
            created_on: 1,
            updated_on: 2,
            updated_by: "a@b".into(),
            system_id: None,
            metering: Metering::ElapsedTime,
            entitled: 3_600_000,
            used: 1,
            settled: 9,
            run: Some(Run {
                id: 5,
                device: DeviceId {
                    mac: Mac([2, 0, 0, 0, 0, 1]),
                    zone: 3,
                },
                opened_wall: 4,
                charged: 1,
                paused: true,
            }),
        }
    }

    #[test]
    fn rows_read_back_and_every_cut_of_them_is_damage() {
        let bytes = token().encode();
        assert_eq!(Token::decode(&bytes), Ok(token()));
        for cut in 0..bytes.len() {
            assert_eq!(Token::decode(&bytes[..cut]), Err(Damaged), "cut at {cut}");
        }
        let longer = [bytes.as_slice(), &[0]].concat();
        assert_eq!(Token::decode(&longer), Err(Damaged));
        let newer = [&[VERSION + 1], &bytes[1..]].concat();
        assert_eq!(Token::decode(&newer), Err(Damaged));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Token::decode(&bytes);
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

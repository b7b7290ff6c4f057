//! Rows as bytes: a version byte, then the fields in order, little endian, texts and lists with their length before.
//! A field that may be absent has a byte before it, 0 or 1.

use std::net::IpAddr;

use uuid::Uuid;

use crate::{
    ledger::Metering,
    mac::{DeviceId, Mac},
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
    pub(super) version: u8,
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

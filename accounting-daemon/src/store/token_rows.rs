//! The rows of a token. `tokens` has each token whole, as it was made or edited last; `balances` has the balances of those
//! that were used since, which is all that a redemption or a release writes.

use super::codec::{Damaged, Reader, Row, Writer};
use crate::{
    ledger::{AccessCode, Run, Token, TokenBalance},
    mac::Mac,
};

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
        out.i64(self.entitled);
        out.u64(self.used);
        out.u64(self.settled);
        out.option(self.run.as_ref(), write_run);
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
            entitled: from.i64()?,
            used: from.u64()?,
            settled: from.u64()?,
            draws: 0,
            run: from.option(read_run)?,
        })
    }
}

impl Row for TokenBalance {
    fn write(&self, out: &mut Writer) {
        out.u64(self.id);
        out.option(self.mac_address, |out, mac| out.bytes(&mac.0));
        out.option(self.last_access.get(), Writer::i64);
        out.i64(self.entitled);
        out.u64(self.used);
        out.u64(self.settled);
        out.u32(self.draws);
        out.u64(self.business_id);
        out.option(self.valid_from.get(), Writer::i64);
        out.option(self.valid_to.get(), Writer::i64);
        out.option(self.user_limit.get(), Writer::u32);
        out.metering(self.metering);
        out.option(self.run.as_deref(), write_run);
    }

    fn read(from: &mut Reader<'_>) -> Result<Self, Damaged> {
        Ok(Self {
            id: from.u64()?,
            mac_address: from.option(Reader::mac)?,
            last_access: from.option(Reader::i64)?.into(),
            entitled: from.i64()?,
            used: from.u64()?,
            settled: from.u64()?,
            draws: from.u32()?,
            business_id: from.u64()?,
            valid_from: from.option(Reader::i64)?.into(),
            valid_to: from.option(Reader::i64)?.into(),
            user_limit: from.option(Reader::u32)?.into(),
            metering: from.metering()?,
            run: from.option(read_run)?.map(Box::new),
        })
    }
}

/// Reads the device of an encoded balance; the rest of it is passed over.
pub(super) fn device_of_balance(row: &[u8]) -> Result<Option<Mac>, Damaged> {
    let mut from = Reader::of(row, TokenBalance::VERSION)?;
    from.u64()?;
    from.option(Reader::mac)
}

fn write_run(out: &mut Writer, run: &Run) {
    out.u64(run.id);
    out.device(run.device);
    out.i64(run.opened_wall);
    out.u64(run.charged);
    out.flag(run.paused);
}

fn read_run(from: &mut Reader<'_>) -> Result<Run, Damaged> {
    Ok(Run {
        id: from.u64()?,
        device: from.device()?,
        opened_wall: from.i64()?,
        charged: from.u64()?,
        paused: from.flag()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ledger::Metering, mac::DeviceId};
    use proptest::prelude::*;
    use uuid::Uuid;

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
            draws: 0,
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
        let newer = [&[Token::VERSION + 1], &bytes[1..]].concat();
        assert_eq!(Token::decode(&newer), Err(Damaged));

        let used = TokenBalance {
            draws: 1,
            ..token().balance()
        };
        let bytes = used.encode();
        assert_eq!(TokenBalance::decode(&bytes), Ok(used));
        for cut in 0..bytes.len() {
            assert_eq!(TokenBalance::decode(&bytes[..cut]), Err(Damaged), "cut at {cut}");
        }
    }

    proptest! {
        #[test]
        fn no_bytes_panic(bytes: Vec<u8>) {
            let _ = Token::decode(&bytes);
            let _ = TokenBalance::decode(&bytes);
        }
    }
}

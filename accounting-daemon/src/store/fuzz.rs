//! See [`crate::fuzz`].

use super::{Checkpoint, codec::Row};
use crate::{
    ledger::{AccessCode, Adjustment, Cause, Metering, Session, Token, TokenBalance, Traffic, UsageRecord},
    mac::{DeviceId, Mac},
};

pub(crate) fn rows(bytes: &[u8]) {
    row::<Token>(bytes);
    row::<TokenBalance>(bytes);
    row::<Session>(bytes);
    row::<UsageRecord>(bytes);
    row::<Adjustment>(bytes);
    if let Ok(checkpoint) = Checkpoint::decode(bytes) {
        assert!(Checkpoint::decode(&checkpoint.encode()).is_ok_and(|again| again == checkpoint));
    }
}

fn row<R: Row + PartialEq>(bytes: &[u8]) {
    if let Ok(row) = R::decode(bytes) {
        let again = R::decode(&row.encode());
        assert!(
            again.is_ok_and(|again| again == row),
            "a row changes when it is written"
        );
    }
}

pub(crate) fn samples() -> Vec<Vec<u8>> {
    let device = DeviceId {
        mac: Mac([2, 0, 0, 0, 0, 7]),
        zone: 3,
    };
    let addresses = vec![[10, 77, 0, 10].into(), [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1].into()];
    let session = Session {
        id: 1,
        device,
        token: 1,
        opened: 5,
        opened_wall: 1_736_937_000_000,
        charged: 3,
        settled: 2,
        metering: Metering::ConnectedTime,
        addresses: addresses.clone(),
        age: 0,
        parked: false,
    };
    let usage = UsageRecord {
        id: 1,
        token: 1,
        device,
        addresses,
        opened_on: 5,
        released_on: 9,
        last_seen_on: Some(4),
        charged: 4,
        traffic: Traffic::default(),
        cause: Cause::Logout,
    };
    let checkpoint = Checkpoint {
        boot: [7; 16],
        monotonic: 3,
        wall: 4,
    };
    let mut samples = vec![session.encode(), usage.encode(), checkpoint.encode()];
    if let Ok(code) = AccessCode::new("CODE-7") {
        let token = token(code);
        samples.extend([token.encode(), token.balance().encode()]);
    }
    samples
}

fn token(code: AccessCode) -> Token {
    Token {
        id: 7,
        unique_id: uuid::Uuid::from_u128(7),
        business_id: 1,
        code,
        description: Some("Room 4".to_owned()),
        minutes_included: 60,
        valid_from: Some(1_736_937_000_000),
        valid_to: None,
        user_limit: Some(2),
        mac_address: Some(Mac([2, 0, 0, 0, 0, 7])),
        booking_guid: Some(uuid::Uuid::from_u128(8)),
        visitor_guid: None,
        last_access: None,
        created_on: 1,
        updated_on: 2,
        updated_by: "a@b".to_owned(),
        system_id: Some("{}".to_owned()),
        metering: Metering::ElapsedTime,
        entitled: 60_000,
        used: 5,
        settled: 0,
        draws: 0,
        run: None,
    }
}

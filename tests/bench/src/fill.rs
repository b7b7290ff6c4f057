//! Tokens and sessions written straight into a store, as the daemon itself would have left them.

use accounting_daemon::{
    clock::Clock,
    ledger::{AccessCode, MINUTE_MS, Metering, Now, Session, Token, TokenId},
    mac::{DeviceId, Mac},
    store::{Checkpoint, Disk, Store, Write},
};
use anyhow::{Context, Result};
use std::path::Path;
use uuid::Uuid;

/// Rows of one transaction.
const CHUNK: u64 = 50_000;

/// Minutes on each token.
const MINUTES: u32 = 600;

/// The code of the token of this number: ten characters without any order.
pub(crate) fn code(token: TokenId) -> String {
    const LETTERS: &[u8; 31] = b"23456789ABCDEFGHJKMNPQRSTUVWXYZ";
    let mut state = mixed(token);
    let letters = (0..10).map(|_| {
        let letter = state % 31;
        state /= 31;
        usize::try_from(letter).map_or('2', |letter| char::from(LETTERS[letter]))
    });
    letters.collect()
}

/// A one-to-one mixture of 64 bits (splitmix64).
fn mixed(value: u64) -> u64 {
    let mut z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// The device of this number.
pub(crate) fn device(number: u64) -> DeviceId {
    let bytes = number.to_be_bytes();
    DeviceId {
        mac: Mac([0x02, 0xbe, bytes[4], bytes[5], bytes[6], bytes[7]]),
        zone: 0,
    }
}

/// Numbers `0..count` in an order that jumps about.
pub(crate) fn shuffled(count: u64) -> impl Iterator<Item = u64> {
    // A prime that divides no count in use.
    (0..count).map(move |place| place * 7_368_787 % count.max(1))
}

/// A new token.
pub(crate) fn token(id: TokenId, now: Now) -> Result<Token> {
    Ok(Token {
        id,
        unique_id: Uuid::from_u64_pair(mixed(id), mixed(!id)),
        business_id: 1,
        code: AccessCode::new(code(id)).context("a code that is none")?,
        description: None,
        minutes_included: MINUTES,
        valid_from: None,
        valid_to: None,
        user_limit: Some(1),
        mac_address: None,
        booking_guid: None,
        visitor_guid: None,
        last_access: None,
        created_on: now.wall,
        updated_on: now.wall,
        updated_by: "admin@lab.test".to_owned(),
        system_id: None,
        metering: Metering::ConnectedTime,
        entitled: (u64::from(MINUTES) * MINUTE_MS).cast_signed(),
        used: 0,
        settled: now.monotonic,
        draws: 0,
        run: None,
    })
}

/// Writes tokens `1..=tokens`, and sessions of device `n` on token `n + 1` for the first `sessions` of them.
pub(crate) fn fill(data: &Path, tokens: u64, sessions: u64) -> Result<()> {
    let boot = Clock::new(true, None)?.boot();
    fill_in(boot, data, tokens, sessions)
}

/// The same in another boot of the machine.
pub(crate) fn fill_in(boot: [u8; 16], data: &Path, tokens: u64, sessions: u64) -> Result<()> {
    let mut disk = Disk::open(data)?;
    let clock = Clock::new(true, None)?;
    let now = clock.now();
    let checkpoint = Checkpoint {
        boot,
        monotonic: now.monotonic,
        wall: now.wall,
    };
    for first in (1..=tokens).step_by(usize::try_from(CHUNK)?) {
        let mut writes = Vec::new();
        for id in first..(first + CHUNK).min(tokens + 1) {
            let mut token = token(id, now)?;
            let open = id <= sessions;
            if open {
                token.mac_address = Some(device(id - 1).mac);
                token.last_access = Some(now.wall);
            }
            writes.push(Write::Create(token.clone()));
            if open {
                token.draws = 1;
                writes.push(Write::Update(token.balance()));
                writes.push(Write::Open(session(id, now)));
            }
        }
        disk.commit(&writes, checkpoint)?;
    }
    Ok(())
}

fn session(id: u64, now: Now) -> Session {
    Session {
        id,
        device: device(id - 1),
        token: id,
        opened: now.monotonic,
        opened_wall: now.wall,
        age: 0,
        charged: 0,
        settled: now.monotonic,
        parked: false,
        metering: Metering::ConnectedTime,
        addresses: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn codes_and_devices_differ_and_the_order_reaches_all() {
        let codes: BTreeSet<String> = (0..5_000).map(code).collect();
        let devices: BTreeSet<DeviceId> = (0..5_000).map(device).collect();
        let order: BTreeSet<u64> = shuffled(5_000).collect();
        assert_eq!((codes.len(), devices.len(), order.len()), (5_000, 5_000, 5_000));
    }
}

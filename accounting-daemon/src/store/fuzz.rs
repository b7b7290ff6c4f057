//! See [`crate::fuzz`].

use super::{
    AuditRecord, Checkpoint, Client, Grant, Heard, ListEntry, User, codec::Row, codes, index::Keys,
    token_rows::device_of_balance,
};
use crate::ledger::{Adjustment, SecondFactor, Session, Token, TokenBalance, UsageRecord};

/// The first byte says which kind of row the others are.
pub(crate) fn rows(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else {
        return;
    };
    let read: fn(&[u8]) = match kind {
        0 => token,
        1 => balance,
        2 => |row| _ = one_way::<Session>(row),
        3 => |row| _ = one_way::<UsageRecord>(row),
        4 => |row| _ = one_way::<Heard>(row),
        5 => |row| _ = one_way::<Adjustment>(row),
        6 => |row| _ = one_way::<Checkpoint>(row),
        7 => |row| _ = one_way::<Grant>(row),
        8 => |row| _ = one_way::<SecondFactor>(row),
        9 => |row| _ = one_way::<ListEntry>(row),
        // Sets of numbers, and one address as a list, could be written in several ways.
        10 => |row| _ = same::<User>(row),
        11 => |row| _ = same::<Client>(row),
        12 => |row| _ = same::<AuditRecord>(row),
        _ => return,
    };
    read(bytes);
}

/// Those who read only a part of a row read what is in it.
fn token(bytes: &[u8]) {
    let Some(token) = one_way::<Token>(bytes) else {
        return;
    };
    assert_eq!(Keys::of(bytes), Ok(Keys::from(&token)), "other keys");
    assert_eq!(
        codes::code_of(bytes).as_deref(),
        Ok(token.code.as_str()),
        "another code"
    );
    let balance = token.balance();
    assert_eq!(
        TokenBalance::decode(&balance.encode()),
        Ok(balance),
        "another balance"
    );
}

fn balance(bytes: &[u8]) {
    // The most extreme values of dates and counts are taken for the ones before them.
    let Some(balance) = same::<TokenBalance>(bytes) else {
        return;
    };
    assert_eq!(
        device_of_balance(bytes),
        Ok(balance.mac_address),
        "another device"
    );
}

/// A row that is read is written byte for byte as it was, if this version wrote it.
fn one_way<R: Row + PartialEq>(bytes: &[u8]) -> Option<R> {
    let row = same::<R>(bytes)?;
    let own = bytes.first() == Some(&R::VERSION);
    assert!(!own || row.encode() == bytes, "a row is written in two ways");
    Some(row)
}

/// A row that is read and written again is the same row.
fn same<R: Row + PartialEq>(bytes: &[u8]) -> Option<R> {
    let row = R::decode(bytes).ok()?;
    let again = R::decode(&row.encode());
    assert!(
        again.is_ok_and(|again| again == row),
        "a row changes when it is written"
    );
    Some(row)
}

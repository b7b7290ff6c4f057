//! The words of scenarios: lengths of time, devices, refusals.

use crate::{
    ledger::RedeemError,
    mac::{DeviceId, Mac},
};

pub(super) fn ms(text: &str) -> u64 {
    let (number, unit) = text.split_at(text.find(|c: char| c.is_alphabetic()).unwrap());
    number.parse::<u64>().unwrap()
        * match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            other => panic!("unit {other}"),
        }
}

pub(super) fn device(name: &str) -> DeviceId {
    let (number, zone) = name
        .strip_prefix('d')
        .unwrap()
        .split_once('@')
        .unwrap_or((&name[1..], "0"));
    DeviceId {
        mac: mac(number.parse().unwrap()),
        zone: zone.parse().unwrap(),
    }
}

fn mac(number: u16) -> Mac {
    let [high, low] = number.to_be_bytes();
    Mac([2, 0, 0, 0, high, low])
}

/// A refusal as scenarios write it.
pub(super) fn refusal(error: RedeemError) -> String {
    let (RedeemError::TooManyAttempts { retry_after_s }
    | RedeemError::NoSeat {
        retry_after_s: Some(retry_after_s),
        ..
    }) = error
    else {
        let text = format!("{error:?}");
        return text.split_whitespace().next().unwrap().to_owned();
    };
    let text = format!("{error:?}");
    format!("{} {retry_after_s}s", text.split_whitespace().next().unwrap())
}

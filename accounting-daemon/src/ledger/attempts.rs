//! Wrong codes: how many a device, and whoever asks for it, may try in a minute.
//!
//! Successes cost nothing. The code space is what protects codes; budgets keep one sender from trying at full speed.

use std::{
    collections::{BTreeMap, VecDeque},
    net::IpAddr,
};

use super::{Mutant, Now, RedeemError, Rules, broken};
use crate::mac::DeviceId;

/// The span in which attempts count, in milliseconds.
const WINDOW_MS: u64 = 60_000;

/// Attempts remembered at once; the oldest are forgotten first.
const ATTEMPTS_MAX: usize = 65_536;

/// Who asks for a device to be let in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Asker {
    /// A client that signed in, by its name.
    Client(String),
    /// Somebody at an address.
    Address(IpAddr),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Device(DeviceId),
    Asker(Asker),
}

/// The attempts of the last minute.
#[derive(Clone, Debug, Default)]
pub(super) struct Attempts {
    log: VecDeque<(u64, Key)>,
    by_key: BTreeMap<Key, VecDeque<u64>>,
    /// Attempts in the log; those with a device are there twice.
    count: usize,
}

impl Attempts {
    /// Whether another attempt is heard; `device` is `None` where none is named.
    pub(super) fn check(
        &mut self,
        device: Option<DeviceId>,
        asker: &Asker,
        rules: &Rules,
        now: Now,
    ) -> Result<(), RedeemError> {
        self.forget(now);
        if broken(Mutant::NoBudget) {
            return Ok(());
        }
        let device = device.map(|device| (Key::Device(device), rules.attempts_per_device));
        let asker = (Key::Asker(asker.clone()), rules.attempts_per_asker);
        let device = device.filter(|_| !broken(Mutant::DeviceHasNoBudget));
        let asker = Some(asker).filter(|_| !broken(Mutant::ClientHasNoBudget));
        for (key, max) in device.into_iter().chain(asker) {
            let Some(times) = self.by_key.get(&key) else {
                continue;
            };
            // The attempt that must leave the window before there is room.
            if let Some(at) = times.len().checked_sub(max).and_then(|place| times.get(place)) {
                let wait = (at + WINDOW_MS).saturating_sub(now.monotonic);
                return Err(RedeemError::TooManyAttempts {
                    retry_after_s: wait.div_ceil(1_000),
                });
            }
        }
        Ok(())
    }

    /// Remembers an attempt that was refused.
    pub(super) fn refused(&mut self, device: Option<DeviceId>, asker: &Asker, now: Now) {
        let device = device.map(Key::Device);
        for key in device.into_iter().chain([Key::Asker(asker.clone())]) {
            self.by_key
                .entry(key.clone())
                .or_default()
                .push_back(now.monotonic);
            self.log.push_back((now.monotonic, key));
        }
        self.count += 1;
        while self.log.len() > ATTEMPTS_MAX {
            self.forget_oldest();
        }
    }

    /// How many were refused in the last minute, by all together.
    pub(super) fn count(&mut self, now: Now) -> usize {
        self.forget(now);
        self.count
    }

    fn forget(&mut self, now: Now) {
        while let Some((at, _)) = self.log.front()
            && at + WINDOW_MS + u64::from(broken(Mutant::AttemptWindowLate)) <= now.monotonic
        {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let Some((_, key)) = self.log.pop_front() else {
            return;
        };
        self.count -= usize::from(matches!(key, Key::Asker(_)));
        let Some(times) = self.by_key.get_mut(&key) else {
            return;
        };
        times.pop_front();
        if times.is_empty() {
            self.by_key.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mac::Mac;

    fn at(monotonic: u64) -> Now {
        Now {
            monotonic,
            wall: 0,
            trusted: true,
        }
    }

    fn device(number: usize) -> DeviceId {
        let [.., a, b, c] = number.to_be_bytes();
        let mac = Mac([2, 0, 0, a, b, c]);
        DeviceId { mac, zone: 0 }
    }

    #[test]
    fn what_is_counted_is_the_last_minute_and_bounded() {
        let mut attempts = Attempts::default();
        let asker = Asker::Client("a".to_owned());
        attempts.refused(Some(device(1)), &asker, at(0));
        attempts.refused(None, &asker, at(30_000));
        assert_eq!(attempts.count(at(59_999)), 2);
        assert_eq!(attempts.count(at(60_000)), 1);
        assert_eq!(attempts.count(at(90_000)), 0);
        for number in 0..1_000_000 {
            attempts.refused(Some(device(number)), &asker, at(100_000));
        }
        assert_eq!(attempts.log.len(), ATTEMPTS_MAX);
        assert_eq!(attempts.count(at(100_000)), ATTEMPTS_MAX / 2);
        assert!(attempts.by_key.len() <= ATTEMPTS_MAX / 2 + 1);
    }
}

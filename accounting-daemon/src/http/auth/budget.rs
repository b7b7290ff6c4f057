//! How many failures are heard before attempts are refused unseen.
//!
//! An account and an address each have some a minute. Once an account's are spent, only addresses that have not failed on
//! it themselves are still heard, so that guessing from elsewhere does not lock its owner out.

use std::{collections::HashMap, hash::Hash, net::IpAddr};

use crate::store::fold_email;

/// The length of a budget's window in milliseconds, from its first failure.
const WINDOW_MS: u64 = 60_000;

/// Windows kept for each kind of budget. Every failure costs its sender a check, so that far fewer begin in a minute.
const WINDOWS_MAX: usize = 16_384;

/// A client's address: of IPv6 the first 64 bits, since the rest is the client's to choose.
type Address = u128;

/// The budgets. Times are milliseconds of the monotonic clock.
pub(super) struct Budgets {
    account_max: u32,
    address_max: u32,
    accounts: Windows<String>,
    addresses: Windows<Address>,
    pairs: Windows<(String, Address)>,
}

struct Windows<K>(HashMap<K, Window>);

#[derive(Clone, Copy)]
struct Window {
    began: u64,
    failures: u32,
}

impl Budgets {
    /// Budgets of so many failures a window for an account, and for an address.
    pub(super) fn new(account_max: u32, address_max: u32) -> Self {
        Self {
            account_max,
            address_max,
            accounts: Windows::default(),
            addresses: Windows::default(),
            pairs: Windows::default(),
        }
    }

    /// Seconds to wait, when an attempt is not to be heard.
    pub(super) fn refuses(&self, email: &str, peer: IpAddr, now: u64) -> Option<u64> {
        let (email, address) = (fold_email(email), address(peer));
        if let Some(wait) = self.addresses.spent(&address, self.address_max, now) {
            return Some(wait);
        }
        let wait = self.accounts.spent(&email, self.account_max, now)?;
        self.pairs.spent(&(email, address), 1, now).map(|_| wait)
    }

    /// An attempt failed.
    pub(super) fn failed(&mut self, email: &str, peer: IpAddr, now: u64) {
        let (email, address) = (fold_email(email), address(peer));
        self.addresses.add(address, now);
        self.accounts.add(email.clone(), now);
        self.pairs.add((email, address), now);
    }

    /// The attempt counted last did not fail after all.
    pub(super) fn passed(&mut self, email: &str, peer: IpAddr) {
        let (email, address) = (fold_email(email), address(peer));
        self.addresses.take(&address);
        self.accounts.take(&email);
        self.pairs.take(&(email, address));
    }
}

impl<K> Default for Windows<K> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<K: Eq + Hash + Clone> Windows<K> {
    fn spent(&self, key: &K, max: u32, now: u64) -> Option<u64> {
        let window = self.0.get(key).filter(|window| window.failures >= max)?;
        let left = window.began.saturating_add(WINDOW_MS).checked_sub(now)?;
        (left > 0).then(|| left.div_ceil(1000))
    }

    fn add(&mut self, key: K, now: u64) {
        let live = |window: &Window| now < window.began.saturating_add(WINDOW_MS);
        if self.0.len() >= WINDOWS_MAX && !self.0.contains_key(&key) {
            self.0.retain(|_, window| live(window));
            let oldest = self.0.iter().min_by_key(|(_, window)| window.began);
            if let Some((oldest, _)) = oldest.filter(|_| self.0.len() >= WINDOWS_MAX) {
                let oldest = oldest.clone();
                self.0.remove(&oldest);
            }
        }
        let fresh = Window {
            began: now,
            failures: 0,
        };
        let window = self.0.entry(key).or_insert(fresh);
        if !live(window) {
            *window = fresh;
        }
        window.failures = window.failures.saturating_add(1);
    }

    fn take(&mut self, key: &K) {
        if let Some(window) = self.0.get_mut(key) {
            window.failures = window.failures.saturating_sub(1);
        }
    }
}

fn address(peer: IpAddr) -> Address {
    match peer.to_canonical() {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits() >> 64 << 64,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_account_is_closed_to_those_who_failed_and_open_to_others() {
        let mut budgets = Budgets::new(10, 30);
        let (here, there) = (ip("192.0.2.1"), ip("192.0.2.2"));
        for nth in 0..10 {
            assert_eq!(budgets.refuses("a", here, nth), None, "{nth}");
            budgets.failed("a", here, nth);
        }
        assert_eq!(budgets.refuses("A", here, 1000), Some(59));
        assert_eq!(budgets.refuses("b", here, 1000), None);
        assert_eq!(budgets.refuses("a", there, 1000), None);
        budgets.failed("a", there, 1000);
        assert_eq!(budgets.refuses("a", there, 1000), Some(59));
        assert_eq!(budgets.refuses("a", here, 59_999), Some(1));
        assert_eq!(budgets.refuses("a", here, 60_000), None);
    }

    #[test]
    fn an_address_has_thirty_whatever_the_account() {
        let mut budgets = Budgets::new(10, 30);
        for nth in 0..30 {
            let peer = ip(&format!("2001:db8::{nth:x}"));
            assert_eq!(budgets.refuses(&nth.to_string(), peer, 0), None, "{nth}");
            budgets.failed(&nth.to_string(), peer, 0);
        }
        assert_eq!(budgets.refuses("new", ip("2001:db8::ffff"), 0), Some(60));
        assert_eq!(budgets.refuses("new", ip("2001:db8:0:1::1"), 0), None);
    }

    #[test]
    fn a_success_costs_nothing() {
        let mut budgets = Budgets::new(10, 30);
        for _ in 0..100 {
            assert_eq!(budgets.refuses("a", ip("::1"), 0), None);
            budgets.failed("a", ip("::1"), 0);
            budgets.passed("a", ip("::1"));
        }
    }

    #[test]
    fn memory_is_bounded() {
        let mut windows = Windows::default();
        for nth in 0..WINDOWS_MAX as u64 + 100 {
            windows.add(nth, nth / 1000);
        }
        assert_eq!(windows.0.len(), WINDOWS_MAX);
        assert!(windows.0.contains_key(&(WINDOWS_MAX as u64 + 99)));
    }
}

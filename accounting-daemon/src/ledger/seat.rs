//! Seats: who must make room when all are taken.

use super::{Activity, Ledger, Mutant, Now, RedeemError, TokenId, broken};
use crate::mac::DeviceId;

/// What a full token answers a device that asks for a seat.
pub(super) enum Seat {
    /// One is free.
    Free,
    /// This device has been silent for long enough and goes.
    Displace(DeviceId),
    /// The same, because the guest asked for it.
    TakeOver(DeviceId),
}

impl Ledger {
    /// Finds a seat on a token.
    pub(super) fn seat(
        &self,
        token: TokenId,
        takeover: bool,
        activity: &dyn Activity,
        now: Now,
    ) -> Result<Seat, RedeemError> {
        let Some(account) = self.accounts.get(token) else {
            return Err(RedeemError::UnknownCode);
        };
        let user_limit = account.token.seats();
        let seats_used = u32::try_from(account.open.len()).unwrap_or(u32::MAX);
        if seats_used < user_limit {
            return Ok(Seat::Free);
        }
        let quietest = account
            .open
            .iter()
            .filter_map(|device| self.sessions.get(*device))
            .map(|open| (open.heard(activity).silence(open.settled, now), open.device))
            // The first of equals is the oldest session.
            .reduce(|quietest, next| {
                if next.0 > quietest.0 && !broken(Mutant::OldestSeatGoes) {
                    next
                } else {
                    quietest
                }
            });
        let takeover = takeover || broken(Mutant::TakeoverUnasked);
        let late = u64::from(broken(Mutant::SeatSilenceLate));
        let enough = if broken(Mutant::TakeoverOfTheActive) {
            0
        } else {
            self.rules.takeover_silence + u64::from(broken(Mutant::TakeoverSilenceLate))
        };
        let no_seat = |retry_after_ms: Option<u64>| RedeemError::NoSeat {
            user_limit,
            seats_used,
            retry_after_s: retry_after_ms
                .filter(|_| !broken(Mutant::NoRetryAfter))
                .map(|ms| ms.div_ceil(1_000)),
        };
        match quietest {
            Some((silence, device)) if silence >= self.rules.seat_silence + late => {
                Ok(Seat::Displace(device))
            }
            Some((silence, device)) if takeover && silence >= enough => {
                let recent = self.takeovers_since(token, now);
                if recent.len() < self.rules.takeovers_max || broken(Mutant::TakeoversUnlimited) {
                    return Ok(Seat::TakeOver(device));
                }
                let oldest = recent.first().copied().unwrap_or(now.monotonic);
                Err(no_seat(Some(
                    (oldest + self.rules.takeover_window).saturating_sub(now.monotonic),
                )))
            }
            Some((silence, _)) if takeover => Err(no_seat(Some(enough - silence))),
            _ => Err(no_seat(None)),
        }
    }

    /// Remembers a takeover, and forgets those that lie outside the window.
    pub(super) fn taken_over(&mut self, token: TokenId, now: Now) {
        let oldest = now.monotonic.saturating_sub(self.rules.takeover_window);
        self.takeovers.retain(|_, times| {
            times.retain(|at| *at > oldest);
            !times.is_empty()
        });
        let counted = if broken(Mutant::TakeoversCountedTogether) {
            0
        } else {
            token
        };
        self.takeovers.entry(counted).or_default().push(now.monotonic);
    }

    /// Forgets the last takeover: it was not to be.
    pub(super) fn not_taken_over(&mut self, token: TokenId) {
        if let Some(times) = self.takeovers.get_mut(&token) {
            times.pop();
        }
    }

    fn takeovers_since(&self, token: TokenId, now: Now) -> Vec<u64> {
        let oldest = now.monotonic.checked_sub(self.rules.takeover_window);
        let late = u64::from(broken(Mutant::TakeoverWindowLate));
        let counted = if broken(Mutant::TakeoversCountedTogether) {
            0
        } else {
            token
        };
        let times = self.takeovers.get(&counted).map_or(&[] as &[u64], Vec::as_slice);
        times
            .iter()
            .copied()
            .filter(|at| oldest.is_none_or(|oldest| *at + late > oldest))
            .collect()
    }
}

//! The account of a token: its balance, who draws on it, and when that ends.

use super::{
    FOREVER, Metering, Mutant, Now, TokenBalance, broken, devices::Devices, due::Kind, table::Entry,
};

/// Spreads the times at which deadlines are moved (2^64 by the golden ratio).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The deadline of a token on which parked devices wait, in monotonic milliseconds.
#[derive(Clone, Copy)]
pub(super) struct Until {
    pub(super) at: u64,
    /// When it can be moved.
    pub(super) moves: u64,
}

/// A balance in memory together with its open sessions.
#[derive(Clone, Debug)]
pub(super) struct Account {
    /// What it draws at is worked out anew for each [`Account::row`].
    pub(super) token: TokenBalance,
    /// Devices with an open session, oldest session first.
    pub(super) open: Devices,
    /// How many of them are parked.
    pub(super) parked: u32,
    /// When something is due of it, and what; [`FOREVER`] where nothing is.
    due: u64,
    kind: Kind,
    /// The deadline last given to the gate, while there are sessions; [`FOREVER`] where there is none.
    pub(super) deadline: u64,
}

impl Account {
    pub(super) fn new(token: TokenBalance) -> Self {
        Self {
            token,
            open: Devices::default(),
            parked: 0,
            due: FOREVER,
            kind: Kind::Depleted,
            deadline: FOREVER,
        }
    }

    /// How many times as fast as the clock the balance runs down.
    fn draws(&self) -> u64 {
        match (self.token.metering, &self.token.run) {
            (Metering::ConnectedTime, _) if broken(Mutant::SeatsDrawOnce) => self.busy().into(),
            (Metering::ElapsedTime, Some(_)) if broken(Mutant::ElapsedDrawsForEach) => {
                self.open.len().max(1) as u64
            }
            (Metering::ElapsedTime, _) if broken(Mutant::ElapsedNeedsConnection) => {
                u64::from(!self.open.is_empty())
            }
            (Metering::ConnectedTime, _) => self.open.len().saturating_sub(self.parked as usize) as u64,
            (Metering::ElapsedTime, Some(run)) => u64::from(!run.paused),
            (Metering::ElapsedTime, None) => 0,
        }
    }

    /// The balance as it is to be kept.
    pub(super) fn row(&self) -> TokenBalance {
        TokenBalance {
            draws: u32::try_from(self.draws()).unwrap_or(u32::MAX),
            ..self.token.clone()
        }
    }

    /// Whether the token must stay in memory.
    pub(super) fn busy(&self) -> bool {
        !self.open.is_empty() || self.token.run.is_some()
    }

    /// What is charged at an instant not before the last settlement: never more than the token is entitled to.
    pub(super) fn used_at(&self, monotonic: u64) -> u64 {
        let grown = monotonic
            .saturating_sub(self.token.settled)
            .saturating_mul(self.draws());
        self.token.used + grown.min(self.token.left())
    }

    /// Charges a time that the clock does not show.
    pub(super) fn charge(&mut self, ms: u64) {
        let charged = ms.saturating_mul(self.draws()).min(self.token.left());
        self.token.used += charged;
        if let Some(run) = &mut self.token.run {
            run.charged += charged;
        }
    }

    /// Charges up to an instant. Whatever is due before it must have been booked.
    pub(super) fn settle(&mut self, monotonic: u64) {
        debug_assert!(
            self.draws() == 0 || monotonic >= self.token.settled,
            "time went backwards"
        );
        let used = self.used_at(monotonic);
        if let Some(run) = &mut self.token.run {
            run.charged += used - self.token.used;
        }
        self.token.used = used;
        self.token.settled = monotonic;
    }

    /// The instant at which the balance ends if nothing changes; `None` while nobody draws on it.
    pub(super) fn depleted_at(&self) -> Option<u64> {
        let share = self.token.left().checked_div(self.draws())?;
        Some(self.token.settled.saturating_add(share))
    }

    /// Whether nobody draws on it and parked devices may begin to.
    pub(super) fn waits(&self) -> bool {
        self.parked > 0 && self.draws() == 0 && self.token.metering == Metering::ConnectedTime
    }

    /// The deadline of one that waits since an instant and was looked at at another: nobody can get more than the balance. It is
    /// moved in steps of a power of two of milliseconds and of a quarter of the balance at most, each token at times of its own, so
    /// that few are moved at a look.
    pub(super) fn parked_until(&self, since: u64, looked: u64) -> Until {
        let left = self.token.left();
        let step = (left / 4).checked_ilog2().map_or(1, |bits| 1_u64 << bits);
        let own = self.token.id.wrapping_mul(SPREAD) & (step - 1);
        let looked = looked.max(since);
        let begun = looked.saturating_add(own) & !(step - 1);
        let next = begun.saturating_add(step);
        let from = if broken(Mutant::ParkedDeadlineAhead) {
            next
        } else {
            begun
        };
        Until {
            at: from.saturating_sub(own).max(since).saturating_add(left),
            moves: next.saturating_sub(own),
        }
    }

    /// What comes due next, and when. A calendar limit that has passed is due at `earliest`.
    pub(super) fn next_due(&self, earliest: u64, now: Now) -> Option<(u64, Kind)> {
        let calendar = |wall| now.monotonic_at(wall).max(earliest);
        let depleted = self.depleted_at().map(|at| (at, Kind::Depleted));
        let online = !self.open.is_empty();
        let expired = self
            .token
            .valid_to
            .get()
            .filter(|_| online)
            .map(|to| (calendar(to), Kind::Expired));
        let paused = self.token.run.as_ref().is_some_and(|run| run.paused);
        let resumed = self
            .token
            .valid_from
            .get()
            .filter(|_| paused)
            .map(|from| (calendar(from), Kind::Resumed));
        if broken(Mutant::DepletedBeforeExpired) {
            let dues = [depleted, expired, resumed].into_iter().flatten();
            return dues.min_by_key(|(at, _)| *at);
        }
        [depleted, expired, resumed].into_iter().flatten().min()
    }
}

impl Entry for Account {
    const ALIKE_BITS: u32 = 0;

    fn key(&self) -> u64 {
        self.token.id
    }

    fn due(&self) -> Option<(u64, Kind)> {
        (self.due != FOREVER).then_some((self.due, self.kind))
    }

    fn note_due(&mut self, due: Option<(u64, Kind)>) {
        (self.due, self.kind) = due.unwrap_or((FOREVER, Kind::Depleted));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_takes_few_bytes() {
        assert_eq!(size_of::<Option<Account>>(), 128);
    }
}

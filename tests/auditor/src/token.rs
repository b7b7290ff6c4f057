//! The history of a token, and what follows from it.

use crate::{
    Device, TokenSeen, Whose,
    rules::{MINUTE, Now, signed},
};

/// By which the number of a token is multiplied for the times at which its deadline moves.
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the records")]
pub enum Cause {
    Logout,
    Idle,
    SessionTimeout,
    Depleted,
    Expired,
    Revoked,
    Displaced,
    Disconnected,
    Switched,
    GatewayLost,
}

/// What stays of a session or a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its token.
    pub token: u64,
    /// Its device.
    pub device: Device,
    /// Wall clock milliseconds of its beginning.
    pub opened_on: i64,
    /// Wall clock milliseconds of its end.
    pub released_on: i64,
    /// Milliseconds charged.
    pub charged: u64,
    /// Why it ended.
    pub cause: Cause,
}

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Its number.
    pub id: u64,
    /// Its device.
    pub device: Device,
    /// Its admission; before zero where that was in a former boot.
    pub opened: i64,
    /// The same by the wall clock.
    pub opened_on: i64,
    /// Charged before `from`.
    pub before: u64,
    /// Charged ever since, or parked ever since.
    pub from: u64,
    /// Whether it waits for a first frame and is charged nothing.
    pub parked: bool,
    /// The last frame from the device.
    pub up: Option<u64>,
    /// The last frame to the device.
    pub down: Option<u64>,
    /// The same before the gate began to count anew; a daemon that dies takes the knowledge with it.
    pub earlier: (Option<u64>, Option<u64>),
}

impl Session {
    /// Since when the device is silent.
    #[must_use]
    pub fn silent_since(&self) -> u64 {
        self.up.max(self.earlier.0).unwrap_or(0).max(self.from)
    }

    /// The frame with which it goes on, seen at an instant.
    #[must_use]
    pub fn woken(&self, now: u64) -> Option<u64> {
        let frames = [self.up, self.down, self.earlier.0, self.earlier.1];
        let last = frames.into_iter().flatten().max()?;
        (self.parked && last > self.from).then_some(last.min(now))
    }

    /// The last frame in either direction, admission before the first.
    #[must_use]
    pub fn last_frame(&self) -> u64 {
        self.down
            .max(self.earlier.1)
            .unwrap_or(0)
            .max(self.silent_since())
    }
}

/// A run on elapsed time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// Number of its record.
    pub id: u64,
    /// The device that began it.
    pub device: Device,
    /// Wall clock milliseconds of its beginning.
    pub opened_on: i64,
    /// Charged before `since`.
    pub before: u64,
    /// Charged ever since; `None` while it is paused.
    pub since: Option<u64>,
}

impl Run {
    /// Milliseconds charged at an instant.
    #[must_use]
    pub fn charged(&self, at: u64) -> u64 {
        self.before + self.since.map_or(0, |since| at.saturating_sub(since))
    }
}

/// A token with everything that ever happened to its balance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// Its number.
    pub id: u64,
    /// Its code as codes compare.
    pub code: String,
    /// Its location.
    pub place: u64,
    /// Its minutes as shown.
    pub minutes: u32,
    /// Not before.
    pub from: Option<i64>,
    /// Not at or after.
    pub to: Option<i64>,
    /// Simultaneous devices.
    pub limit: Option<u32>,
    /// Whether on elapsed time.
    pub elapsed: bool,
    /// Whose e-mail address must come with its code.
    pub whose: Option<Whose>,
    /// Whether it was ever redeemed.
    pub redeemed: bool,
    /// Milliseconds given at creation, and each change since.
    pub grants: Vec<i64>,
    /// Milliseconds of each session and run that ended, by number.
    pub charges: Vec<(u64, u64)>,
    /// Open sessions, oldest first.
    pub open: Vec<Session>,
    /// The run, on elapsed time.
    pub run: Option<Run>,
    /// When seats were taken over.
    pub takeovers: Vec<u64>,
}

impl Token {
    /// What it is good for.
    #[must_use]
    pub fn entitled(&self) -> i64 {
        self.grants.iter().sum()
    }

    /// What one of its sessions is charged at an instant.
    #[must_use]
    pub fn charged(&self, session: &Session, at: u64) -> u64 {
        if self.elapsed {
            0
        } else if session.parked {
            session.before
        } else {
            session.before + (at - session.from)
        }
    }

    /// What is charged at an instant.
    #[must_use]
    pub fn used(&self, at: u64) -> u64 {
        let ended: u64 = self.charges.iter().map(|(_, ms)| ms).sum();
        let open: u64 = self.open.iter().map(|session| self.charged(session, at)).sum();
        ended + open + self.run.as_ref().map_or(0, |run| run.charged(at))
    }

    /// The balance at an instant.
    #[must_use]
    pub fn left(&self, at: u64) -> u64 {
        let left = self.entitled() - signed(self.used(at));
        left.max(0).unsigned_abs()
    }

    /// Devices it allows.
    #[must_use]
    pub fn seats(&self) -> u32 {
        self.limit.unwrap_or(1).max(1)
    }

    /// When the balance ends, seen from an instant; `None` while nothing draws on it.
    #[must_use]
    pub fn depleted_at(&self, at: u64) -> Option<u64> {
        let draws = if self.elapsed {
            u64::from(self.run.as_ref().is_some_and(|run| run.since.is_some()))
        } else {
            self.open.iter().filter(|session| !session.parked).count() as u64
        };
        // A pause may end, and a parked device go on, after the instant from which this is seen.
        let since = self.run.as_ref().and_then(|run| run.since);
        let woken = self.open.iter().filter(|session| !session.parked);
        let woken = woken.map(|session| session.from).max();
        let at = at.max(since.max(woken).unwrap_or(0));
        (draws > 0).then(|| at + self.left(at) / draws)
    }

    /// Whether nobody draws on it, but parked devices may begin to.
    #[must_use]
    pub fn waits(&self) -> bool {
        !self.elapsed && !self.open.is_empty() && self.open.iter().all(|session| session.parked)
    }

    /// The instant up to which parked devices may pass where they were looked at at another: never longer than the balance,
    /// and at least three quarters of it. It moves by the greatest power of two of milliseconds that lies within the fourth, at
    /// times that differ from token to token.
    #[must_use]
    pub fn parked_until(&self, looked: u64, at: u64) -> u64 {
        let (left, since) = (self.left(at), self.open.iter().map(|session| session.from).max());
        let (since, mut step) = (since.unwrap_or(0), 1);
        while step * 2 <= left / 4 {
            step *= 2;
        }
        let own = self.id.wrapping_mul(SPREAD) % step;
        let looked = looked.max(since);
        let over = (looked + own) % step;
        looked.saturating_sub(over).max(since) + left
    }

    /// Changes what it is good for: below nothing too, and what is given later makes that good first.
    pub fn grant(&mut self, ms: i64) {
        self.grants.push(ms);
    }

    /// As answers show it.
    #[must_use]
    pub fn seen(&self, at: u64) -> TokenSeen {
        TokenSeen {
            id: self.id,
            entitled: self.entitled(),
            used: self.used(at),
            left: self.left(at),
            shown: self.left(at).div_ceil(MINUTE),
            seats: self.open.len(),
            run: self.run.as_ref().map(|run| (run.id, run.charged(at))),
        }
    }

    /// Whether the calendar forbids it: too early, too late.
    #[must_use]
    pub fn off_season(&self, wall: i64) -> (bool, bool) {
        (
            self.from.is_some_and(|from| wall < from),
            self.to.is_some_and(|to| wall >= to),
        )
    }

    /// Moves the beginning of a pause or of going on to an instant.
    pub fn pause(&mut self, paused: bool, at: u64) {
        if let Some(run) = &mut self.run {
            run.before = run.charged(at);
            run.since = (!paused).then_some(at);
        }
    }
}

/// Minutes as milliseconds.
pub(crate) fn minutes(count: u32) -> i64 {
    signed(u64::from(count) * MINUTE)
}

/// A code as codes compare: without case, spaces and dashes, with look-alikes folded.
pub(crate) fn fold(code: &str) -> String {
    let mut folded = String::new();
    for letter in code.to_uppercase().chars() {
        match letter {
            ' ' | '-' => {}
            'O' => folded.push('0'),
            'I' | 'L' => folded.push('1'),
            other => folded.push(other),
        }
    }
    folded
}

impl Record {
    /// The record of a session that ends.
    pub(crate) fn of(session: &Session, token: u64, at: u64, charged: u64, cause: Cause, now: Now) -> Self {
        Self {
            token,
            device: session.device,
            opened_on: session.opened_on,
            released_on: now.wall_at(at),
            charged,
            cause,
        }
    }
}

//! The session: one device's use of one token, from admission to release.

use std::net::IpAddr;

use super::{Metering, Mutant, Run, TokenId, broken};
use crate::mac::DeviceId;

/// A session's number; grows with each redemption and is never used twice.
pub type SessionId = u64;

/// What a device has sent and received. Times are milliseconds of the monotonic clock; `None`: not yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes from the device.
    pub bytes_up: u64,
    /// Bytes to the device.
    pub bytes_down: u64,
    /// Frames from the device.
    pub packets_up: u64,
    /// Frames to the device.
    pub packets_down: u64,
    /// The last frame from the device that was forwarded.
    pub seen_up: Option<u64>,
    /// The last forwarded frame to the device.
    pub seen_down: Option<u64>,
}

/// Why a session ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// The guest or the portal asked.
    Logout,
    /// Nothing was heard of the device for the idle timeout.
    Idle,
    /// The cap of one session was reached.
    SessionTimeout,
    /// The balance is zero.
    Depleted,
    /// The calendar limit has passed.
    Expired,
    /// The token was deleted.
    Revoked,
    /// Another device took the seat.
    Displaced,
    /// An administrator ended it.
    Disconnected,
    /// The device redeemed another code.
    Switched,
    /// The gateway was off, or lost the device.
    GatewayLost,
}

impl Cause {
    /// Every cause, in the order of their numbers in the store.
    pub const ALL: [Self; 10] = [
        Self::Logout,
        Self::Idle,
        Self::SessionTimeout,
        Self::Depleted,
        Self::Expired,
        Self::Revoked,
        Self::Displaced,
        Self::Disconnected,
        Self::Switched,
        Self::GatewayLost,
    ];

    /// The name in answers, exports and metrics.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Logout => "Logout",
            Self::Idle => "Idle",
            Self::SessionTimeout => "SessionTimeout",
            Self::Depleted => "Depleted",
            Self::Expired => "Expired",
            Self::Revoked => "Revoked",
            Self::Displaced => "Displaced",
            Self::Disconnected => "Disconnected",
            Self::Switched => "Switched",
            Self::GatewayLost => "GatewayLost",
        }
    }
}

/// An open session, as the ledger and the store hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    /// Number of the session.
    pub id: SessionId,
    /// Whose it is.
    pub device: DeviceId,
    /// What it draws on.
    pub token: TokenId,
    /// Monotonic milliseconds of its admission.
    pub opened: u64,
    /// The same by the wall clock.
    pub opened_wall: i64,
    /// Milliseconds for which it was open before `opened`, in former boots.
    pub age: u64,
    /// Milliseconds charged up to `settled`.
    pub charged: u64,
    /// Monotonic milliseconds from which its charge grows with the clock, or since when it is parked; moves only when time
    /// is not charged, so that the row need not be rewritten as time passes.
    pub settled: u64,
    /// Whether its device may pass and is charged nothing until a frame of it is forwarded.
    pub parked: bool,
    /// How the clock of its token runs: a session on elapsed time is charged nothing, the run is.
    pub metering: Metering,
    /// Addresses the device was seen with, in their order; [`super::ADDRESSES_MAX`] at most. Written with the row's next change.
    pub addresses: Vec<IpAddr>,
}

impl Session {
    /// Milliseconds charged to it up to an instant of the monotonic clock.
    #[must_use]
    pub fn charged_at(&self, monotonic: u64) -> u64 {
        match self.metering {
            _ if self.parked => self.charged,
            Metering::ConnectedTime => self.charged + monotonic.saturating_sub(self.settled),
            Metering::ElapsedTime if broken(Mutant::ElapsedChargedTwice) => {
                self.charged + monotonic.saturating_sub(self.settled)
            }
            Metering::ElapsedTime => self.charged,
        }
    }
}

/// What stays of a session that was released, or of a run on elapsed time: that one has no traffic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRecord {
    /// The session's number.
    pub id: SessionId,
    /// What it drew on.
    pub token: TokenId,
    /// Whose it was.
    pub device: DeviceId,
    /// Addresses the device was seen with.
    pub addresses: Vec<IpAddr>,
    /// Wall clock milliseconds of admission.
    pub opened_on: i64,
    /// Wall clock milliseconds of release.
    pub released_on: i64,
    /// Milliseconds charged.
    pub charged: u64,
    /// What went through.
    pub traffic: Traffic,
    /// Wall clock milliseconds of the last forwarded frame, in any boot; `None`: there was none.
    pub last_seen_on: Option<i64>,
    /// Why it ended.
    pub cause: Cause,
}

impl UsageRecord {
    /// The record of a session that ends; what went through is filled in by whoever asks the gate.
    #[must_use]
    pub fn of(session: &Session, released_on: i64, charged: u64, cause: Cause) -> Self {
        Self {
            id: session.id,
            token: session.token,
            device: session.device,
            addresses: session.addresses.clone(),
            opened_on: session.opened_wall,
            released_on,
            charged,
            traffic: Traffic::default(),
            last_seen_on: None,
            cause,
        }
    }

    /// The record of a run that ends.
    #[must_use]
    pub fn of_run(run: Run, token: TokenId, released_on: i64, cause: Cause) -> Self {
        Self {
            id: run.id,
            token,
            device: run.device,
            addresses: Vec::new(),
            opened_on: run.opened_wall,
            released_on,
            charged: run.charged,
            traffic: Traffic::default(),
            last_seen_on: None,
            cause,
        }
    }
}

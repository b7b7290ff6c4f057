//! The engine's front: what the edges may ask of the one owner of the ledger.

use std::net::IpAddr;

use crate::{
    ledger::{Cause, CreateError, NewToken, RedeemError, ReleaseError, SessionId, Token, TokenId, Traffic},
    mac::{DeviceId, Mac},
};

/// Why the engine gave no answer at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unavailable {
    /// More waits than it takes in; try again after a second.
    #[error("the daemon is busy: try again in a second")]
    Busy,
    /// The store failed; nothing was acknowledged.
    #[error("the store failed: see the log of the daemon")]
    Store,
    /// The daemon is stopping.
    #[error("the daemon is stopping")]
    Stopping,
}

/// A refusal by the ledger, or no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal<E> {
    /// The ledger refused, and why.
    #[error(transparent)]
    Ledger(E),
    /// There was no answer.
    #[error(transparent)]
    Unavailable(Unavailable),
}

/// A token together with its balance at the time of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenView {
    /// The record; its `used` is up to date.
    pub token: Token,
    /// Devices online.
    pub seats_used: u32,
}

/// An open session at the time of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionView {
    /// Number of the session.
    pub id: SessionId,
    /// Whose it is.
    pub device: DeviceId,
    /// The token it draws on, its `used` up to date.
    pub token: Token,
    /// Devices online on that token.
    pub seats_used: u32,
    /// Wall clock milliseconds of admission.
    pub opened_on: i64,
    /// Wall clock milliseconds of the last frame either way that was forwarded; admission before the first.
    pub last_seen: i64,
    /// Milliseconds until this device is cut if nothing changes; `None`: nothing limits it.
    pub left: Option<u64>,
    /// What went through.
    pub traffic: Traffic,
    /// Addresses the device was seen with.
    pub addresses: Vec<IpAddr>,
}

/// A code to redeem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redeem {
    /// What was typed.
    pub code: crate::ledger::AccessCode,
    /// The device to admit; a unicast address, checked by the caller.
    pub device: DeviceId,
    /// Whether a silent device may be displaced.
    pub takeover: bool,
}

/// The way into the engine; cheap to clone.
#[derive(Clone, Debug)]
pub struct Engine {}

impl Engine {
    /// Creates a token.
    ///
    /// # Errors
    /// [`CreateError`], or no answer.
    pub async fn create(&self, _new: NewToken) -> Result<Token, Refusal<CreateError>> {
        Err(Refusal::Unavailable(Unavailable::Busy))
    }

    /// The token with this number.
    ///
    /// # Errors
    /// No answer.
    pub async fn token(&self, _id: TokenId) -> Result<Option<TokenView>, Unavailable> {
        Err(Unavailable::Busy)
    }

    /// Opens a session, or returns the open one when this device is on this code already.
    ///
    /// # Errors
    /// [`RedeemError`], or no answer.
    pub async fn redeem(&self, _redeem: Redeem) -> Result<SessionView, Refusal<RedeemError>> {
        Err(Refusal::Unavailable(Unavailable::Busy))
    }

    /// Ends the session of a MAC address, in the zone named or in the only one.
    ///
    /// # Errors
    /// [`ReleaseError`], or no answer.
    pub async fn release(
        &self,
        _mac: Mac,
        _zone: Option<u16>,
        _cause: Cause,
    ) -> Result<(), Refusal<ReleaseError>> {
        Err(Refusal::Unavailable(Unavailable::Busy))
    }

    /// The open sessions of a MAC address, by zone: in the zone named, or in all.
    ///
    /// # Errors
    /// No answer.
    pub async fn sessions_of(&self, _mac: Mac, _zone: Option<u16>) -> Result<Vec<SessionView>, Unavailable> {
        Err(Unavailable::Busy)
    }
}

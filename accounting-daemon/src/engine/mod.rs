//! The engine: one owner of ledger, store and gate, and the front through which the edges ask it.
//!
//! What waits in the mailbox is handled in one round: booked, decided, committed in one transaction, carried out in the
//! kernel, answered. While one round commits, the next gathers.

mod answer;
mod audit;
mod decide;
mod feed;
mod front;
mod heard;
mod lasting;
mod listing;
mod lists;
mod meter;
mod plan;
mod reply;
mod round;
mod session_meter;
mod start;
mod step;
#[cfg(test)]
mod tests;
mod worker;

/// What the meters are made of; the model checker puts its own in their place.
mod atomics {
    pub(super) use std::sync::atomic::{AtomicU64, Ordering};
}

use std::net::IpAddr;

pub use answer::{Answer, Balance, CodeCheck, Message, PageAsked};
pub use feed::{Event, Feed, Happening, Missed};
pub use front::Engine;
pub use listing::{SessionFilter, SessionPage};
pub use lists::{ListAsked, ListChange, ListError, ListPage};
pub use meter::{Meters, Reading};
pub use round::{Core, Observer};
pub use start::StartError;
pub use step::Step;
pub use worker::Worker;

use crate::{
    ledger::{SessionId, Token, TokenBalance, Traffic},
    mac::DeviceId,
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
    /// The store has failed and takes nothing for the moment; nothing was tried. Try again after a second.
    #[error("the store cannot be written at the moment: see the log of the daemon")]
    Outage,
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

/// A token at the time of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenView {
    /// The record; its `used` is up to date.
    pub token: Token,
    /// Devices online.
    pub seats_used: u32,
}

/// The balance of a token at the time of asking.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalanceView {
    /// The balance; its `used` is up to date.
    pub token: TokenBalance,
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
    /// The balance it draws on, its `used` up to date.
    pub token: TokenBalance,
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

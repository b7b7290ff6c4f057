//! What comes due by itself, and the order in which it is booked.

use super::TokenId;
use crate::mac::DeviceId;

/// Something that happens by itself when its time comes. The order of the variants decides between equal times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    /// The first frame of a parked device.
    Woken(DeviceId),
    /// The silence of a device.
    Idle(DeviceId),
    /// The cap of one session.
    SessionTimeout(DeviceId),
    /// The end of the time for which a device may be parked.
    Lost(DeviceId),
    /// The calendar limit of a token.
    Expired(TokenId),
    /// The balance of a token.
    Depleted(TokenId),
    /// The end of a pause: the first date of a token that is running already.
    Resumed(TokenId),
}

/// An instant of the monotonic clock, and what is due then.
pub(super) type DueAt = (u64, Due);

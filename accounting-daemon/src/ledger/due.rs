//! What comes due by itself, and the order in which it is booked.

use super::TokenId;
use crate::mac::DeviceId;

/// What kind of thing comes due. The order of the variants decides between equal times.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// The first frame of a parked device.
    Woken,
    /// The silence of a device.
    Idle,
    /// The cap of one session.
    SessionTimeout,
    /// The end of the time for which a device may be parked.
    Lost,
    /// The calendar limit of a token.
    Expired,
    /// The balance of a token.
    Depleted,
    /// The end of a pause: the first date of a token that is running already.
    Resumed,
}

/// Of what.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Subject {
    Session(DeviceId),
    Token(TokenId),
}

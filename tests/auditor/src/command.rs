//! What the daemon is asked, and what it must answer.

use crate::{Cause, Device};

/// One letter to the daemon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Make a token.
    Create(New),
    /// Redeem a code, and perhaps take a silent seat over, with somebody's e-mail address or none; the last is the number of the
    /// client that asks.
    Redeem(String, Device, bool, Option<u8>, u8),
    /// End the session of a MAC address, in one zone or in the only one.
    Release(u64, Option<u16>, Cause),
    /// Edit a token.
    Edit(u64, Change),
    /// Set the balance of a token, in milliseconds.
    Balance(u64, u64),
    /// Delete a token.
    Delete(u64),
    /// Put a device on a list (whether it is the one of the blocked), until an instant of the wall clock or for good.
    List(bool, Device, Option<i64>),
    /// Take it off.
    Unlist(bool, Device),
    /// Look at a token.
    Token(u64),
    /// Look at the sessions of a MAC address.
    Sessions(u64),
}

/// A token to make. Dates are wall clock milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct New {
    /// The code as typed.
    pub code: String,
    /// The location.
    pub place: u64,
    /// Minutes it is made with.
    pub minutes: u32,
    /// The balance in minutes where it differs.
    pub minutes_left: Option<u32>,
    /// Not before.
    pub from: Option<i64>,
    /// Not at or after.
    pub to: Option<i64>,
    /// Simultaneous devices.
    pub limit: Option<u32>,
    /// Whether its time runs whether connected or not.
    pub elapsed: bool,
    /// Whose e-mail address must come with the code.
    pub whose: Option<Whose>,
}

/// Whose e-mail address must come with a code, of which class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// 0 for visitors, 1 for bookings.
    pub class: u8,
    /// The number of somebody.
    pub who: u8,
}

/// One field of a token, changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// `MinutesIncluded`.
    Minutes(u32),
    /// `UserLimit`.
    Limit(Option<u32>),
    /// `ValidFrom`.
    From(Option<i64>),
    /// `ValidTo`.
    To(Option<i64>),
    /// The code.
    Code(String),
    /// The location.
    Place(u64),
    /// The metering: whether elapsed.
    Elapsed(bool),
}

/// What comes back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A token that was made, edited or looked at.
    Token(TokenSeen),
    /// No token.
    Nothing,
    /// A session that was opened or found.
    Session(SessionSeen),
    /// The open sessions of a MAC address, by zone.
    Sessions(Vec<SessionSeen>),
    /// A list was changed; whether the entry was new.
    Listed(bool),
    /// Done.
    Done,
    /// Refused.
    Refused(Why),
}

/// A token as the answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenSeen {
    /// Its number.
    pub id: u64,
    /// Milliseconds it is good for; below zero where more was taken back than there was.
    pub entitled: i64,
    /// Milliseconds charged.
    pub used: u64,
    /// `max(0, entitled - used)`.
    pub left: u64,
    /// The same in minutes as people see it, rounded up.
    pub shown: u64,
    /// Devices online.
    pub seats: usize,
    /// The number of its run and what that was charged, on elapsed time.
    pub run: Option<(u64, u64)>,
}

/// A session as the answer shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSeen {
    /// Its number.
    pub id: u64,
    /// Its device.
    pub device: Device,
    /// Its token.
    pub token: TokenSeen,
    /// Wall clock milliseconds of admission.
    pub opened_on: i64,
    /// Milliseconds until the device is cut; `None`: nothing limits it.
    pub left: Option<u64>,
}

/// A full token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Devices it allows.
    pub limit: u32,
    /// Devices online.
    pub used: usize,
    /// Seconds until a takeover may succeed.
    pub retry_after: Option<u64>,
}

/// Why the daemon refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// The budget of wrong codes is spent; seconds until the next is heard.
    TooManyAttempts(u64),
    /// No token has the code.
    UnknownCode,
    /// The token belongs elsewhere.
    WrongLocation,
    /// It has dates and nobody knows the date.
    ClockNotSet,
    /// Its time has not come.
    NotYetValid(i64),
    /// Its time has passed.
    Expired,
    /// Its balance is zero.
    Depleted,
    /// All seats are taken.
    NoSeat(Seat),
    /// No room in the gate, or the kernel refused.
    GateFull,
    /// Another token has the code.
    CodeInUse,
    /// No such token.
    NotFound,
    /// The metering of a redeemed token is fixed.
    MeteringFixed,
    /// The dates are the wrong way round.
    DatesReversed,
    /// No session to release.
    NotOnline,
    /// Sessions in several zones.
    SeveralZones,
    /// The device is not on the list.
    NotListed,
    /// The entry would be over at once.
    Over,
}
